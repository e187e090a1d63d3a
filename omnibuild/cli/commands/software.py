"""``omnibuild software``: which components there are, and what is said of one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from omnibuild.cli.common import settings_from
from omnibuild.cli.outcome import report, told
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.software.choosing import versions
from omnibuild.recipe.software.extending import Defined
from omnibuild.recipe.software.templates import tools


def run(arguments: argparse.Namespace) -> int:
    """Do what the action's word says."""
    definitions = Definitions(settings_from(arguments).workspace)
    if arguments.action == "list":
        return _list(definitions, as_json=arguments.json)
    shown = _shown(definitions, arguments.name)
    if arguments.json:
        return _write_json(shown)
    for key, value in shown.items():
        if value and value is not True:
            listed = ", ".join(_words(value)) if isinstance(value, (list, dict)) else str(value)
            sys.stdout.write(f"{key.replace('_', ' '):<14}{listed}\n")
    return 0


def _list(definitions: Definitions, *, as_json: bool) -> int:
    """Tell of all components, then what is wrong with those that cannot be read."""
    found, wrong = definitions.every_software()
    rows = [_described(defined) for defined in found.values()]
    if as_json:
        _write_json({"software": rows, "errors": list(map(told, wrong))})
    else:
        for row in rows:
            needs = f"  needs {', '.join(row['needs'])}" if row["needs"] else ""
            line = f"{row['name']:<24}{row['version']:<18}{row['license']}{needs}"
            sys.stdout.write(f"{line.rstrip()}\n")
    # One document is all that machines read: the errors are in it.
    statuses = [report(error, as_json=False) for error in wrong]
    return statuses[0] if statuses else 0


def _described(defined: Defined) -> dict[str, Any]:
    software = defined.software
    return {
        "name": software.name,
        "version": software.version,
        "license": software.license,
        "needs": list(software.needs),
        "build_needs": [*software.build_needs, *tools(software.steps)],
        "build_only": software.build_only,
        "variants": {name: variant.about for name, variant in software.variants.items()},
        "defined": [str(path) for path in (defined.path, *defined.bases)],
    }


def _shown(definitions: Definitions, name: str) -> dict[str, Any]:
    """Return what is said of a component, and what of this workspace names it."""
    described = _described(definitions.software(name))
    every, _ = definitions.every_software()
    needing = [each for each, defined in every.items() if name in defined.software.needs]
    recipes = [definitions.recipe(each)[0] for each in definitions.own_recipes()]
    return described | {
        "versions": versions(definitions, name),
        "needed_by": needing,
        "chosen_by": [recipe.app.name for recipe in recipes if name in _named_in(recipe)],
    }


def _named_in(recipe: Recipe) -> list[str]:
    interpreter = [f"python-{recipe.python.version}"] if recipe.python else []
    return [*recipe.software, *interpreter]


def _words(value: list[str] | Mapping[str, str]) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{name} ({about})" if about else name for name, about in value.items()]
    return value


def _write_json(data: Mapping[str, Any]) -> int:
    sys.stdout.write(json.dumps(data, indent=2) + "\n")
    return 0
