"""Read a definition from its file, or say everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from omnibuild.errors import DefinitionError, UnknownNameError, Where
from omnibuild.recipe import located
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Model, Platform
from omnibuild.recipe.models.platform import FORMATS
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted

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
        from omnibuild.recipe import validate

        raise document.error(validate.faults(document.data, model)) from error
    found = list(_faults(definition, path))
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


def error_in(
    path: Path, faults: Iterable[Fault], kind: type[DefinitionError] = DefinitionError
) -> DefinitionError:
    """Make one error of faults in a definition's file, or in what it takes from another one."""
    document = read_definition(path)
    return document.error(here(faults, document), kind)


def here(faults: Iterable[Fault], document: located.Document) -> Iterator[Fault]:
    """Place what is only wrong together with an extended file where that is named."""
    for fault in faults:
        if fault.path and fault.path[0] not in document.data and "extends" in document.data:
            yield msgspec.structs.replace(fault, path=("extends",), in_key=False)
        else:
            yield fault


def _faults(definition: Model, path: Path) -> Iterator[Fault]:
    """Yield what is wrong with a definition whose fields are each right."""
    if isinstance(definition, Platform):
        yield from _name_faults(definition.name, path)
        yield from _platform_faults(definition)
        return
    # Much is to be known of recipes; commands that read platforms alone need none of it.
    from omnibuild.recipe.models import Recipe

    if isinstance(definition, Recipe):
        from omnibuild.recipe import checks

        yield from checks.faults(definition, path)


def _name_faults(name: str, path: Path) -> Iterator[Fault]:
    if name != path.stem:
        hint = f"write `{path.stem}`, or rename the file to `{name}.toml`"
        yield Fault(("name",), f"`name` must be the file's name, {quoted(path.stem)}", hint)


def _platform_faults(platform: Platform) -> Iterator[Fault]:
    formats = [name for name in FORMATS if getattr(platform, name)]
    *tables, last = (f"[{name}]" for name in FORMATS)
    one_of = f"a platform has one of {', '.join(tables)} and {last}"
    if not formats:
        yield Fault((), f"{one_of}, and none is there")
    for extra in formats[1:]:
        what = f"{one_of}, and [{formats[0]}] is there too"
        yield Fault((extra,), what)
    if platform.deb and bool(platform.deb.revision_suffix) != bool(platform.deb.suite_suffix):
        what = "`revision-suffix` and `suite-suffix` go together: other bytes, another suite"
        yield Fault(("deb",), what)
