"""The tree of a build root, whoever made it: unpacked, harmless, with places to mount on."""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
from pathlib import Path
from typing import IO, cast

from omnibuild import files
from omnibuild.errors import ArchiveError, Where
from omnibuild.sources.archive import DAMAGED, DEFAULT_LIMITS, BoundedTarInfo, decompressed
from omnibuild.sources.extraction import Limits, Weighed
from omnibuild.tools import Tool

TAR = Tool("tar", package="tar")

# The directory that stands for every app's prefix: /omb sixteen times.
PREFIX_MOUNT_POINT = "omb/" * 16

MOUNT_POINTS = ("build", PREFIX_MOUNT_POINT, "proc", "dev", "tmp", "sys")

# What the machine, the moment, the temporary repository or a container engine leave behind.
LEFTOVERS = (
    ".dockerenv",
    "dev/*",
    "etc/.pwd.lock",
    "etc/apt/sources.list",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/hostname",
    "etc/hosts",
    "etc/machine-id",
    "etc/mtab",
    "etc/resolv.conf",
    "run/.containerenv",
    "run/secrets",
    "tmp/*",
    # Python writes sets in a random order into its bytecode.
    "usr/**/__pycache__",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/apt/*",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/dpkg/updates/*",
    "var/log/*",
)


def unpack_root(
    archive: Path,
    target: Path,
    log: IO[bytes] | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Make a root of an archive of a whole file system, which need not be harmless.

    Args:
        archive: a tar, plain or compressed by gzip, bzip2, xz or zstd.
        target: the new directory; it belongs to the calling user, like all that is in it.
        log: takes what tar prints.
        limits: what the archive may hold at most.

    Raises:
        ArchiveError: it is damaged, holds more, or is no root.
    """
    with tempfile.NamedTemporaryFile(dir=target.parent) as plain:
        try:
            with files.storage_errors(target):
                _filter(archive, plain, limits)
        except (*DAMAGED, OSError) as error:
            # Decompressors raise errors of the system, too, but without a number.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            where = Where(str(archive))
            raise ArchiveError("the archive is damaged", where=where, why=str(error)) from error
        plain.flush()
        unpack_tar(Path(plain.name), target, log)
    finish_root(target)
    if not os.path.lexists(target / "bin/sh"):
        raise ArchiveError(
            "this is no root file system: it has no /bin/sh",
            where=Where(str(archive)),
            hint="a root is a whole system with a compiler, archived from its top",
        )


def _filter(archive: Path, plain: IO[bytes], limits: Limits) -> None:
    """Copy the ordinary members of an archive to a plain tar."""
    weighed = Weighed(limits)
    with archive.open("rb") as stream:
        head = stream.read(tarfile.BLOCKSIZE)
        stream.seek(0)
        source = decompressed(stream, head, limits)
        with (
            tarfile.open(
                fileobj=cast(IO[bytes], source), mode="r|", tarinfo=BoundedTarInfo
            ) as reader,
            tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as writer,
        ):
            for member in reader:
                regular = member.isreg()
                if not (regular or member.isdir() or member.issym() or member.islnk()):
                    continue  # a device or socket: ordinary users could not make it
                if member.name.removeprefix("./").startswith("dev/"):
                    continue
                # A sparse file is larger than what is there of it.
                weighed.count(member.name)
                weighed.add(member.size if regular else 0, member.name)
                content = reader.extractfile(member) if regular else None
                # As a plain file: sparse ones are read in full, long names are written anew.
                member.type = tarfile.REGTYPE if regular else member.type
                member.pax_headers = {}
                writer.addfile(member, content)


def unpack_tar(archive: Path, target: Path, log: IO[bytes] | None) -> None:
    """Unpack a tar of a whole file system, every file with its mode and the caller as owner."""
    target.mkdir(parents=True, exist_ok=True)
    TAR.run(
        "--extract",
        "--no-same-owner",
        "--preserve-permissions",
        "--delay-directory-restore",
        f"--file={archive}",
        f"--directory={target}",
        log=log,
    )


def finish_root(root: Path) -> None:
    """Take away from a new root what is special or not its own; add places to mount on."""
    _make_ordinary(root)
    _remove_leftovers(root)
    for mount_point in MOUNT_POINTS:
        _make_mount_point(root, mount_point)


def _make_ordinary(root: Path) -> None:
    """Take special bits away and let the owner change everything, without following links."""
    root.chmod(0o755)
    for directory, names, file_names in os.walk(root):
        for name in (*names, *file_names):
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                continue
            wanted = mode & 0o777 | (0o700 if stat.S_ISDIR(mode) else 0o600)
            if stat.S_IMODE(mode) != wanted:
                os.chmod(path, wanted)


def _remove_leftovers(root: Path) -> None:
    for pattern in LEFTOVERS:
        for path in list(root.glob(pattern)):
            if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(root)):
                continue  # a symlink of an image leads to a directory of this machine
            if not path.is_symlink() and path.is_dir():
                files.remove_tree(path)
            else:
                path.unlink()


def _make_mount_point(root: Path, mount_point: str) -> None:
    place = root
    for name in Path(mount_point).parts:
        place /= name
        if place.is_symlink() or not place.is_dir():
            if os.path.lexists(place):
                place.unlink()
            place.mkdir()
