"""Tarballs that run from any directory: the app's own tree, and which part brought what of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace

from omnibuild.digests import of_bytes
from omnibuild.errors import PackageError
from omnibuild.files import atomic_file, scratch_directory
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import CompressingSink, Effort, HashingSink
from omnibuild.package.identity import check_identity
from omnibuild.package.members import archive_members, below, content
from omnibuild.package.tar.host import HOST_ARCHIVE, has_host_part, write_host_archive
from omnibuild.package.tar.parts import PART_LIST, part_list
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Tar
from omnibuild.tree import Entry, Kind, Tree

_NO_PARTS: Mapping[str, Tree] = MappingProxyType({})


def write_tar(
    payload: Payload,
    platform_tar: Tar,
    directory: Path,
    effort: Effort = "release",
    parts: Mapping[str, Tree] = _NO_PARTS,
) -> Artifact:
    """Write ``<name>-<version>-linux-<architecture>.tar.zst`` into ``directory``.

    It holds the content of the payload's prefix below one directory ``<name>-<version>``, what
    packages have only elsewhere on the host, the same as an archive for hosts that run its
    services, and the list of the parts if there are any.
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
    named = [each.path for each in members if each.kind is not Kind.DIRECTORY]
    listed = part_list(parts, payload.prefix, named)
    made = [Entry(PART_LIST, Kind.FILE, 0o644, len(listed), of_bytes(listed))] if listed else []

    def read(entry: Entry) -> Iterable[bytes]:
        if listed and entry.path == PART_LIST:
            return (listed,)
        if entry.path == HOST_ARCHIVE and has_host_part(payload):
            return content(scratch, replace(entry, path=HOST_ARCHIVE.rpartition("/")[2]))
        if host := host_paths.get(entry.path):
            return content(payload.root, replace(entry, path=host))
        return content(payload.root / prefix, entry)

    top = f"{metadata.name}-{metadata.version}"
    path = directory / f"{top}-linux-{architecture}.tar.zst"
    with scratch_directory(directory) as scratch:
        if has_host_part(payload):
            made.append(write_host_archive(payload, scratch / HOST_ARCHIVE.rpartition("/")[2]))
        members = archive_members((*members, *made))
        return _written(path, tar_stream(members, top=top, date=metadata.date, read=read), effort)


def _written(path: Path, blocks: Iterable[bytes], effort: Effort) -> Artifact:
    with atomic_file(path) as stream:
        output = HashingSink(stream)
        sink = CompressingSink(output, "zstd", effort)
        for block in blocks:
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
