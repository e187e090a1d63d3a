"""One payload, any format: what the platform takes."""

from __future__ import annotations

from pathlib import Path

from omnibuild.errors import PackageError
from omnibuild.files import write_atomic
from omnibuild.package.artifact import Artifact
from omnibuild.package.deb import write_deb
from omnibuild.package.rpm import write_rpm
from omnibuild.package.tar import write_tar
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Platform

CHECKSUM_SUFFIX = ".sha256"


def write_package(payload: Payload, platform: Platform, directory: Path) -> Artifact:
    """Write the payload in the platform's format, with its checksum file beside it.

    Raises :class:`PackageError`.
    """
    artifact = _write(payload, platform, directory)
    path = artifact.path
    write_atomic(path.with_name(path.name + CHECKSUM_SUFFIX), artifact.checksum_line)
    return artifact


def _write(payload: Payload, platform: Platform, directory: Path) -> Artifact:
    match platform.deb, platform.rpm, platform.tar:
        case deb, None, None if deb is not None:
            return write_deb(payload, deb, directory)
        case None, rpm, None if rpm is not None:
            return write_rpm(payload, rpm, directory)
        case None, None, tar if tar is not None:
            return write_tar(payload, tar, directory)
    raise PackageError(
        f"the platform {platform.name} must have exactly one of [deb], [rpm] and [tar]"
    )
