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
# As many as the kernel follows.
_MOST_LINKS = 40


def host_file_faults(recipe: Recipe, user: str, directory: Path) -> Iterator[Fault]:
    """Yield what is wrong with the files of ``[files]``.

    Args:
        recipe: the app.
        user: its own; empty when it has none.
        directory: of the recipe.
    """
    for target, file in recipe.host_files.items():
        yield from place_faults(recipe, target, user, directory)
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
    yield from _format_faults(recipe, target, file)
    if file.ghost:
        yield from _ghost_faults(place, file)
        return
    if file.source:
        yield from _source_faults(place if short else (*place, "source"), file.source, directory)
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
        if file.directory and not int(file.mode, 8) & stat.S_IXUSR:
            what = f"mode {file.mode} does not let its owner into the directory"
            yield Fault((*place, "mode"), what, "0750 lets its owner and its group in")


def _source_faults(place: Keys, source: str, directory: Path) -> Iterator[Fault]:
    if fault := source_fault(place, source, directory):
        yield fault
    elif not os.path.lexists(directory / source):
        hint = f"it is looked up in {directory}"
        yield Fault(place, f"there is no file {quoted(source)}", hint)
    elif not (os.path.isfile(directory / source) or os.path.isdir(directory / source)):
        yield Fault(place, f"{quoted(source)} is neither a file nor a directory")


def source_fault(place: Keys, source: str, directory: Path) -> Fault | None:
    """Return what is wrong with where a file of a package is from, as a recipe says it there."""
    link = "" if os.path.isabs(source) else _absolute_link(directory, source)
    if not link and not os.path.isabs(source):
        return None
    led = f", by a symlink to {quoted(link)}," if link else ""
    what = f"{quoted(source)} is{led} of the machine that builds: others have another one, or none"
    return Fault(place, what, "copy it into the project, and write its path relative to the recipe")


def _absolute_link(directory: Path, source: str) -> str:
    """Return what the first symlink with an absolute path says, on the way to a file."""
    here, left, links = directory, source.split("/")[::-1], 0
    while left and links <= _MOST_LINKS:
        place = here / left.pop()
        if not os.path.islink(place):
            here = place
            continue
        target = os.readlink(place)
        if os.path.isabs(target):
            return target
        left += target.split("/")[::-1]
        links += 1
    return ""


def _format_faults(recipe: Recipe, target: str, file: HostFile) -> Iterator[Fault]:
    place, own = ("files", target, "formats"), f"/opt/{recipe.app.name}"
    outside = not target.startswith(f"{own}/")
    for form, never in (("tar", outside or file.ghost), ("oci", file.ghost)):
        if form in file.formats and never:
            why = "no manager deletes" if file.ghost else f"is not below `{own}`"
            what = f"the format `{form}` has nothing of {quoted(target)}, which {why}"
            yield Fault(place, what, f"take `{form}` out")


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
