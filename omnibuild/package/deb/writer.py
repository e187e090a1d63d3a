"""Debian packages: written as a stream, and their control paragraph read back."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from omnibuild.digests import of_bytes
from omnibuild.files import atomic_file
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import (
    CompressingSink,
    Compression,
    Effort,
    HashingSink,
    compressor,
)
from omnibuild.package.deb.ar import MAGIC, ar_header, ar_padding
from omnibuild.package.deb.control import binary_control, installed_size
from omnibuild.package.deb.scripts import complete_scripts
from omnibuild.package.identity import check_identity
from omnibuild.package.members import (
    READ_SIZE,
    archive_members,
    check_config_files,
    check_names,
    check_scripts,
    content,
    name_bytes,
)
from omnibuild.package.relations import deb_depends
from omnibuild.package.system_directories import is_system_directory
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.model import Payload
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
    The data archive is compressed into an unnamed file first, because dpkg wants the checksums
    of the files before them. Raises :class:`PackageError`.
    """
    metadata = payload.metadata
    architecture = platform_deb.architecture
    revision = metadata.revision + platform_deb.revision_suffix
    check_identity(metadata, revision=revision, architecture=architecture)
    members = archive_members(payload.entries_for("deb"))
    scripts = payload.scripts.get("deb", {})
    check_names(members)
    check_config_files(payload.config_files, members)
    check_scripts("deb", scripts, SCRIPTS)
    scripts = complete_scripts(metadata.name, scripts, members)
    control = binary_control(
        metadata,
        version=metadata.full_version(revision),
        architecture=architecture,
        installed_size=installed_size(members),
        derived=deb_depends(payload),
    )

    members = tuple(member for member in members if not is_system_directory(member))
    path = directory / f"{metadata.name}_{metadata.version}-{revision}_{architecture}.deb"
    with atomic_file(path) as stream, tempfile.TemporaryFile(dir=directory) as data:
        md5sums = _write_data(payload, members, data, platform_deb.compression, effort)
        controls = _control_archive(
            {
                "conffiles": _lines(payload.config_files),
                "control": control.encode(),
                "md5sums": md5sums,
            },
            scripts,
            metadata.date,
        )
        output = HashingSink(stream)
        _write_archive(output, controls, data, SUFFIXES[platform_deb.compression], metadata.date)
    return Artifact(path, output.size, output.digest)


def _write_data(
    payload: Payload,
    members: Iterable[Entry],
    data: IO[bytes],
    compression: Compression,
    effort: Effort,
) -> bytes:
    """Compress the files into ``data``; return ``md5sums``, which `dpkg --verify` reads."""
    sums: dict[str, str] = {}

    def read(entry: Entry) -> Iterator[bytes]:
        if known := payload.md5.get(entry.digest):
            sums[entry.path] = known
            yield from content(payload.root, entry)
            return
        md5 = hashlib.md5(usedforsecurity=False)
        for chunk in content(payload.root, entry):
            md5.update(chunk)
            yield chunk
        sums[entry.path] = md5.hexdigest()

    sink = CompressingSink(data, compression, effort)
    for block in tar_stream(members, top=".", date=payload.metadata.date, read=read):
        sink.write(block)
    sink.close()

    # dpkg keeps digests of configuration files itself, as they are meant to change.
    config_files = {path.lstrip("/") for path in payload.config_files}
    names = {
        member.path: member.target or member.path  # hard links share their file's sum
        for member in members
        if member.kind in (Kind.FILE, Kind.HARDLINK) and member.path not in config_files
    }
    return name_bytes("".join(f"{sums[file]}  {name}\n" for name, file in names.items()))


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


def _write_archive(
    output: HashingSink, controls: bytes, data: IO[bytes], suffix: str, date: int
) -> None:
    size = data.tell()
    data.seek(0)
    output.write(MAGIC)
    output.write(ar_header("debian-binary", len(FORMAT_VERSION), date) + FORMAT_VERSION)
    output.write(ar_header("control.tar.gz", len(controls), date) + controls)
    output.write(ar_padding(len(controls)))
    output.write(ar_header(f"data.tar.{suffix}", size, date))
    shutil.copyfileobj(data, output, READ_SIZE)
    output.write(ar_padding(size))


def _lines(paths: Iterable[str]) -> bytes:
    return name_bytes("".join(f"{path}\n" for path in sorted(paths)))
