"""The rows of the formats that nfpm writes: of pacman, apk and opkg."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from omnibuild.package.artifact import Artifact
from omnibuild.package.formats.format import Format, Making
from omnibuild.package.nfpm import tool
from omnibuild.package.nfpm.families import APK as APK_FAMILY
from omnibuild.package.nfpm.families import ARCHLINUX as ARCHLINUX_FAMILY
from omnibuild.package.nfpm.families import IPK as IPK_FAMILY
from omnibuild.package.nfpm.families import Family, faults
from omnibuild.package.nfpm.writer import write
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Apk, ArchLinux, Ipk

_Settings = ArchLinux | Apk | Ipk


def _libraries(settings: _Settings) -> Mapping[str, str]:
    return {"nfpm": tool.version()}


def _row(settings: type[_Settings], family: Family) -> Format[_Settings]:
    def write_family(payload: Payload, settings: _Settings, making: Making) -> Artifact:
        return write(family, payload, settings.architecture, making.directory)

    return Format(
        settings,
        _libraries,
        partial(faults, family),
        write_family,
        left_out=family.left_out,
        rights=False,
    )


ARCHLINUX: Final = _row(ArchLinux, ARCHLINUX_FAMILY)
APK: Final = _row(Apk, APK_FAMILY)
IPK: Final = _row(Ipk, IPK_FAMILY)
