"""What the recipe says for the documents of a package: its changelog and manual pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omnibuild.documents.changelog import read_changelog
from omnibuild.documents.manual import NAME
from omnibuild.package.compression import libraries_of
from omnibuild.package.versions import host_version, split_epoch
from omnibuild.payload.model import Change
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.whereabouts import recipe_document
from omnibuild.regular import read_regular
from omnibuild.sources.git.history import releases

_LARGEST = 1 << 22


def said_of(recipe: Recipe, recipe_path: Path) -> dict[str, Any]:
    """Return the parameters of a payload that are for its documents.

    Raises:
        DefinitionError: a file cannot be read, or is no changelog or manual page.
    """
    found: dict[str, Any] = {"libraries": libraries_of("gzip")}
    if changes := changes_of(recipe, recipe_path):
        found["changes"] = [
            {"version": c.version, "date": c.date, "author": c.author, "items": list(c.items)}
            for c in changes
        ]
    if recipe.package.manuals:
        found["manuals"] = manuals(recipe, recipe_path)
    return found


def changes_of(recipe: Recipe, recipe_path: Path) -> Sequence[Change]:
    """Return the changelog that a recipe names, the newest entry first; none when it names none."""
    said = recipe.package.changelog
    if said is None:
        return ()
    if not isinstance(said, str):
        return _of_git(recipe, recipe_path)
    path = recipe_path.parent / said
    text = _text(path, recipe_path, ("package", "changelog"))
    return read_changelog(text, str(path), recipe.app.maintainer)


def _of_git(recipe: Recipe, recipe_path: Path) -> list[Change]:
    source = recipe.source or None
    directory = recipe_path.parent / source.path if source else recipe_path.parent
    found = []
    for release in releases(directory):
        version = host_version(split_epoch(release.version or recipe.app.release)[1])
        items = release.subjects or (f"Version {version}.",)
        found.append(Change(version, release.date, recipe.app.maintainer, items))
    if not found:
        fault = Fault(("package", "changelog"), "git knows no commit of this project yet")
        raise recipe_document(recipe_path).error([fault])
    return found


def manuals(recipe: Recipe, recipe_path: Path) -> dict[str, str]:
    """Return the texts of the recipe's manual pages, by their names with sections."""
    found: dict[str, str] = {}
    for index, said in enumerate(recipe.package.manuals):
        place = ("package", "manuals", index)
        name = os.path.basename(said)
        if not NAME.fullmatch(name):
            what = f"{quoted(said)} is not called like a manual page"
            hint = (
                "its name ends in its section, as `shop.1` or `shop.toml.5`; it is not compressed"
            )
            raise recipe_document(recipe_path).error([Fault(place, what, hint)])
        if name in found:
            what = f"two manual pages are called {quoted(name)}"
            raise recipe_document(recipe_path).error([Fault(place, what)])
        found[name] = _text(recipe_path.parent / said, recipe_path, place)
        if not found[name].strip():
            raise recipe_document(recipe_path).error([Fault(place, f"{quoted(said)} is empty")])
    return found


def _text(path: Path, recipe_path: Path, place: tuple[str | int, ...]) -> str:
    try:
        return read_regular(path, _LARGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        what = f"{quoted(os.path.relpath(path, recipe_path.parent))} cannot be read: {error}"
        hint = f"it is looked up in {recipe_path.parent}, and is a text in UTF-8"
        raise recipe_document(recipe_path).error([Fault(place, what, hint)]) from error
