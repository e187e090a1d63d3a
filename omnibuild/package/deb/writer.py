"""Debian packages: written as a stream, and their control paragraph read back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO

from omnibuild.digests import Digest, of_bytes, of_descriptor
from omnibuild.files import atomic_file
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import (
    CompressingSink,
    Compression,
    Effort,
    compressor,
)
from omnibuild.package.deb.ar import MAGIC, ar_header, ar_padding
from omnibuild.package.deb.configuration import (
    configuration_of,
    entries_with,
    read_with,
)
from omnibuild.package.deb.control import binary_control, installed_size
from omnibuild.package.deb.scripts import complete_scripts
from omnibuild.package.identity import check_identity
from omnibuild.package.members import (
    archive_members,
    check_names,
    check_scripts,
    name_bytes,
)
from omnibuild.package.relations import deb_depends
from omnibuild.package.system_directories import is_system_directory
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.model import Payload
from omnibuild.payload.symbols import build_ids_of
from omnibuild.recipe.models import Debian
from omnibuild.tree import Entry, Kind

FORMAT_VERSION = b"2.0\n"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
SUFFIXES: Mapping[Compression, str] = {"zstd": "zst", "xz": "xz", "gzip": "gz"}


def write_deb(
    payload: Payload, platform_deb: Debian, directory: Path, effort: Effort = "release"
) -> Artifact:
    """Write ``<name>_<version>-<revision>_<architecture>.deb`` into ``directory``.

    As in Debian's archive, an epoch is no part of the file's name.
    dpkg wants the checksums of the files before them; most are known. Raises
    :class:`PackageError`.
    """
    metadata = payload.metadata
    architecture = platform_deb.architecture
    revision = metadata.revision + platform_deb.revision_suffix
    check_identity(metadata, revision=revision, architecture=architecture)
    configuration = configuration_of(payload)
    members = archive_members(entries_with(payload, configuration))
    scripts = payload.scripts.get("deb", {})
    check_names(members)
    check_scripts("deb", scripts, SCRIPTS)
    scripts = complete_scripts(metadata.name, scripts, members, configuration)
    control = binary_control(
        metadata,
        version=metadata.full_version(revision),
        architecture=architecture,
        installed_size=installed_size(members),
        derived=deb_depends(payload),
        build_ids=build_ids_of(payload.tree),
    )

    members = tuple(member for member in members if not is_system_directory(member))
    read = partial(read_with, payload, configuration)
    path = directory / f"{metadata.name}_{metadata.version}-{revision}_{architecture}.deb"
    controls = _control_archive(
        {
            "control": control.encode(),
            "md5sums": _md5sums(members, payload.md5, read),
        },
        scripts,
        metadata.date,
    )
    with atomic_file(path) as stream:
        stream.write(_before_data(controls, metadata.date))
        data = tar_stream(members, top=".", date=metadata.date, read=read)
        _write_data(stream, data, metadata.date, platform_deb.compression, effort)
        size = stream.tell()
        # Rewinding flushes it. What was just written is in memory: this is faster than a copy.
        stream.seek(0)
        digest = of_descriptor(stream.fileno())
    return Artifact(path, size, digest)


def _md5sums(
    members: Iterable[Entry],
    known: Mapping[Digest, str],
    read: Callable[[Entry], Iterator[bytes]],
) -> bytes:
    """Return the list that `dpkg --verify` reads."""
    lines, sums = [], dict[str, str]()
    for member in members:
        if member.kind is Kind.FILE:
            sums[member.path] = known.get(member.digest) or _md5(read(member))
        if member.kind in (Kind.FILE, Kind.HARDLINK):
            # Hard links share their file's sum.
            lines.append(f"{sums[member.target or member.path]}  {member.path}\n")
    return name_bytes("".join(lines))


def _md5(content: Iterable[bytes]) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    for chunk in content:
        md5.update(chunk)
    return md5.hexdigest()


def _write_data(
    stream: IO[bytes],
    blocks: Iterable[bytes],
    date: int,
    compression: Compression,
    effort: Effort,
) -> None:
    """Write the member with the files, whose size is known only at its end."""
    name = f"data.tar.{SUFFIXES[compression]}"
    header = stream.tell()
    stream.write(ar_header(name, 0, date))
    start = stream.tell()
    sink = CompressingSink(stream, compression, effort)
    for block in blocks:
        sink.write(block)
    sink.close()
    size = stream.tell() - start
    stream.write(ar_padding(size))
    stream.seek(header)
    stream.write(ar_header(name, size, date))
    stream.seek(0, os.SEEK_END)


def _control_archive(files: Mapping[str, bytes], scripts: Mapping[str, str], date: int) -> bytes:
    contents = {name: text for name, text in files.items() if text}
    contents |= {name: name_bytes(text) for name, text in scripts.items()}
    members = [
        Entry(name, Kind.FILE, 0o755 if name in scripts else 0o644, len(text), of_bytes(text))
        for name, text in sorted(contents.items())
    ]
    # gzip, because every dpkg reads a control archive of it, whatever it thinks of the data's.
    gzip = compressor("gzip")
    blocks = tar_stream(members, top=".", date=date, read=lambda entry: [contents[entry.path]])
    return b"".join(map(gzip.compress, blocks)) + gzip.flush()


def _before_data(controls: bytes, date: int) -> bytes:
    return b"".join(
        (
            MAGIC,
            ar_header("debian-binary", len(FORMAT_VERSION), date) + FORMAT_VERSION,
            ar_header("control.tar.gz", len(controls), date) + controls,
            ar_padding(len(controls)),
        )
    )
