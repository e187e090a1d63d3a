"""Where ``[files]`` may put something on hosts: what others have there stays theirs."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import HostFile, Recipe
from omnibuild.recipe.placing.brought import brings_already
from omnibuild.recipe.placing.programs import PROGRAMS_OF_HOSTS
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.running.names import HOSTS
from omnibuild.recipe.validate import quoted

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
# What may follow the app's name in one that is called after it.
_BEHIND = (".", "-", "_")
# Of the app's own directory: where its parts and its interpreter are.
_OF_PARTS = ("bin", "etc", "include", "lib", "lib64", "libexec", "sbin", "share", "src")


def place_faults(recipe: Recipe, target: str, user: str, directory: Path) -> Iterator[Fault]:
    """Yield what is wrong with where something of ``[files]`` lies.

    Args:
        recipe: the app.
        target: the host path.
        user: the app's own; empty when it has none.
        directory: of the recipe.
    """
    place, file = ("files", target), recipe.host_files[target]
    if fault := unusual_path(place, target):
        yield fault
        return
    yield from long_names(place, target)
    wrong = [*(_ghost_place(recipe, target) if file.ghost else _place(recipe, target))]
    brings = brings_already(recipe, user, target, is_directory=is_directory(file, directory))
    if brings and file.ghost:
        what = f"{quoted(target)} is no ghost: it is {brings}"
        wrong = wrong or [Fault(place, what, "take it out", in_key=True)]
    elif brings:
        what = f"{quoted(target)} is taken already: it is {brings}"
        wrong = wrong or [Fault(place, what, "give one of them another name", in_key=True)]
    yield from wrong
    below = [other for other in recipe.host_files if other.startswith(f"{target}/")]
    if below and not is_directory(file, directory):
        yield Fault(place, f"{quoted(target)} is the directory of {some(below)}", in_key=True)
    elif is_directory(file, directory) and not _is_own(recipe.app.name, target):
        yield from _shared_faults(recipe.app.name, target, file)


def is_directory(file: HostFile, directory: Path) -> bool:
    """Tell whether a file of ``[files]`` is a directory; ``directory`` is the recipe's."""
    return file.directory or bool(file.source and os.path.isdir(directory / file.source))


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


def _place(recipe: Recipe, target: str) -> Iterator[Fault]:
    own = f"/opt/{recipe.app.name}/"
    hint = next((why for start, why in _ELSEWHERE.items() if target.startswith(start)), "")
    if hint or not target.startswith(("/usr/", own)):
        yield _no_place(
            target, hint or f"put it below `{own}`, or where programs of /usr look for it"
        )
    name = posixpath.basename(target)
    if posixpath.dirname(target) in ("/usr/bin", "/usr/sbin") and name in PROGRAMS_OF_HOSTS:
        what = f"{quoted(target)} is a program that hosts have already"
        hint = f"call it `{recipe.app.name}-{name}`: a package never takes the place of another's"
        yield Fault(("files", target), what, hint, in_key=True)


def _ghost_place(recipe: Recipe, target: str) -> Iterator[Fault]:
    app, names = recipe.app.name, target.split("/")
    places = ("/usr/", f"/opt/{app}/", *_OF_GHOSTS)
    hint = next((why for start, why in _ELSEWHERE.items() if target.startswith(start)), "")
    if f"{target}/".startswith(tuple(f"/var/{kind}/{app}/" for kind in ("lib", "log"))):
        yield _no_place(target, "that directory goes with the package anyway")
    elif not target.startswith(places) or (hint and not target.startswith(_OF_GHOSTS)):
        yield _no_place(target, hint or f"it lies below `/opt/{app}/`, /usr, /etc or /var")
    elif target.startswith("/var/lib/") and names[3] in HOSTS:
        yield _no_place(target, f"/var/lib/{names[3]} is the host's own")
    elif not any(name == app or name.startswith(_called(app)) for name in names):
        what = f"{quoted(target)} is not the app's: a ghost is deleted with the package"
        hint = f"it lies in a directory that is called `{app}`, or is called so itself"
        yield Fault(("files", target), what, hint, in_key=True)


def _no_place(target: str, hint: str) -> Fault:
    what = f"{quoted(target)} is no place for files of a package"
    return Fault(("files", target), what, hint, in_key=True)


def _is_own(app: str, target: str) -> bool:
    """Tell whether a directory is the app's alone, and nothing of it the interpreter's."""
    names = target.split("/")[1:]
    if names[0] == "opt":
        return len(names) > 2 and not (len(names) == 3 and names[2] in _OF_PARTS)
    # /usr/share/shop, /usr/lib/shop/plugins
    return any(name == app or name.startswith(_called(app)) for name in names[2:])


def _shared_faults(app: str, target: str, file: HostFile) -> Iterator[Fault]:
    """Yield what a recipe says of a directory that others have files in."""
    for key in ("owner", "group") if file.source else ("owner", "group", "mode"):
        if getattr(file, key) not in ("root", ""):
            what = f"{quoted(target)} is not the app's alone: its `{key}` is not for it to say"
            own = f"`/opt/{app}/data` or `/usr/share/{app}`"
            hint = f"say it of single files, or of a directory as {own}"
            yield Fault(("files", target, key), what, hint)


def _called(app: str) -> tuple[str, ...]:
    """Return how names start that are called after an app, besides its own."""
    return tuple(f"{app}{sign}" for sign in _BEHIND)
