"""Rules about ``[files]``: where a package may put something, and what that is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import HostFile, Recipe
from omnibuild.recipe.placing.capabilities import capability_faults
from omnibuild.recipe.placing.host_places import is_directory, place_faults
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted

_KINDS = ("source", "symlink", "directory", "ghost")


def host_file_faults(recipe: Recipe, user: str, directory: Path) -> Iterator[Fault]:
    """Yield what is wrong with the files of ``[files]``.

    Args:
        recipe: the app.
        user: its own; empty when it has none.
        directory: of the recipe.
    """
    for target, file in recipe.host_files.items():
        yield from place_faults(recipe, target, directory)
        yield from _kind_faults(recipe, target, file, directory)
        yield from _owner_faults(target, file, user)


def mode_faults(place: Keys, mode: str, hint: str = "") -> Iterator[Fault]:
    """Yield what is wrong with permissions, in octal; ``hint`` for who let everybody write."""
    permissions = int(mode, 8)
    if permissions & stat.S_IWOTH:
        yield Fault(place, f"mode {mode} lets everybody write it", hint)
    if not permissions & stat.S_IRUSR:
        yield Fault(place, f"mode {mode} does not let its owner read it")


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
    is_tree = bool(file.source) and is_directory(file, directory)
    for name, wrong in (
        ("template", is_tree or not file.source),
        ("capabilities", is_tree or not file.source),
        ("mode", is_tree or bool(file.symlink)),
    ):
        if wrong and getattr(file, name):
            yield Fault((*place, name), f"`{name}` is for a single file")
    if file.capabilities:
        yield from capability_faults((*place, "capabilities"), file.capabilities)
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
