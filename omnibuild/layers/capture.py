"""Capturing what a step wrote below the prefix: exactly, or not at all.

See ``docs/decisions/0018-captured-trees.md`` for what is kept, settled and refused. The step is
gone when this runs, but it may have left anything: no symlink of it is followed here.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from omnibuild.errors import CaptureError
from omnibuild.execute.job import Job
from omnibuild.layers.environment import SOURCE_DATE_EPOCH
from omnibuild.payload.placing import check_capture
from omnibuild.sources.extraction import DEEPEST
from omnibuild.store.results import Output
from omnibuild.tree import Entry, Kind, Tree, scan

OPAQUE_ATTRIBUTES = ("user.overlay.opaque", "trusted.overlay.opaque")
CAPABILITIES_ATTRIBUTE = "security.capability"

# Attributes that a step can set without any privilege; an overlay's own marks are among them.
STEP_ATTRIBUTES = ("user.", "system.posix_acl_")

# Bytes of a path below the prefix; with the store's directory before it, Linux takes 4096.
LONGEST_PATH = 2048
# Bytes; more is not read into memory to look for the prefix, and an rpm cannot hold it.
LARGEST_FILE = 2**32 - 1

# Root owns everything on a host and may do all this anyway; whoever builds must be able to read.
OWNER_BITS = {stat.S_IFDIR: 0o500, stat.S_IFREG: 0o400}
PREFIX_MODE, FILE_MODE = 0o755, 0o644


def capture(
    component: str,
    upper: Path,
    layers: Mapping[str, Tree],
    added: Mapping[str, bytes] | None = None,
) -> Tree:
    """Read what a component wrote, and refuse what touches its dependencies.

    Args:
        component: named in errors.
        upper: the directory that took everything written below the prefix; it is settled.
        layers: trees of the components that were beneath, by name.
        added: files that omnibuild puts there itself: path below the prefix to content.

    Raises:
        CaptureError: it installed nothing, what no package can hold, or changed or removed a
            dependency's file.
    """
    upper.chmod(PREFIX_MODE)
    _settle_attributes(component, "$PREFIX", str(upper), upper.lstat())
    for path, status in _walk(component, str(upper)):
        _settle(component, path, f"{upper}/{path}", status)
    require_installed(component, upper)
    for path, content in (added or {}).items():
        _add(component, upper, path, content)
    tree = scan(upper)
    _refuse_changes(component, tree, layers)
    _settle_times(upper, tree)
    return tree


def keep(job: Job, tree: Tree) -> Output:
    """Store the captured ``tree/files`` of a job, which placing can take."""
    directory = job.scratch / "tree"
    check_capture(directory / "files", tree)
    return job.store.add_scanned_tree(directory, tree)


def require_installed(component: str, upper: Path) -> None:
    """Raise :class:`CaptureError` when a component wrote no file below the prefix."""
    if not any(names for _, _, names in os.walk(upper)):
        raise CaptureError(
            f"{component} installed nothing below $PREFIX",
            hint="let the last step install, for example: make install",
        )


def _walk(component: str, base: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every path below ``base`` with its status, directories before what is in them."""
    waiting = [""]
    while waiting:
        directory = waiting.pop()
        if directory.count("/") > DEEPEST or len(os.fsencode(directory)) > LONGEST_PATH:
            raise CaptureError(
                f"{component} installed a path that is too long or too deep",
                why=f"$PREFIX/{directory[:80]}…: at most {DEEPEST} directories in"
                f" {LONGEST_PATH} bytes",
            )
        with os.scandir(f"{base}/{directory}") as items:
            found = [
                (f"{directory}{item.name}", item.stat(follow_symlinks=False)) for item in items
            ]
        for path, status in found:
            # The caller opens closed directories before they are read here.
            yield path, status
            if stat.S_ISDIR(status.st_mode):
                waiting.append(f"{path}/")


