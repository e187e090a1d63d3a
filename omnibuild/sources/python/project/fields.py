"""Fields of ``[project]`` that no build backend takes as they are: told here, with their line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from omnibuild.recipe import located
from omnibuild.recipe.located import Fault
from omnibuild.recipe.wheeltags import full_version
from omnibuild.sources.python.project.declared import document_of

_TABLE = "project"
_TEXTS = ("name", "version", "description", "requires-python")
_LISTS = ("classifiers", "keywords", "dynamic")
_TABLES = ("scripts", "gui-scripts", "urls")


def check_fields(directory: Path, *, built: bool) -> None:
    """Raise :class:`DefinitionError` for what is of a type that the standard (PEP 621) has not.

    Args:
        directory: the project's.
        built: it is built into a wheel, which takes a name and a version.
    """
    document = document_of(directory)
    project = document.data.get(_TABLE) if document else None
    if document is None or project is None:
        return
    if not isinstance(project, dict):
        raise document.error([Fault((_TABLE,), f"`{_TABLE}` must be a table")])
    faults = [*_wrong_types(project)]
    if built:
        poetry = located.table_at(document.data, "tool", "poetry")
        faults += _missing({*project, *poetry}, project.get("dynamic"))
    if faults:
        raise document.error(faults)


def _wrong_types(project: Mapping[str, Any]) -> Iterator[Fault]:
    for key in _TEXTS:
        if key in project and not isinstance(project[key], str):
            hint = f'write it in quotes: {key} = "{project[key]}"'
            yield Fault((_TABLE, key), f"`{key}` must be text", hint)
    for key in _LISTS:
        listed = project.get(key, [])
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            yield Fault((_TABLE, key), f"`{key}` must be an array of strings")
    for key in _TABLES:
        table = project.get(key, {})
        if not isinstance(table, dict):
            yield Fault((_TABLE, key), f"`{_TABLE}.{key}` must be a table")
            continue
        for name, value in table.items():
            if not isinstance(value, str):
                yield Fault((_TABLE, key, name), f"`{name}` must be text")


def check_python(directory: Path, python: str) -> None:
    """Raise :class:`DefinitionError` for a project that is not for a series of CPython."""
    document = document_of(directory)
    path = (_TABLE, "requires-python")
    text = located.value_at(document.data, *path) if document else None
    if document is None or not isinstance(text, str):
        return
    try:
        allowed = SpecifierSet(text)
    except InvalidSpecifier as error:
        what = f"`{text}` says no versions of Python"
        raise document.error([Fault(path, what, 'write it like ">=3.11"')]) from error
    if not allowed.contains(full_version(python), prereleases=True):
        what = f"the project is for Python {text}, and the app gets {python}"
        raise document.error([Fault(path, what, "take another `version` in [python]")])


def _missing(said: set[str], dynamic: Any) -> Iterator[Fault]:
    if "name" not in said:
        yield Fault((_TABLE,), "`name` is missing", "every project that is built has one")
    if "version" not in said and not (isinstance(dynamic, list) and "version" in dynamic):
        hint = 'write version = "0.1.0", or dynamic = ["version"] if the build computes it'
        yield Fault((_TABLE,), "`version` is missing", hint)
