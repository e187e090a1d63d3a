"""Where a project takes named packages from, and for whom that holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from omnibuild.recipe import located
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.wheeltags import applies
from omnibuild.sources.python.project.declared import Choice

UV: Keys = ("tool", "uv")
_POETRY: Keys = ("tool", "poetry")


def concerns(source: Mapping[str, Any], choice: Choice, python: str) -> bool:
    """Tell whether a source of a package is for an environment and a choice."""
    wanted: dict[str, Iterable[str]] = {"extra": choice.extras, "group": choice.groups}
    for key, chosen in wanted.items():
        if key in source and canonicalize_name(str(source[key])) not in chosen:
            return False
    try:
        marker = Marker(source["marker"]) if isinstance(source.get("marker"), str) else None
    except InvalidMarker:
        return True
    return applies(marker, python)


def sources(data: Mapping[str, Any]) -> Iterator[tuple[Keys, str, Mapping[str, Any]]]:
    """Yield where a project takes named packages from: the keys, the package, what is said."""
    groups = located.table_at(data, *_POETRY, "group")
    of_groups = ((*_POETRY, "group", group, "dependencies") for group in groups)
    for table in (
        *((*UV, "sources"), (*_POETRY, "dependencies"), (*_POETRY, "dev-dependencies")),
        *of_groups,
    ):
        for name, said in located.table_at(data, *table).items():
            listed = said if isinstance(said, list) else [said]
            for index, source in enumerate(listed):
                if isinstance(source, dict):
                    path = (*table, name, index) if isinstance(said, list) else (*table, name)
                    yield path, canonicalize_name(name), source
