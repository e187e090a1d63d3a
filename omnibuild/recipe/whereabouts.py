"""Where a recipe lives: among others in ``recipes/``, or in the project that it packages.

In a project it is ``omnibuild.toml``, or the table ``[tool.omnibuild]`` of ``pyproject.toml``.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from omnibuild.errors import DefinitionError, UnknownNameError, UsageError, Where
from omnibuild.recipe import located
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted

OWN_FILE = "omnibuild.toml"
PYPROJECT = "pyproject.toml"
TABLE: Keys = ("tool", "omnibuild")
DIRECTORY = "recipes"


def table_in(path: Path) -> Keys:
    """Return the keys that lead to the recipe in a file; none where the whole file is one."""
    return TABLE if path.name == PYPROJECT else ()


def recipe_document(path: Path) -> located.Document:
    """Return the recipe in a file as it is written there, to say where something of it stands."""
    return located.read(path).at(table_in(path))


def is_path(name: str) -> bool:
    """Tell whether what somebody calls a recipe is a path and not a name."""
    return os.sep in name or name in (".", "..") or name.endswith(".toml")


def word_for(path: Path) -> str:
    """Return what a recipe is called on the command line: its name, or a path that leads to it."""
    if path.name in (OWN_FILE, PYPROJECT):
        return shlex.quote(str(path.parent))
    return path.stem if path.parent.name == DIRECTORY else shlex.quote(str(path))


def project_recipe(directory: Path) -> Path | None:
    """Return the file with a project's own recipe, none if it has none.

    Raises :class:`DefinitionError` when both files have one, or one cannot be read.
    """
    found = [path for path in (directory / OWN_FILE, directory / PYPROJECT) if _has_recipe(path)]
    if len(found) > 1:
        raise DefinitionError(
            "this project has two recipes",
            where=Where(str(directory)),
            why=f"[tool.omnibuild] in {PYPROJECT} and {OWN_FILE}",
            hint="keep one of them",
        )
    return found[0] if found else None


def _has_recipe(path: Path) -> bool:
    if not os.path.isfile(path):
        return False
    if path.name == OWN_FILE:
        return True
    # A pyproject.toml that says nothing of recipes is nobody's business here, valid or not.
    try:
        with path.open("rb") as stream:
            content = stream.read(located.LARGEST + 1)
    except OSError:
        return False
    return b"omnibuild" in content and isinstance(
        located.value_at(located.read(path).data, *TABLE), dict
    )


def called(path: Path) -> str:
    """Return the name of the app of a project's recipe; empty when it has none that is a name."""
    name = located.value_at(located.read(path).data, *table_in(path), "app", "name")
    return name if isinstance(name, str) else ""


def recipe_at(place: Path) -> Path:
    """Return the file of the recipe that a path leads to: a file, or a directory that has one.

    Raises :class:`UnknownNameError` when there is none, :class:`UsageError` when there are several.
    """
    if place.is_dir():
        return only_recipe(place)
    if not place.exists():
        raise UnknownNameError("there is no such file or directory", where=Where(str(place)))
    if place.name == PYPROJECT and not _has_recipe(place):
        raise UnknownNameError(
            "there is no recipe in it", why="it has no [tool.omnibuild]", where=Where(str(place))
        )
    return place.absolute()


def only_recipe(directory: Path) -> Path:
    """Return the one recipe of a project or a workspace.

    Raises :class:`UnknownNameError` when there is none, :class:`UsageError` when there are several.
    """
    own = project_recipe(directory)
    found = ([own] if own else []) + recipes_in(directory / DIRECTORY)
    if not found:
        raise UnknownNameError(
            f"there is no recipe in {directory}",
            why=f"searched {OWN_FILE}, [tool.omnibuild] in {PYPROJECT}, and {DIRECTORY}/",
            hint=f"omnibuild init {shlex.quote(str(directory))} makes one",
        )
    if len(found) > 1:
        names = ", ".join(quoted(path.stem if path != own else path.name) for path in found)
        raise UsageError(
            "which recipe? Here are several", why=f"there are {names}", hint="name one of them"
        )
    return found[0].absolute()


def recipes_in(directory: Path) -> list[Path]:
    """Return the files of a directory of recipes, in order; none where there is no directory."""
    return [path for path in definitions_in(directory) if path.name.endswith(".toml")]


def definitions_in(directory: Path) -> list[Path]:
    """Return the files of a directory of definitions, in order; locks are none."""
    try:
        paths = sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []  # a workspace need not have all kinds
    except OSError as error:
        where = Where(str(directory))
        raise DefinitionError(f"cannot list it: {error.strerror}", where=where) from error
    return [path for path in paths if path.name[0] != "." and not _is_package_lock(path)]


def _is_package_lock(path: Path) -> bool:
    """Tell whether a file beside recipes is pylock.toml, pylock.NAME.toml or NAME.pylock.toml."""
    return "pylock" in path.name.split(".")
