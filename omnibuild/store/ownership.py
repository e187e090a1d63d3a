"""Whose store it is: one user's, so that nothing lies in it that its owner cannot change."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
from collections.abc import Iterator
from pathlib import Path

from omnibuild.errors import StorageError


def refuse_to_mix(root: Path) -> None:
    """Raise :class:`StorageError` when root would leave files in another user's store."""
    if os.geteuid() or not root.is_dir():
        return
    owner = root.stat().st_uid
    if owner:
        name = _name(owner)
        raise StorageError(
            f"the store {root} belongs to {name}, who could not change what root makes there",
            hint=f"build as {name}: sudo -u {shlex.quote(name)} omnibuild …; or give root another"
            " store with --cache-dir",
        )


@contextlib.contextmanager
def foreign_files_explained(root: Path) -> Iterator[None]:
    """Say what to do when the block fails at files of another user in one's own store.

    Raises :class:`StorageError` with the command that mends it.
    """
    try:
        yield
    except (PermissionError, StorageError) as error:
        denied = error if isinstance(error, PermissionError) else error.__cause__
        foreign = None
        if isinstance(denied, PermissionError) and _is_below(root, denied.filename):
            foreign = _foreign(root)
        if foreign is None:
            raise
        path, owner = foreign
        raise StorageError(
            f"files in the store {root} belong to {_name(owner)}",
            why=f"{path}: Permission denied",
            hint=f"give them back: sudo chown -R {os.geteuid()}:{os.getegid()}"
            f" {shlex.quote(str(root))}",
        ) from error


def _is_below(root: Path, name: object) -> bool:
    # A call that was given a descriptor says no name.
    return not isinstance(name, str | bytes) or Path(os.fsdecode(name)).is_relative_to(root)


def _foreign(root: Path) -> tuple[Path, int] | None:
    """Return something in the store that is another user's, and whose; what is closed is."""
    waiting = [root]
    while waiting:
        path = waiting.pop()
        with contextlib.suppress(OSError):
            owner = path.lstat().st_uid
            if owner != os.geteuid():
                return path, owner
            if not path.is_symlink() and path.is_dir():
                waiting += path.iterdir()
    return None


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"the user {user}"
