"""Indexes that only the machine of who locks names: nobody else takes their place later."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from packaging.pylock import Package

from omnibuild.errors import LockError, Where
from omnibuild.events import Emit, Warned
from omnibuild.recipe.lock import load_lock
from omnibuild.sources.python.machine import Machine
from omnibuild.transfer.credentials import without_login


def words_of(machine: Machine) -> tuple[str, ...]:
    """Return the further indexes of a machine, as ``NAME=URL``, without a login."""
    return tuple(f"{each.name}={without_login(each.url)}" for each in machine.more)


def tell_unasked(machine: Machine, emit: Emit) -> None:
    """Warn of places that pip would look into."""
    if machine.unasked:
        listed = ", ".join(machine.unasked)
        emit(
            Warned(
                "pip's settings name places of this machine, from which locks take nothing:"
                f" {listed}; an index that all may ask is named by UV_INDEX or by the project"
            )
        )


def used(words: Iterable[str], packages: Iterable[Package]) -> tuple[str, ...]:
    """Return those of the indexes that some package is from."""
    urls = {package.index for package in packages if package.index}
    return tuple(word for word in words if word.partition("=")[2] in urls)


def refuse_moved(lock: Path, packages: Iterable[Package], named: Iterable[str]) -> None:
    """Raise :class:`LockError` for packages that would come from elsewhere than they are locked.

    Args:
        lock: the lock as it is, if it is there.
        packages: that are to be in it.
        named: the indexes that the project and this machine name, as ``NAME=URL``.
    """
    try:
        before = load_lock(lock) if lock.exists() else None
        words = before.record.machine_indexes if before and before.record else ()
    except LockError:
        return  # nothing in it can be relied upon
    known = {word.partition("=")[2] for word in named}
    gone = {word.partition("=")[2]: word for word in words} if before else {}
    gone = {url: word for url, word in gone.items() if url not in known}
    theirs = {p.name: p.index for p in before.content.packages if p.index} if before else {}
    for package in packages:
        url = theirs.get(package.name)
        if url in gone and (package.wheels or package.sdist) and package.index != url:
            raise LockError(
                f"{package.name} is locked from {url}, which nothing names any more",
                where=Where(str(lock)),
                why="another index has a package of that name: a stranger's, perhaps",
                hint=f"set UV_INDEX='{gone[url].lstrip('=')}', or let the project name the index;"
                " if it is another package by now: remove this lock first",
            )
