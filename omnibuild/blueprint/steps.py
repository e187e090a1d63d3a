"""What the recipe's own build makes of the installed app, as actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omnibuild.blueprint.components import Components
from omnibuild.blueprint.python.packages import PythonPackages
from omnibuild.host.layout import Layout
from omnibuild.layers.environment import FIXED_ENVIRONMENT, SHARE
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.plan.graph import Action
from omnibuild.recipe.models import Build, Recipe

# The part of a payload that build steps make.
STEPS_PART = "recipe:steps"
# The part that [build.node] makes.
NODE_PART = "recipe:node"
RECIPE_PARTS = (STEPS_PART, NODE_PART)


def steps_action(
    recipe: Recipe,
    build: Build,
    components: Components,
    python: PythonPackages | None,
    parts: Mapping[str, str],
    prune: Mapping[str, Sequence[str]],
) -> Action:
    """Return the action that runs the steps of ``[build]`` over the installed app.

    Args:
        recipe: the app.
        build: its table ``[build]``.
        components: planned ones; those that the steps need are among them.
        python: the app's Python packages, if it has some.
        parts: what is installed: part of the payload to the action that makes it.
        prune: globs of what each part leaves out.
    """
    # Where only the steps need a component, what that needs is there, too.
    tools = {name: components.action(name) for name in components.closure(build.needs)}
    told = {Layout.of(recipe).variable("SHARE"): f"{LOGICAL_PREFIX}/{SHARE}"}
    # What is not on hosts is not found here either: only what is installed can be imported.
    isolated = {"PYTHONSAFEPATH": "1"}
    inputs = {"root": components.root}
    inputs |= {f"part:{name}": action for name, action in (tools | dict(parts)).items()}
    if python and python.source:
        inputs["source"] = python.source
    return Action(
        f"steps:{recipe.app.name}{components.place}",
        "steps",
        {
            "steps": list(build.steps),
            "prune": {name: list(globs) for name, globs in prune.items() if globs},
            "python": recipe.python.version if recipe.python else "",
            "project": python.project if python else "",
            "environment": {**FIXED_ENVIRONMENT, **isolated, **build.environment, **told},
        },
        inputs,
    )
