"""Tarballs that run from any directory: the app's own tree and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from omnibuild.errors import PackageError
from omnibuild.files import atomic_file
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import CompressingSink, Effort, HashingSink
from omnibuild.package.identity import check_identity
from omnibuild.package.members import archive_members, below, content
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Tar
from omnibuild.tree import Entry, Kind


def write_tar(
    payload: Payload, platform_tar: Tar, directory: Path, effort: Effort = "release"
) -> Artifact:
    """Write ``<name>-<version>-linux-<architecture>.tar.zst`` into ``directory``.

    It holds the content of the payload's prefix below one directory ``<name>-<version>``.
    Raises :class:`PackageError`.
    """
    metadata = payload.metadata
    architecture = platform_tar.architecture
    check_identity(metadata, revision=metadata.revision, architecture=architecture)
    prefix = payload.prefix.strip("/")
    members = tuple(below(archive_members(payload.tree.entries), prefix))
    _check_relocatable(members, payload.prefix)
    top = f"{metadata.name}-{metadata.version}"
    stream_of = tar_stream(
        members,
        top=top,
        date=metadata.date,
        read=lambda entry: content(payload.root / prefix, entry),
    )

    path = directory / f"{top}-linux-{architecture}.tar.zst"
    with atomic_file(path) as stream:
        output = HashingSink(stream)
        sink = CompressingSink(output, "zstd", effort)
        for block in stream_of:
            sink.write(block)
        sink.close()
    return Artifact(
        path, "tar", metadata.name, metadata.version, architecture, output.size, output.digest
    )


def _check_relocatable(members: Iterable[Entry], prefix: str) -> None:
    for member in members:
        inside = f"{member.target}/".startswith(f"{prefix}/")
        if member.kind is Kind.SYMLINK and inside:
            raise PackageError(
                f"the symlink {member.path} points to {member.target}: it would break"
                " wherever else the tarball is unpacked",
                hint="make the link relative",
            )
