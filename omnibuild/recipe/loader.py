"""Read a definition from its file, or say everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from omnibuild.errors import DefinitionError, UnknownNameError, Where
from omnibuild.recipe import checks, located, validate
from omnibuild.recipe.models import Model
from omnibuild.recipe.positions import Path as Keys

T = TypeVar("T", bound=Model)


def load(path: Path, model: type[T], table: Keys = ()) -> T:
    """Return the definition in the TOML file ``path``, or in the table of it that ``table`` names.

    Software is read by :func:`omnibuild.recipe.software.extending.load_software`.

    Raises :class:`UnknownNameError` when there is no such file, and one :class:`DefinitionError`
    with all the problems of the file.
    """
    document = read_definition(path).at(table)
    try:
        definition = msgspec.convert(document.data, model)
    except msgspec.ValidationError as error:
        # msgspec knows quickly that something is wrong, the walk what all of it is.
        raise document.error(validate.faults(document.data, model)) from error
    found = list(checks.faults(definition, path))
    if found:
        raise document.error(found)
    return definition


def read_definition(path: Path) -> located.Document:
    """Return what a definition's file says, before anything is known of its sense."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnknownNameError("there is no such file", where=Where(str(path))) from error
    except OSError as error:
        reason = f"cannot read this file: {error.strerror}"
        raise DefinitionError(reason, where=Where(str(path))) from error
    return located.read(path)


def place_in(path: Path, *keys: str | int) -> Where:
    """Return where a definition's file says something, or what it takes that from."""
    document = read_definition(path)
    known = keys if keys[0] in document.data else ("extends",)
    return document.problem(located.Fault(known, "")).where
