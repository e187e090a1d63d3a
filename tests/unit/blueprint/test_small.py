"""Apps that leave out what they do not need: what is made anew for them, and what is not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from omnibuild.blueprint.app import plan_app
from omnibuild.errors import DefinitionError
from omnibuild.plan.graph import Action
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models.app import Recipe
from omnibuild.recipe.models.software import Chosen

CHECKOUT = Path(__file__).resolve().parents[3]
INTERPRETER = "python-3.13"


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return Definitions(CHECKOUT)


def planned(definitions: Definitions, recipe: Recipe, path: Path) -> dict[str, Action]:
    plan = plan_app(definitions, recipe, path, [definitions.platform("debian-12")[0]])
    return dict(plan.plan.actions)


def test_an_app_without_sources_is_placed_anew_and_nothing_else(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    before = planned(definitions, recipe, path)
    python = msgspec.structs.replace(recipe.python, sources=False)
    after = planned(definitions, msgspec.structs.replace(recipe, python=python), path)
    changed = {name for name, action in after.items() if action != before[name]}
    assert {name.partition(":")[0] for name in changed} == {"place", "payload"}
    assert after[f"place:hello/{INTERPRETER}@bullseye/amd64"].parameters["sources"] is False


def test_a_variant_that_only_leaves_out_compiles_nothing(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    # Its own words say so.
    after = planned(definitions, recipe, path)
    before = planned(definitions, msgspec.structs.replace(recipe, software={}), path)
    changed = [name for name, action in after.items() if action != before[name]]
    assert changed == ["payload:hello@bullseye/amd64"]
    prune = after[changed[0]].parameters["prune"]
    assert prune["openssl"][-1] == "bin"
    assert prune[INTERPRETER][-1] == "lib/python3.*/pydoc_data"


def test_additions_need_pip(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    small = msgspec.structs.replace(
        recipe,
        software={INTERPRETER: Chosen(variants=("small",))},
        python=msgspec.structs.replace(recipe.python, additions=True),
    )
    with pytest.raises(DefinitionError, match="`additions` need pip") as caught:
        planned(definitions, small, path)
    assert "lib/python3.13/ensurepip" in caught.value.hint
