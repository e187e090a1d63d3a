"""Directories that a server answers from, as far as they are known before a build."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.sources.python.backends import is_built

# Where a project lies that nothing builds, and where steps of [build] write.
_PROJECT, _SHARE = "app", "share"


def static_faults(recipe: Recipe, directory: Path) -> Iterator[Fault]:
    """Yield directories that must be the project's own, and are not in ``directory``."""
    for location, place in _unmade(recipe, directory):
        if place.parts[0] == _PROJECT and not (directory / _inside(place)).is_dir():
            what = f"the project has no directory `{_inside(place)}`"
            yield Fault(("web", "static", location), what, _advice(directory, _inside(place)))


def static_oddities(recipe: Recipe, directory: Path) -> Iterator[str]:
    """Say which directories nothing in the recipe makes; packages may bring them all the same."""
    for location, place in _unmade(recipe, directory):
        if place.parts[0] == _SHARE:
            own = (directory / _inside(place)).is_dir()
            advice = f"; the project's own is `{_PROJECT}/{_inside(place)}`" if own else ""
            yield (
                f'`web.static."{location}"` is `{place}`, which no step of [build] makes:'
                f" unless a package or a component brings it, a build is refused{advice}"
            )


def _advice(directory: Path, wanted: PurePosixPath) -> str:
    names = [each.name for each in directory.iterdir() if each.is_dir()]
    near = difflib.get_close_matches(wanted.name, names, 1)
    return f"did you mean `{_PROJECT}/{near[0]}`?" if near else f"`{_PROJECT}` is the project"


def _inside(place: PurePosixPath) -> PurePosixPath:
    """Return a place below the app's directory as its project may have it."""
    return PurePosixPath(*place.parts[1:])


def _unmade(recipe: Recipe, directory: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """Yield what is answered from directories, where no step of a build could make them."""
    made = recipe.build and (recipe.build.steps or recipe.build.node)
    if recipe.web and not made and not is_built(directory):
        for location, place in recipe.web.static.items():
            yield location, PurePosixPath(place)
