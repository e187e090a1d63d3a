"""The rows of the formats that nfpm writes: of pacman, apk and opkg."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from omnibuild.package.artifact import Artifact
from omnibuild.package.formats.format import Format, Making
from omnibuild.package.nfpm import tool
from omnibuild.package.nfpm.families import APK as APK_FAMILY
from omnibuild.package.nfpm.families import ARCHLINUX as ARCHLINUX_FAMILY
from omnibuild.package.nfpm.families import IPK as IPK_FAMILY
from omnibuild.package.nfpm.families import Family, check
from omnibuild.package.nfpm.writer import write
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Apk, ArchLinux, Ipk

_Settings = ArchLinux | Apk | Ipk


def _libraries(settings: _Settings) -> Mapping[str, str]:
    return {"nfpm": tool.version()}


def _writer(family: Family) -> Callable[[Payload, _Settings, Making], Artifact]:
    return lambda payload, settings, making: write(
        family, payload, settings.architecture, making.directory
    )


ARCHLINUX: Final = Format(
    ArchLinux,
    _libraries,
    partial(check, ARCHLINUX_FAMILY),
    _writer(ARCHLINUX_FAMILY),
    left_out=ARCHLINUX_FAMILY.left_out,
    rights=False,
)
APK: Final = Format(
    Apk,
    _libraries,
    partial(check, APK_FAMILY),
    _writer(APK_FAMILY),
    left_out=APK_FAMILY.left_out,
    rights=False,
)
IPK: Final = Format(
    Ipk,
    _libraries,
    partial(check, IPK_FAMILY),
    _writer(IPK_FAMILY),
    left_out=IPK_FAMILY.left_out,
    rights=False,
)
