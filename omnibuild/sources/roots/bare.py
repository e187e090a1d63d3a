"""Bare roots: Debian packages that are unpacked and not installed, for images to lie on.

Nothing of them runs. What scripts of theirs would make, and programs look for, is made here:
accounts, the bundle of certificate authorities, the names of busybox, and dpkg's list of what is
there, by which scanners know what to look up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from omnibuild import files
from omnibuild.digests import Digest
from omnibuild.errors import SourceError
from omnibuild.sources.roots.debian import DPKG_DEB, control_of, deb_of
from omnibuild.sources.roots.lock import RootLock

# Where scripts put a copy of a file of the package.
_COPIES: Final = {
    "etc/group": "usr/share/base-passwd/group.master",
    "etc/nsswitch.conf": "usr/share/base-files/nsswitch.conf",
    "etc/passwd": "usr/share/base-passwd/passwd.master",
}
_AUTHORITIES: Final = "usr/share/ca-certificates"
_BUNDLE: Final = "etc/ssl/certs/ca-certificates.crt"
_STATUS: Final = "var/lib/dpkg/status"

# For people: nobody reads it in a container. Licences stay.
_LEFT_OUT: Final = ("usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man")

# Before and since Debian 13.
_BUSYBOX: Final = ("bin/busybox", "usr/bin/busybox")

# What POSIX scripts call, and people who look into a container.
_APPLETS: Final = (
    *("[", "awk", "basename", "cat", "chgrp", "chmod", "chown", "cmp", "cp", "cut", "date", "dd"),
    *(
        "df",
        "diff",
        "dirname",
        "du",
        "echo",
        "env",
        "expr",
        "false",
        "find",
        "free",
    ),
    *(
        "grep",
        "gunzip",
        "gzip",
        "head",
        "hostname",
        "id",
        "ip",
        "kill",
        "less",
        "ln",
        "ls",
        "md5sum",
    ),
    *(
        "mkdir",
        "mkfifo",
        "mktemp",
        "more",
        "mount",
        "mv",
        "nc",
        "nohup",
        "nslookup",
        "od",
    ),
    *("ping", "printf", "ps", "pwd", "readlink", "realpath", "renice", "rm", "rmdir", "sed", "seq"),
    *("setsid", "sh", "sha256sum", "sleep", "sort", "stat", "stty", "sync", "tail", "tar", "tee"),
    *(
        "test",
        "timeout",
        "top",
        "touch",
        "tr",
        "true",
        "truncate",
        "tty",
        "umount",
        "uname",
        "uniq",
    ),
    *("unxz", "uptime", "vi", "watch", "wc", "wget", "which", "whoami", "xargs", "yes", "zcat"),
)


def unpack_packages(lock: RootLock, debs: Mapping[Digest, Path], target: Path) -> None:
    """Make the tree of a bare root.

    Args:
        lock: its packages.
        debs: the verified files of the packages by their digest; more than these are fine.
        target: the directory, empty.

    Raises:
        ToolFailedError: a package cannot be unpacked.
        SourceError: a package is not fetched, or leaves no place for what belongs there.
    """
    stanzas = []
    for package in lock.packages:
        deb = deb_of(package, debs)
        DPKG_DEB.run("--extract", deb, target)
        name, _, rest = control_of(deb).partition("\n")
        stanzas.append(f"{name}\nStatus: install ok installed\n{rest}\n")
    for path in _LEFT_OUT:
        if (target / path).is_dir():
            files.remove_tree(target / path)
    _finish(target, "\n".join(stanzas))


def _finish(target: Path, status: str) -> None:
    _write(target, _STATUS, status.encode())
    for path, source in _COPIES.items():
        if (target / source).is_file() and not (target / path).exists():
            _write(target, path, (target / source).read_bytes())
    authorities = sorted((target / _AUTHORITIES).rglob("*.crt"))
    if authorities:
        _write(target, _BUNDLE, b"".join(path.read_bytes() for path in authorities))
    for busybox in (target / path for path in _BUSYBOX if (target / path).is_file()):
        for name in _APPLETS:
            link = busybox.with_name(name)
            if not link.is_symlink() and not link.exists():
                link.symlink_to("busybox")


def _write(target: Path, path: str, data: bytes) -> None:
    """Write a file of the tree; a package's links lead nowhere else."""
    place = target / path
    above = [target / parent for parent in Path(path).parents]
    if any(each.is_symlink() for each in (place, *above)):
        raise SourceError(f"a package of the root has a link at {path}")
    place.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomic(place, data)
