from __future__ import annotations

import importlib.util
import json
import re

import pytest

from omnibuild.recipe.models import Model, Platform, Recipe, Software
from omnibuild.recipe.schema import json_schema, reference_markdown
from tests.unit.recipe.samples import CHECKOUT, GOLDEN, assert_golden


@pytest.mark.parametrize("model", [Recipe, Software, Platform])
def test_json_schema(model: type[Model]) -> None:
    text = json.dumps(json_schema(model), indent=2)
    assert_golden(GOLDEN / f"{model.__name__.lower()}.schema.json", text)
    assert "null" not in text


def test_every_key_of_the_schema_says_what_it_is() -> None:
    for model in (Recipe, Software, Platform):
        for definition in json_schema(model)["$defs"].values():
            assert definition["description"]
            for key, value in definition["properties"].items():
                assert "description" in value or "$ref" in value, key
                assert not re.search("[A-Z_]", key)


def test_reference_pages_are_those_of_the_code() -> None:
    path = CHECKOUT / "tools/gen_docs.py"
    specification = importlib.util.spec_from_file_location("gen_docs", path)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name, text in module.pages().items():
        written = (CHECKOUT / "docs/reference" / name).read_text()
        assert text == written, "run: .venv/bin/python tools/gen_docs.py"


def test_reference_has_a_row_for_every_key() -> None:
    text = reference_markdown(Recipe)
    for heading in ("app", "source", "python", "services.NAME", "config", "package"):
        assert f"## `[{heading}]`" in text
    assert "| `workers` | integer, 1 to 256 | none | Server processes; 2 if unset. |" in text
