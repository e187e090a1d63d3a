"""One payload, any format: what the platform takes."""

from __future__ import annotations

from pathlib import Path

from omnibuild.files import write_atomic
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import Effort
from omnibuild.package.deb.control import relation_fields
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.rpm.relations import stated
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.package.tar import write_tar
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian, Rpm, Tar
from omnibuild.store.delivery import CHECKSUM_SUFFIX


def write_package(
    payload: Payload, form: Debian | Rpm | Tar, directory: Path, effort: Effort = "release"
) -> Artifact:
    """Write the payload in one format, with its checksum file beside it.

    Args:
        payload: what to package.
        form: the platform's settings for its format; their type says which format it is.
        directory: where the files go; it exists.
        effort: how hard to compress.

    Raises:
        PackageError: the format cannot express the payload.
    """
    artifact = _write(payload, form, directory, effort)
    path = artifact.path
    write_atomic(path.with_name(path.name + CHECKSUM_SUFFIX), artifact.checksum_line)
    return artifact


def check_relations(metadata: Metadata, form: Debian | Rpm | Tar) -> None:
    """Refuse relations that the format does not know, before anything is built.

    Raises :class:`PackageError`.
    """
    match form:
        case Debian():
            relation_fields(metadata.deb_relations)
        case Rpm():
            for kind in ("depends", "recommends", "conflicts", "replaces", "provides"):
                stated(metadata, kind)
        case Tar():
            pass  # Nothing installs a tarball that could heed them.


def _write(payload: Payload, form: Debian | Rpm | Tar, directory: Path, effort: Effort) -> Artifact:
    match form:
        case Debian():
            return write_deb(payload, form, directory, effort)
        case Rpm():
            return write_rpm(payload, form, directory, effort)
        case Tar():
            return write_tar(payload, form, directory, effort)
