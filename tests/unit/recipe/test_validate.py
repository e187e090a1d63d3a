from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.errors import DefinitionError
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Model, Recipe, Software
from omnibuild.recipe.validate import dotted, faults
from tests.unit.recipe.samples import RECIPE, SOFTWARE, workspace
from tests.unit.recipe.test_positions import scalars, texts, written

junk = st.one_of(
    scalars,
    st.just("x\n"),
    st.lists(scalars, max_size=3),
    st.dictionaries(texts, scalars, max_size=2),
    st.integers(0, 300),
)


def containers(value: Any) -> list[Any]:
    found = [value] if isinstance(value, dict | list) else []
    children = value.values() if isinstance(value, dict) else value
    return found + [each for child in (children if found else ()) for each in containers(child)]


def mutate(data: Any, draw: Any) -> None:
    """Delete, replace, rename or add something anywhere."""
    place = draw(st.sampled_from(containers(data)))
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    if not keys or draw(st.booleans()):
        key = draw(texts | st.sampled_from(["name", "path", "verison", "web", "python"]))
        if isinstance(place, dict):
            place[key] = draw(junk)
        else:
            place.append(draw(junk))
        return
    key = draw(st.sampled_from(keys))
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(junk)


def document(data: dict[str, Any], line: str) -> str:
    lines = [f"{written(k, '')} = {written(v, line)}" for k, v in data.items() if is_leaf(v)]
    for name, table in data.items():
        if not is_leaf(table):
            lines.append(f"[{written(name, '')}]")
            lines += [
                f"{written(key, '')} = {written(value, line)}" for key, value in table.items()
            ]
    return "\n".join(lines)


def is_leaf(value: Any) -> bool:
    return not isinstance(value, dict)


@pytest.mark.parametrize(("model", "text"), [(Recipe, RECIPE), (Software, SOFTWARE)])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_mutation_is_a_model_or_located_problems(
    tmp_path: Path, model: type[Model], text: str, data: st.DataObject
) -> None:
    if not (tmp_path / "recipes").exists():
        workspace(tmp_path)
    value = tomllib.loads(text)
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(value, data.draw)
    path = tmp_path / ("recipes/shop.toml" if model is Recipe else "software/zlib.toml")
    path.write_text(document(value, data.draw(st.sampled_from(["", "\n"]))))
    try:
        assert isinstance(load(path, model), model)
    except DefinitionError as error:
        check_places(error, path.read_text().split("\n"))


def check_places(error: DefinitionError, lines: list[str]) -> None:
    assert error.problems
    for problem in error.problems:
        assert 1 <= problem.where.line <= len(lines)
        assert 1 <= problem.where.column <= len(lines[problem.where.line - 1]) + 1
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", str(error))


@given(st.data())
def test_agrees_with_msgspec_on_what_is_valid(data: st.DataObject) -> None:
    value = copy.deepcopy(tomllib.loads(RECIPE))
    mutate(value, data.draw)
    try:
        msgspec.convert(value, Recipe)
    except msgspec.ValidationError:
        assert list(faults(value, Recipe))
    else:
        # Only a line break at the end is refused beyond what msgspec refuses.
        assert all("\n" in repr(value) or "\\n" in repr(value) for _ in faults(value, Recipe))


@given(st.text(max_size=60))
def test_any_text_is_a_model_or_an_error(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "exists", lambda self: True)
        patch.setattr(Path, "read_bytes", lambda self: text.encode("utf-8", "surrogatepass"))
        with pytest.raises(DefinitionError):
            load(Path("recipes/shop.toml"), Recipe)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("web", "workers"), "web.workers"),
        (("steps", 2), "steps[2]"),
        (("config", "/etc/a.toml"), 'config."/etc/a.toml"'),
        ((), ""),
    ],
)
def test_dotted(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text


def test_a_misspelt_key_is_told_once() -> None:
    value = tomllib.loads(RECIPE.replace('license = "MIT"', 'licence = "MIT"'))
    found = list(faults(value, Recipe))
    assert [(fault.what, fault.hint) for fault in found] == [
        ("unknown key `licence` in [app]", "did you mean `license`?")
    ]


def test_a_name_with_a_dot_wants_quotes() -> None:
    said = "[software]\npython-3.13 = { variants = [] }"
    value = tomllib.loads(RECIPE.replace("[software]", said))
    found = list(faults(value, Recipe))
    assert [(fault.what, fault.hint) for fault in found] == [
        (
            "unknown key `13` in [software.python-3]",
            'a name with a dot is written in quotes: "python-3.13"',
        )
    ]


def test_a_last_line_break_is_part_of_the_value() -> None:
    value = tomllib.loads(RECIPE.replace('"1.4.2"', '"1.4.2\\n"'))
    assert [fault.path for fault in faults(value, Recipe)] == [("app", "version")]
