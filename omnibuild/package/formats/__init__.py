"""Formats of packages, one module each, and the table of them: one payload, any format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from omnibuild.errors import PackageError
from omnibuild.files import write_atomic
from omnibuild.package.artifact import Artifact
from omnibuild.package.formats.deb import DEB
from omnibuild.package.formats.format import Format, Making
from omnibuild.package.formats.nfpm import APK, ARCHLINUX, IPK
from omnibuild.package.formats.oci import OCI
from omnibuild.package.formats.pex import PEX
from omnibuild.package.formats.rpm import RPM
from omnibuild.package.formats.tar import TAR
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Platform, Settings
from omnibuild.store.delivery import CHECKSUM_SUFFIX

# By the table of a platform's definition.
FORMATS: Final[Mapping[str, Format[Any]]] = {
    "deb": DEB,
    "rpm": RPM,
    "tar": TAR,
    "oci": OCI,
    "pex": PEX,
    "archlinux": ARCHLINUX,
    "apk": APK,
    "ipk": IPK,
}


def format_of(settings: Settings) -> tuple[str, Format[Any]]:
    """Return the name and the row of the format that a platform's settings are for."""
    return next(row for row in FORMATS.items() if isinstance(settings, row[1].settings))


def inexpressible(metadata: Metadata, platform: Platform) -> Iterable[Fault]:
    """Return what the platform's format cannot express, before anything is built."""
    _, row = format_of(platform.settings)
    return row.faults(metadata)


def left_out(metadata: Metadata, platform: Platform) -> tuple[str, ...]:
    """Return a warning when a recipe says what the platform's packages have no words for."""
    _, row = format_of(platform.settings)
    texts = [text for kind in row.left_out for text in getattr(metadata.relations, kind)]
    if not texts:
        return ()
    return (
        f"packages for {platform.title} cannot say what they only work better with, so they name"
        f" none of: {', '.join(texts)}",
    )


def format_without_rights(platform: Platform) -> str:
    """Return the platform's format if its packages give no owner to files; else nothing."""
    name, row = format_of(platform.settings)
    return "" if row.rights else name


def decisive_settings(platform: Platform) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return what decides the bytes of a platform's artifacts besides the payload.

    Returns:
        the name of the format, its settings as data, and versions of libraries.
    """
    name, row = format_of(platform.settings)
    settings = msgspec.to_builtins(platform.settings)
    decisive = {key: value for key, value in settings.items() if key not in row.elsewhere}
    return name, decisive, dict(row.libraries(platform.settings))


def base_of(platform: Platform) -> str:
    """Return the root that lies beneath apps on a platform; empty where hosts have their own."""
    _, row = format_of(platform.settings)
    return row.base(platform.settings)


def is_of_payload(platform: Platform) -> bool:
    """Tell whether a platform's artifacts are made of the payload, and not of wheels alone."""
    _, row = format_of(platform.settings)
    return row.write is not None


def write_package(payload: Payload, settings: Settings, making: Making) -> Artifact:
    """Write the payload in one format, with its checksum file beside it.

    Args:
        payload: what to package.
        settings: of the platform, for its format; their type says which format it is.
        making: where it goes, and how and of what it is made.

    Raises:
        PackageError: the format cannot express the payload.
    """
    name, row = format_of(settings)
    if row.write is None:
        raise PackageError(f"no payload becomes a {name}")
    artifact = row.write(payload, settings, making)
    path = artifact.path
    write_atomic(path.with_name(path.name + CHECKSUM_SUFFIX), artifact.checksum_line)
    return artifact
