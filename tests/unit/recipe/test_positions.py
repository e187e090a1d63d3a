from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.recipe.positions import Path, scan
from tests.unit.recipe.samples import CHECKOUT, RECIPE, SOFTWARE

HARD = '''\
# comment with "quotes" and [brackets]
bare-key_1 = 1 # "x"
"quoted \\" key" = 'literal # no comment'
'it''s' = 0
a . "b" . c = """multi ""line"" [x]
\\""" end"""""
d = {e = [1, {f = "}"}], "g h".i = 1979-05-27 07:32:00Z, empty = {}, none = []}
floats = [ # one
    -1.5e3,
    inf, # two
    ''
]
s = \'\'\'it's
]\'\'\'\'

[table]
[table.sub."dotted.name"]
k = true
[[array]]
x = 1
[array.sub]
y = 2
[[array.deeper]]
[[array.deeper]]
z = 3
[[array]]
x = 4
[array.sub]
y = 5
'''.replace("'it''s' = 0", "'its' = 0")


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def check(text: str) -> None:
    data = tomllib.loads(text)
    found = scan(text)
    assert set(found.values) == set(paths(data))
    assert {path for path in paths(data) if isinstance(path[-1], str)} <= set(found.keys)
    for path, span in found.values.items():
        value, part = at(data, path), text[span.start : span.end]
        if path in found.keys and found.keys[path] == span:
            continue  # a header or the first part of a dotted key stands for the table
        assert repr(tomllib.loads(f"value = {part}")["value"]) == repr(value)


@pytest.mark.parametrize("text", [HARD, RECIPE, SOFTWARE, "", "# nothing"])
def test_finds_everything_that_tomllib_finds(text: str) -> None:
    check(text)


def test_finds_everything_in_the_definitions_of_the_checkout() -> None:
    files = [*CHECKOUT.glob("*/*.toml"), CHECKOUT / "pyproject.toml"]
    assert len(files) > 7
    for path in files:
        check(path.read_text())


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
scalars = st.one_of(
    st.integers(-(2**40), 2**40), st.booleans(), st.floats(allow_nan=False), st.dates(), texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def written(value: Any, line: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return f"[{line}" + "".join(f"{written(item, line)}{line} ,{line}" for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{written(key, line)} = {written(item, line)}" for key, item in value.items())
        return "{ " + " , ".join(pairs) + " }"
    return str(value)


@given(
    st.dictionaries(texts, values, max_size=4),
    st.dictionaries(texts, st.dictionaries(texts, values, max_size=3), max_size=3),
    st.sampled_from(["", " ", "\n", " # [comment\n\t"]),
)
def test_finds_everything_in_any_document(
    top: dict[str, Any], tables: dict[str, dict[str, Any]], line: str
) -> None:
    lines = [f"{written(key, '')} = {written(value, line)}" for key, value in top.items()]
    for name, table in tables.items():
        if name not in top:
            lines.append(f"[ {written(name, '')} ]")
            lines += [f"{written(k, '')}= {written(v, line)} #" for k, v in table.items()]
    check("\n".join(lines))
