"""Packages that only Rust compiles, where nothing brings it: told before anything is compiled."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from packaging.utils import canonicalize_name

from omnibuild.blueprint.components import Components
from omnibuild.errors import LockError
from omnibuild.layers.missing import provides
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.whereabouts import recipe_document
from omnibuild.sources.roots.lock import RootLock

# What builds such packages, by running this program.
_BUILDERS = frozenset({"maturin", "setuptools-rust"})
_CARGO = "cargo"


def refuse_rust(
    recipe: Recipe,
    path: Path,
    name: str,
    builders: Collection[str],
    components: Components,
) -> None:
    """Refuse to compile a package that its recipe wants compiled, and that nothing here can.

    Args:
        recipe: of the app.
        path: its file.
        name: the package's, normalised.
        builders: names of the packages that build it.
        components: those that there are, and what all is compiled in.

    Raises :class:`LockError` at the place in the recipe.
    """
    said = recipe.python.from_source if recipe.python else ()
    asked: list[str] = [canonicalize_name(each) for each in said]
    if name not in asked or _BUILDERS.isdisjoint(builders) or _has_cargo(components):
        return
    fault = Fault(
        ("python", "from-source", asked.index(name)),
        f"{name} is compiled by Rust, which no component brings",
        "take it out: its wheel is used then, and the audit tells what that brings",
    )
    raise recipe_document(path).error([fault], LockError)


def _has_cargo(components: Components) -> bool:
    root, every = components.root_lock, components.definitions.every_software()[0].values()
    # What is in a root that somebody else made is not known.
    if not isinstance(root, RootLock) or any(_CARGO in each.name for each in root.packages):
        return True
    return any(provides(glob, f"bin/{_CARGO}") for each in every for glob in each.software.provides)
