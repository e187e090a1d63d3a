"""``omnibuild schema``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild.recipe.models import Model, Platform, Recipe, Software
from omnibuild.recipe.schema import json_schema

MODELS: dict[str, type[Model]] = {"recipe": Recipe, "software": Software, "platform": Platform}


def run(arguments: argparse.Namespace) -> int:
    """Print the JSON schema of one kind of definition."""
    sys.stdout.write(json.dumps(json_schema(MODELS[arguments.definition]), indent=2) + "\n")
    return 0
