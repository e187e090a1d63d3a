"""What definitions say that components provide: it is there once they are built."""

from __future__ import annotations

import os
from pathlib import Path

from omnibuild import pipeline
from omnibuild.blueprint.components import Components
from omnibuild.payload.globs import matches
from omnibuild.plan.graph import Plan
from omnibuild.recipe.definitions import Definitions
from omnibuild.settings import Settings, default_cache

CHECKOUT = Path(__file__).resolve().parents[3]


def test_components_have_what_they_provide() -> None:
    definitions = Definitions(CHECKOUT)
    settings = Settings(CHECKOUT, default_cache(), cores=os.cpu_count() or 1)
    components = Components(definitions, "bullseye")
    names = [n for n in definitions.names("software") if definitions.software(n).software.provides]
    goals = {components.add(name): name for name in names}
    plan = Plan.of(components.actions.values())
    lacking = []
    with pipeline.opened_store(settings) as store:
        outputs = pipeline.execute(settings, store, plan, goals, lambda _: None)
        for goal, name in goals.items():
            paths = [entry.path for entry in store.tree(outputs[goal].digest).entries]
            lacking += [
                f"{name}: {glob}"
                for glob in definitions.software(name).software.provides
                if not any(matches(glob, path) for path in paths)
            ]
    assert not lacking