def _settle(component: str, path: str, file: str, status: os.stat_result) -> None:
    """Refuse what no tree holds; settle what is nobody's business."""
    kind = stat.S_IFMT(status.st_mode)
    # Overlay marks a removed lower file by a character device 0:0 of its name.
    if kind == stat.S_IFCHR and status.st_rdev == 0:
        raise _removed(component, f"$PREFIX/{path}")
    if kind == stat.S_IFLNK:
        return
    if kind not in OWNER_BITS:
        raise CaptureError(
            f"{component} installed something strange",
            why=f"$PREFIX/{path} is neither a file, a directory nor a symlink",
            hint="devices, sockets and named pipes are made on the host, when a service starts",
        )
    if status.st_size > LARGEST_FILE:
        raise CaptureError(
            f"{component} installed a file that is too large",
            why=f"$PREFIX/{path} has {status.st_size} bytes, at most {LARGEST_FILE}",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode != mode | OWNER_BITS[kind]:
        os.chmod(file, mode | OWNER_BITS[kind])
    _settle_attributes(component, f"$PREFIX/{path}", file, status)


def _settle_attributes(component: str, shown: str, file: str, status: os.stat_result) -> None:
    """Remove extended attributes: packages do not carry them, so no other step may see them."""
    for name in _attributes(file):
        if name in OPAQUE_ATTRIBUTES and stat.S_ISDIR(status.st_mode):
            raise _removed(component, shown)
        if name == CAPABILITIES_ATTRIBUTE:
            raise CaptureError(
                f"{component} gave a file capabilities, which packages do not carry",
                why=shown,
                hint="let the service have them: systemd's AmbientCapabilities",
            )
        if name.startswith(STEP_ATTRIBUTES):
            _remove_attribute(file, name, status)


def _remove_attribute(file: str, name: str, status: os.stat_result) -> None:
    mode = stat.S_IMODE(os.stat(file).st_mode)
    # Without privilege only who may write a file may take an attribute from it.
    os.chmod(file, mode | 0o200)
    os.removexattr(file, name)
    os.chmod(file, mode)


def _removed(component: str, shown: str) -> CaptureError:
    return CaptureError(
        f"{component} removed a file that is not its own",
        why=shown,
        hint="layers are disjoint: leave files that others bring alone",
    )


def _add(component: str, upper: Path, path: str, content: bytes) -> None:
    """Write a file where a step may have left a symlink to anywhere."""
    *parents, name = path.split("/")
    directory = upper
    for parent in parents:
        directory = directory / parent
        if not os.path.lexists(directory):
            directory.mkdir()
            directory.chmod(PREFIX_MODE)
        elif directory.is_symlink() or not directory.is_dir():
            raise CaptureError(
                f"{component} installed something where its licences go",
                why=f"$PREFIX/{directory.relative_to(upper)} is not a directory",
            )
    target = directory / name
    if not target.is_symlink() and target.is_dir():
        raise CaptureError(
            f"{component} installed something where its licences go",
            why=f"$PREFIX/{path} is a directory",
        )
    # Never into what is there: it may be another name of another file.
    writable = directory.stat().st_mode
    directory.chmod(stat.S_IMODE(writable) | 0o200)
    target.unlink(missing_ok=True)
    target.write_bytes(content)
    target.chmod(FILE_MODE)
    directory.chmod(stat.S_IMODE(writable))


def _settle_times(upper: Path, tree: Tree) -> None:
    times = (SOURCE_DATE_EPOCH * 10**9,) * 2
    for entry in tree.entries:
        os.utime(f"{upper}/{entry.path}", ns=times, follow_symlinks=False)
    os.utime(upper, ns=times)


def _refuse_changes(component: str, tree: Tree, layers: Mapping[str, Tree]) -> None:
    for owner, layer in layers.items():
        for entry in tree.entries:
            below = layer.by_path.get(entry.path)
            if below is None or _is_same_directory(entry, below):
                continue
            raise CaptureError(
                f"{component} changed a file of {owner}",
                why=_difference(entry, below),
                hint="layers are disjoint: install under another name, or remove the file",
            )


def _is_same_directory(entry: Entry, below: Entry) -> bool:
    return entry.kind is below.kind is Kind.DIRECTORY and entry.mode == below.mode


def _difference(entry: Entry, below: Entry) -> str:
    if entry.kind is below.kind is Kind.DIRECTORY:
        return f"$PREFIX/{entry.path}: mode {entry.mode:04o}, it was {below.mode:04o}"
    return f"$PREFIX/{entry.path}"


def _attributes(file: str) -> list[str]:
    """Return the names of a file's extended attributes; some file systems know none."""
    try:
        return os.listxattr(file)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise
