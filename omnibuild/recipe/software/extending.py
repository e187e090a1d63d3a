"""Definitions that extend another one: what they do not say is what that says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from omnibuild.errors import CycleError, DefinitionError
from omnibuild.recipe import validate
from omnibuild.recipe.loader import error_in, here, read_definition
from omnibuild.recipe.located import Document, Fault
from omnibuild.recipe.models import Software
from omnibuild.recipe.software.faults import software_faults
from omnibuild.recipe.validate import quoted

Find = Callable[[str, Path], Path]
"""Returns the file of a definition that a file extends, by its name and that file."""


@dataclass(frozen=True)
class Defined:
    """A component as one file defines it, or several together.

    Args:
        software: the definition, with all that it takes from others.
        path: its own file.
        patches: its patches by name: where each one is, beside the file that names it.
        bases: the files that it extends, the next one first.
        data: what the files say together, as it is written there.
    """

    software: Software
    path: Path
    patches: Mapping[str, Path]
    bases: tuple[Path, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def error(
        self, faults: Iterable[Fault], kind: type[DefinitionError] = DefinitionError
    ) -> DefinitionError:
        """Make one error of faults that show once other definitions are known."""
        return error_in(self.path, faults, kind)


def load_software(path: Path, find: Find, above: tuple[Path, ...] = ()) -> Defined:
    """Return the component that a file defines, with what it takes from those it extends.

    Args:
        path: the file.
        find: finds what is extended.
        above: the files that led here.

    Raises:
        DefinitionError: with all that is wrong in the file, or in one that it extends.
        CycleError: it extends itself.
    """
    document = read_definition(path)
    base = _base(document, path, find, above)
    data = {**(base.data if base else {}), **document.data}
    try:
        software = msgspec.convert(data, Software)
    except msgspec.ValidationError as error:
        faults = validate.faults(data, Software)
        raise document.error(here(faults, document)) from error
    patches: Mapping[str, Path] = {name: path.parent / name for name in software.patches}
    if base and "patches" not in document.data:
        patches = base.patches
    found = [*_name_faults(software, document, path), *software_faults(software, patches)]
    if found:
        raise document.error(here(found, document))
    bases = (base.path, *base.bases) if base else ()
    return Defined(software, path, patches, bases, data)


def _base(document: Document, path: Path, find: Find, above: tuple[Path, ...]) -> Defined | None:
    name = document.data.get("extends", "")
    # What is no name is told with all the other faults.
    if not isinstance(name, str) or not name:
        return None
    try:
        found = find(name, path)
    except DefinitionError as error:
        raise document.error([Fault(("extends",), error.what, error.hint)], type(error)) from error
    chain = (*above, path)
    if found in chain:
        names = " → ".join(each.stem for each in (*chain[chain.index(found) :], found))
        fault = Fault(("extends",), f"definitions extend one another in a circle: {names}")
        raise document.error([fault], CycleError)
    return load_software(found, find, chain)


def _name_faults(software: Software, document: Document, path: Path) -> Iterator[Fault]:
    if "name" not in document.data:
        yield Fault((), "missing key `name`", f'write `name = "{path.stem}"`')
    elif software.name != path.stem:
        hint = f"write `{path.stem}`, or rename the file to `{software.name}.toml`"
        yield Fault(("name",), f"`name` must be the file's name, {quoted(path.stem)}", hint)
