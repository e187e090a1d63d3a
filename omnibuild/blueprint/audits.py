"""What is done with a finished payload, platform by platform: its audits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

import msgspec

from omnibuild.audit import owners
from omnibuild.audit.owners import Brings, Owner
from omnibuild.blueprint.components import Components
from omnibuild.blueprint.prebuilt import RUNTIME_PART
from omnibuild.blueprint.steps import RECIPE_PARTS
from omnibuild.payload.assembly import HOST_PART
from omnibuild.plan.graph import Action
from omnibuild.provenance.manifest import PythonComponent, compiler_version
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import HostPackages, Platform, Recipe
from omnibuild.recipe.models.audit import OF_COMPILERS, Check
from omnibuild.recipe.whereabouts import recipe_document


def audit_action(
    recipe: Recipe,
    platform: Platform,
    payload: Action,
    who: Mapping[str, Owner],
    asked: Mapping[str, str],
) -> Action:
    """Return the action that audits a payload for a platform.

    Args:
        recipe: says what may stay.
        platform: what the payload is audited for.
        payload: the action that makes it.
        who: the owner of each part, by its name.
        asked: parts of the project to the actions that ask its interpreter about them.
    """
    parts = {role: name for role, name in payload.inputs.items() if role.startswith("part:")}
    return Action(
        beside(payload, "audit", platform.name),
        "audit",
        {
            "glibc": platform.glibc,
            "architecture": platform.settings.architecture,
            "owners": {name: owners.to_data(owner) for name, owner in who.items()},
            "waivers": [
                {"check": one.check, "path": one.path, "reason": one.reason}
                for one in (recipe.audit.waivers if recipe.audit else ())
            ],
            "prune": msgspec.to_builtins(recipe.python.prune) if recipe.python else {},
        },
        {
            "payload": payload.name,
            **parts,
            **{f"syntax:{name}": action for name, action in asked.items()},
        },
    )


def check_waivers(recipe: Recipe, path: Path, platforms: Iterable[Platform]) -> None:
    """Raise :class:`DefinitionError` where hosts of a platform would lack what is waived."""
    faults: dict[tuple[int, str], Fault] = {}
    waivers = recipe.audit.waivers if recipe.audit else ()
    for number, waiver in enumerate(waivers):
        for platform in platforms:
            form = "deb" if platform.deb else "rpm" if platform.rpm else ""
            named = waiver.depends != HostPackages()
            if named and form and not getattr(waiver.depends, form):
                what = f"nothing says who brings it to hosts of {platform.name}"
                hint = f"add `{form}`, or name the platforms of the app in package.platforms"
                fault = Fault(("audit", "waivers", number, "depends"), what, hint)
                faults.setdefault((number, form), fault)
    if faults:
        raise recipe_document(path).error(faults.values())


def part_owners(
    recipe: Recipe,
    parts: Iterable[str],
    components: Components,
    python: Iterable[PythonComponent],
) -> dict[str, Owner]:
    """Return the owners of a payload's parts, by their names.

    Args:
        recipe: the app.
        parts: all names.
        components: where those of components are defined.
        python: the app's Python packages.
    """
    found: dict[str, Owner] = {}
    for name in parts:
        if name == RUNTIME_PART:
            found[name] = Owner(Brings.ROOT, "gcc", compiler_version(components.root_lock))
        elif name == HOST_PART:
            found[name] = Owner(Brings.RECIPE)
        elif name in RECIPE_PARTS:
            found[name] = Owner(Brings.STEPS, recipe.app.name)
        elif ":" not in name:
            found[name] = Owner(Brings.COMPONENT, name, components.software(name).version)
    for one in python:
        kind = Brings.DISTRIBUTION if one.file else Brings.PROJECT
        found[f"python:{one.name}"] = Owner(kind, one.name, one.version)
    return found


def beyond_reach(definitions: Definitions, audits: Iterable[Action]) -> frozenset[tuple[str, str]]:
    """Return the checks and owners, as findings name them, where users can change nothing.

    All of components that ship with omnibuild and of a root's compiler, and how distributions of
    the index are compiled.

    Args:
        definitions: those of the user's workspace.
        audits: the actions that audit an app.
    """
    found: set[tuple[str, str]] = set()
    for data in (data for audit in audits for data in audit.parameters["owners"].values()):
        owner = owners.from_data(data)
        checks: Iterable[str] = ()
        if owner.kind is Brings.DISTRIBUTION:
            checks = OF_COMPILERS
        elif owner.kind is Brings.ROOT or (
            owner.kind is Brings.COMPONENT and not definitions.is_own("software", owner.name)
        ):
            checks = get_args(Check)
        found.update((check, str(owner)) for check in checks)
    return frozenset(found)


def beside(payload: Action, kind: str, what: str) -> str:
    """Return the name of an action about a payload."""
    app, at, place = payload.name.removeprefix("payload:").partition("@")
    return f"{kind}:{app}/{what}{at}{place}"
