from __future__ import annotations

from pathlib import Path

from packaging.utils import canonicalize_name

from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models.needs import NO_NEEDS, SourceNeeds, source_needs
from omnibuild.sources.python.sdists import SDISTS, needs_of

CHECKOUT = Path(__file__).resolve().parents[4]


def test_every_component_of_the_table_is_defined() -> None:
    defined = {*Definitions(CHECKOUT).names("software")}
    lacking = {
        name: sorted({*row.needs, *row.build_needs} - defined)
        for name, row in SDISTS.items()
        if not {*row.needs, *row.build_needs} <= defined
    }
    assert not lacking


def test_rows_are_found_and_kept_in_order() -> None:
    assert list(SDISTS) == sorted(SDISTS)
    assert all(canonicalize_name(name) == name for name in SDISTS)
    assert all(list(row.needs) == sorted({*row.needs}) for row in SDISTS.values())
    assert needs_of("CFFI").needs == ("libffi",)
    assert needs_of("flask") == NO_NEEDS
    for row in SDISTS.values():
        assert source_needs({"omnibuild": {"needs": list(row.needs)}}) == SourceNeeds(
            needs=row.needs
        )
