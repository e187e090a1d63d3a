"""The row of tarballs that run from any directory: the app's own tree and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from omnibuild.errors import PackageError
from omnibuild.files import atomic_file
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import CompressingSink, Effort, HashingSink, libraries_of
from omnibuild.package.formats.format import Format, whole
from omnibuild.package.identity import check_identity
from omnibuild.package.members import archive_members, below, content
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Tar
from omnibuild.tree import Entry, Kind


def write_tar(
    payload: Payload, platform_tar: Tar, directory: Path, effort: Effort = "release"
) -> Artifact:
    """Write ``<name>-<version>-linux-<architecture>.tar.zst`` into ``directory``.

    It holds the content of the payload's prefix below one directory ``<name>-<version>``, and what
    packages have only elsewhere on the host.
    Raises :class:`PackageError`.
    """
    metadata = payload.metadata
    architecture = platform_tar.architecture
    check_identity(metadata, revision=metadata.revision, architecture=architecture)
    prefix = payload.prefix.strip("/")
    host_paths = {copy: host.lstrip("/") for host, copy in payload.copies.items()}
    copies = (
        replace(payload.tree.by_path[host], path=f"{prefix}/{copy}")
        for copy, host in host_paths.items()
    )
    members = tuple(below(archive_members((*payload.entries_for("tar"), *copies)), prefix))
    _check_relocatable(members, payload.prefix)

    def read(entry: Entry) -> Iterator[bytes]:
        if host := host_paths.get(entry.path):
            return content(payload.root, replace(entry, path=host))
        return content(payload.root / prefix, entry)

    top = f"{metadata.name}-{metadata.version}"
    stream_of = tar_stream(members, top=top, date=metadata.date, read=read)

    path = directory / f"{top}-linux-{architecture}.tar.zst"
    with atomic_file(path) as stream:
        output = HashingSink(stream)
        sink = CompressingSink(output, "zstd", effort)
        for block in stream_of:
            sink.write(block)
        sink.close()
    return Artifact(path, output.size, output.digest)


def _check_relocatable(members: Iterable[Entry], prefix: str) -> None:
    for member in members:
        inside = f"{member.target}/".startswith(f"{prefix}/")
        if member.kind is Kind.SYMLINK and inside:
            raise PackageError(
                f"the symlink {member.path} points to {member.target}: it would break"
                " wherever else the tarball is unpacked",
                hint="make the link relative",
            )


def _faults(metadata: Metadata) -> tuple[Fault, ...]:
    """Nothing installs a tarball that could heed what it says of others."""
    return ()


TAR: Final = Format(Tar, lambda settings: libraries_of("zstd"), _faults, whole(write_tar))
