"""docs/security.md promises what tests prove, and numbers of the code: both are looked up."""

from __future__ import annotations

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs/security.md").read_text()

NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
NUMBERS = re.findall(r"^\|[^|]+\| ([\d,]+)[^|]*\|[^|]*\| `([\w.]+)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("path", "test"), NAMED)
def test_every_named_test_is_there(path: str, test: str) -> None:
    assert re.search(rf"^def {test}\(", (CHECKOUT / path).read_text(), re.MULTILINE)


def test_every_row_names_a_test() -> None:
    tables = PAGE.partition("## Limits")[0]
    rows = [line for line in tables.splitlines() if re.match(r"\| (?!what |---)", line)]
    assert len(rows) > 20
    assert [row for row in rows if "::" not in row] == []
    assert tables.count("`tests/") == len(NAMED)


@pytest.mark.parametrize(("number", "name"), NUMBERS)
def test_every_number_is_that_of_the_code(number: str, name: str) -> None:
    module, constant, attributes = re.fullmatch(r"([a-z_.]+)\.([A-Z_]+)((?:\.\w+)*)", name).groups()  # type: ignore[union-attr]
    value = getattr(importlib.import_module(f"omnibuild.{module}"), constant)
    assert reduce(getattr, attributes.split(".")[1:], value) == int(number.replace(",", ""))


def test_every_limit_is_looked_up() -> None:
    limits = PAGE.partition("## Limits")[2]
    assert len(NUMBERS) == limits.count("\n| ") - 2  # the head, and memory, which has no limit
