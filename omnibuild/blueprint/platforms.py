"""Which platforms an app is for, and what all of them have."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from omnibuild.errors import UnknownNameError
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models import Platform, Recipe


def chosen_platforms(
    definitions: Definitions, recipe: Recipe, names: Sequence[str]
) -> tuple[Platform, ...]:
    """Return the platforms that are asked for, all that the recipe supports when none is.

    Raises :class:`UnknownNameError` for one that it does not support, or that nobody defines.
    """
    supported = recipe.package.platforms or definitions.names("platforms")
    for name in names:
        if name in definitions.names("platforms") and name not in supported:
            raise UnknownNameError(
                f"the recipe of {recipe.app.name} does not support {name}",
                why=f"it supports: {', '.join(supported)}",
                hint="add the platform to package.platforms",
            )
    return tuple(definitions.platform(name)[0] for name in dict.fromkeys(names or supported))


def lowest_glibc(platforms: Sequence[Platform]) -> str:
    """Return the glibc version that all of the platforms have."""
    return min((platform.glibc for platform in platforms), key=Version)
