"""Unpacking wheels, once everything that they say about themselves has been found true."""

from __future__ import annotations

import base64
import configparser
import csv
import errno
import hashlib
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.records import InvalidRecordEntry, RecordEntry
from installer.sources import WheelFile
from installer.utils import Scheme

from omnibuild.errors import ArchiveError
from omnibuild.recipe.wheeltags import parse_wheel_name
from omnibuild.sources.python.programs import LARGEST_SCRIPT, for_own_python, is_program

# All that zipfile, its decompressors and installer raise for damaged and hostile wheels.
_DAMAGE = (
    InstallerError,
    InvalidRecordEntry,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    csv.Error,
    configparser.Error,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,  # encrypted; of an unknown compression
    ValueError,
)
# What an operating system says of itself, and never of a wheel.
_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE)
_SHOWN_ISSUES = 5


def install_wheel(
    wheel: Path, name: str, target: Path, packages: str, scratch: Path, interpreter: str
) -> Path:
    """Install a wheel's files below ``target``; return where its RECORD is.

    Console scripts are left to the launchers. Only programs can be executed, whatever the archive
    says, and those that are written in Python are run by ``interpreter``.

    Args:
        wheel: the wheel's content, under any file name.
        name: the wheel's real file name, which says what is in it (PEP 427).
        target: directory that stands for the prefix.
        packages: directory of packages relative to ``target``.
        scratch: a directory for a temporary link.
        interpreter: the interpreter's path relative to ``target``.

    Raises:
        ArchiveError: it is no valid wheel, or differs from what its RECORD says.
    """
    site = target / packages
    scheme = {
        "purelib": str(site),
        "platlib": str(site),
        "headers": str(target / "include"),
        "scripts": str(target / "bin"),
        "data": str(target),
    }
    destination = _Prefix(
        scheme, interpreter=interpreter, script_kind="posix", overwrite_existing=True
    )
    named = scratch / "wheels" / name
    try:
        parse_wheel_name(name)
        named.parent.mkdir(exist_ok=True)
        named.unlink(missing_ok=True)
        os.link(wheel, named)
        with _Wheel.open(named) as source:
            source.validate_record()
            install(source, destination, additional_metadata={"INSTALLER": b"omnibuild\n"})
            record = site / source.dist_info_dir / "RECORD"
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in _MACHINE:
            raise
        raise ArchiveError(f"{name!r} is not a valid wheel", why=_reasons(error, named)) from error
    settle_modes(target)
    return record


def _reasons(error: Exception, path: Path) -> str:
    """Say why, a line for each reason, without a path of this machine."""
    issues = [*map(str, getattr(error, "issues", ()))] or [str(error) or type(error).__name__]
    shown = issues[:_SHOWN_ISSUES]
    if len(issues) > len(shown):
        shown.append(f"… and {len(issues) - len(shown)} more")
    return "\n".join(shown).replace(f"In {path}, ", "").replace(str(path), path.name)


class _Wheel(WheelFile):
    """A wheel whose entry points are not turned into scripts here.

    What they say is read where commands are made of them; whichever is malformed hurts only whoever
    asks for it.
    """

    @property
    def dist_info_filenames(self) -> list[str]:
        return [name for name in super().dist_info_filenames if name != "entry_points.txt"]


class _Prefix(SchemeDictionaryDestination):
    """A prefix where only programs can be executed; RECORD says what scripts have become."""

    def write_file(
        self, scheme: Scheme, path: str | os.PathLike[str], stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        path = os.fspath(path)
        if is_executable or scheme == "scripts":
            place = os.path.join(self.scheme_dict[scheme], path)
            place = os.path.relpath(place, self.scheme_dict["data"])
            start = stream.read(LARGEST_SCRIPT)
            stream.seek(0)
            is_executable = is_program(place, start)
            if is_executable and len(start) < LARGEST_SCRIPT:
                stream = io.BytesIO(for_own_python(place, start, self.interpreter))
        return self.write_to_fs(scheme, path, stream, is_executable)


def record_again(record: Path, changed: Iterable[Path]) -> None:
    """Let a RECORD say what installed files have become."""
    again = {os.path.relpath(path, record.parents[1]): path for path in changed}
    with record.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    with record.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for path, digest, size in rows:
            if file := again.get(path):
                content = file.read_bytes()
                hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
                digest, size = f"sha256={hashed.decode()}", str(len(content))
            writer.writerow((path, digest, size))


def settle_modes(target: Path) -> None:
    """Let no file carry the umask of who builds."""
    for path in target.rglob("*"):
        opened = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if opened else 0o644)
