"""Rules about ``[files]``: where a package may put something, and what that is."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import HostFile, Recipe
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted

_KINDS = ("source", "symlink", "directory", "ghost")
# With what package managers put behind it while they unpack.
LONGEST_NAME: Final = 240
# What belongs there, by the start of the path: the hint.
_ELSEWHERE = {
    "/etc/": "what operators edit goes into [config]; defaults have their places below /usr/lib",
    "/usr/local/": "that is the operator's own",
    "/var/": "what the app writes is made when it is installed: see the hook `prepare`",
    "/run/": "what is there is gone at the next boot: write it to /usr/lib/tmpfiles.d",
    "/srv/": "that is the operator's own",
    "/home/": "that belongs to people",
    "/lib/": "write /usr/lib: they are one directory on most hosts",
    "/bin/": "write /usr/bin: they are one directory on most hosts",
    "/sbin/": "write /usr/sbin: they are one directory on most hosts",
}
# Besides, what comes into being on hosts may lie where it is for operators, or for the app.
_OF_GHOSTS = ("/etc/", "/var/")


def host_file_faults(recipe: Recipe, user: str, directory: Path) -> Iterator[Fault]:
    """Yield what is wrong with the files of ``[files]``.

    Args:
        recipe: the app.
        user: its own; empty when it has none.
        directory: of the recipe.
    """
    for target, file in recipe.host_files.items():
        yield from _place_faults(recipe, target, directory)
        yield from _kind_faults(recipe, target, file, directory)
        yield from _owner_faults(target, file, user)


def long_names(place: Keys, target: str) -> Iterator[Fault]:
    """Yield what is wrong with a host path that has a name too long for hosts."""
    if max(len(os.fsencode(name)) for name in target.split("/")) > LONGEST_NAME:
        what = f"{quoted(target)} has a name that is too long for hosts"
        yield Fault(place, what, f"they take {LONGEST_NAME} bytes", in_key=True)


def some(paths: Sequence[str]) -> str:
    """Name the first of several paths, and say how many more there are."""
    more = len(paths) - 1
    return f"{quoted(paths[0])}{f' and {more} more' if more else ''}"


def unusual_path(place: Keys, target: str) -> Fault | None:
    """Return what is wrong with a host path that could be written more plainly."""
    if posixpath.normpath(target) == target:
        return None
    hint = f"write `{posixpath.normpath('/' + target.lstrip('/'))}`"
    return Fault(place, f"{quoted(target)} is not a plain absolute path", hint, in_key=True)


def mode_faults(place: Keys, mode: str, hint: str = "") -> Iterator[Fault]:
    """Yield what is wrong with permissions, in octal; ``hint`` for who let everybody write."""
    permissions = int(mode, 8)
    if permissions & stat.S_IWOTH:
        yield Fault(place, f"mode {mode} lets everybody write it", hint)
    if not permissions & stat.S_IRUSR:
        yield Fault(place, f"mode {mode} does not let its owner read it")


def _place_faults(recipe: Recipe, target: str, directory: Path) -> Iterator[Fault]:
    place, app = ("files", target), recipe.app.name
    own, ghost = f"/opt/{app}/", recipe.host_files[target].ghost
    if fault := unusual_path(place, target):
        yield fault
        return
    yield from long_names(place, target)
    hint = next((why for start, why in _ELSEWHERE.items() if target.startswith(start)), "")
    places = ("/usr/", own)
    if ghost and target.startswith(tuple(f"/var/{kind}/{app}/" for kind in ("lib", "log"))):
        hint = "that directory goes with the package anyway"
    elif ghost and target.startswith(_OF_GHOSTS):
        hint, places = "", _OF_GHOSTS
    if hint or not target.startswith(places):
        what = f"{quoted(target)} is no place for files of a package"
        hint = hint or f"put it below `{own}`, or where programs of /usr look for it"
        yield Fault(place, what, hint, in_key=True)
    below = [other for other in recipe.host_files if other.startswith(f"{target}/")]
    if below and not _is_directory(recipe, target, directory):
        yield Fault(place, f"{quoted(target)} is the directory of {some(below)}", in_key=True)


def _is_directory(recipe: Recipe, target: str, directory: Path) -> bool:
    file = recipe.host_files[target]
    return file.directory or bool(file.source and os.path.isdir(directory / file.source))


def _kind_faults(recipe: Recipe, target: str, file: HostFile, directory: Path) -> Iterator[Fault]:
    place = ("files", target)
    short = isinstance(recipe.files[target], str)
    said = [name for name in _KINDS if getattr(file, name)]
    if len(said) != 1:
        found = f"{' and '.join(said)} are" if said else "none is"
        what = f"one of `source`, `symlink`, `directory` and `ghost` is wanted, and {found} there"
        yield Fault(place, what)
        return
    if file.ghost:
        yield from _ghost_faults(place, file)
        return
    if file.source:
        path = place if short else (*place, "source")
        found_at = directory / file.source
        if not os.path.lexists(found_at):
            hint = f"it is looked up in {directory}"
            yield Fault(path, f"there is no file {quoted(file.source)}", hint)
        elif not (os.path.isfile(found_at) or os.path.isdir(found_at)):
            yield Fault(path, f"{quoted(file.source)} is neither a file nor a directory")
    is_tree = bool(file.source) and os.path.isdir(directory / file.source)
    for name, wrong in (
        ("template", is_tree or not file.source),
        ("capabilities", is_tree or not file.source),
        ("mode", is_tree or bool(file.symlink)),
    ):
        if wrong and getattr(file, name):
            yield Fault((*place, name), f"`{name}` is for a single file")
    if file.mode and not file.symlink:
        yield from mode_faults((*place, "mode"), file.mode)


def _ghost_faults(place: Keys, file: HostFile) -> Iterator[Fault]:
    for name in ("template", "capabilities", "mode"):
        if getattr(file, name):
            yield Fault((*place, name), f"`{name}` is for what the package brings")
    if (file.owner, file.group) != ("root", "root"):
        yield Fault(place, "whose a ghost is, says who makes it on the host")


def _owner_faults(target: str, file: HostFile, user: str) -> Iterator[Fault]:
    for key, name in (("owner", file.owner), ("group", file.group)):
        if name in ("root", user):
            continue
        what = f"{quoted(name)} cannot be the {key} of a file of a package"
        hint = f"write `root` or {quoted(user)}: hosts have these for certain"
        if not user:
            hint = "write `root`: the app has no services, and so no user; [package] can name one"
        yield Fault(("files", target, key), what, hint)
