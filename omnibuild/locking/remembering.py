"""What somebody asked for is written into the recipe, whose comments and layout stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omnibuild import files
from omnibuild.errors import UsageError, Where
from omnibuild.recipe.definitions import shipped
from omnibuild.recipe.whereabouts import table_in
from omnibuild.sources.python.requirements import NotARequirementError, checked


def check_writable(recipe: Path, workspace: Path) -> None:
    """Raise :class:`UsageError` for a recipe that came with omnibuild: its lock did, too."""
    own = shipped()
    if recipe.is_relative_to(own) and not workspace.is_relative_to(own):
        raise UsageError(
            "this recipe and its lock came with omnibuild, and belong to nobody here",
            where=Where(str(recipe)),
            hint=f"copy {recipe.name} into recipes/ of your workspace, and lock it there",
        )


def with_required(listed: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """Return requirements with those that are asked for; a name that is there gets the new one."""
    found = {_name(text): text for text in listed}
    for text in asked:
        try:
            found[_name(str(checked(text)))] = text.strip()
        except NotARequirementError as error:
            raise UsageError(f"--require: {error}", hint=error.hint) from error
    return tuple(found.values())


def _name(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return text  # whoever reads the recipe says so


def remember(recipe: Path, required: Sequence[str]) -> None:
    """Let the recipe require all of ``required`` in ``[python]``; untouched when it does."""
    document = tomlkit.parse(recipe.read_text())
    table: Any = document
    for key in (*table_in(recipe), "python"):
        table = table[key]
    if list(table.get("require", ())) == list(required):
        return
    array = tomlkit.array()
    array.extend(required)
    table["require"] = array.multiline(len(required) > 1)
    files.write_atomic(recipe, tomlkit.dumps(document))
