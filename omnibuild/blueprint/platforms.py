"""Which platforms an app is for, what all of them have, and what is written for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from packaging.version import Version

from omnibuild.blueprint.audits import beside
from omnibuild.blueprint.components import Components, root_actions
from omnibuild.errors import DefinitionError, UnknownNameError
from omnibuild.package.compression import Effort
from omnibuild.package.formats import (
    base_of,
    decisive_settings,
    format_of,
    format_without_rights,
    inexpressible,
)
from omnibuild.payload.model import Metadata
from omnibuild.plan.graph import Action, bare_name
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Platform, Recipe
from omnibuild.recipe.whereabouts import recipe_document
from omnibuild.sources.roots.lock import load_root_lock

NONE: Final[Mapping[str, Any]] = MappingProxyType({})


def check_forms(
    recipe: Recipe, path: Path, platforms: Iterable[Platform], metadata: Metadata
) -> None:
    """Raise :class:`DefinitionError` for all that the formats of platforms cannot express.

    Args:
        recipe: the app.
        path: where it is.
        platforms: those that are built.
        metadata: what its packages say of themselves.
    """
    platforms = list(platforms)
    # Formats may say the same of one thing.
    faults = list(
        dict.fromkeys(fault for each in platforms for fault in inexpressible(metadata, each))
    )
    faults += _file_faults(recipe, platforms)
    if faults:
        raise recipe_document(path).error(faults)


def _file_faults(recipe: Recipe, platforms: Iterable[Platform]) -> Iterator[Fault]:
    """Yield the files whose rights a platform's packages cannot give."""
    forms = dict.fromkeys(filter(None, map(format_without_rights, platforms)))
    for place, file in recipe.host_files.items():
        asked = file.capabilities or (file.owner, file.group) != ("root", "root")
        if file.ghost or not asked:
            continue
        if refusing := [form for form in forms if form in (file.formats or (form,))]:
            what = (
                f"packages of the format {' and '.join(refusing)} give files neither an owner nor"
            )
            hint = "leave it out of these, by `formats`; or set it in the hook `post-configure`"
            yield Fault(("files", place), f"{what} capabilities", hint)


def chosen_platforms(
    definitions: Definitions, recipe: Recipe, names: Sequence[str]
) -> tuple[Platform, ...]:
    """Return the platforms that are asked for, all that the recipe supports when none is.

    Those that are built on request only must be named there, or by the recipe.

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
    named = names or recipe.package.platforms
    found = (definitions.platform(name)[0] for name in dict.fromkeys(named or supported))
    return tuple(platform for platform in found if named or not platform.on_request)


def lowest_glibc(platforms: Sequence[Platform]) -> str:
    """Return the glibc version that all of the platforms have."""
    return min((platform.glibc for platform in platforms), key=Version)


def refuse_one_file_of_two_roots(packages: Mapping[str, str]) -> None:
    """Name, version and architecture mean one file: two roots must not both make it."""
    owners: dict[str, tuple[str, str]] = {}
    for platform, package in packages.items():
        other, action = owners.setdefault(bare_name(package), (platform, package))
        if action != package:
            raise DefinitionError(
                f"{other} and {platform} would be packages of one name with different contents",
                why="they are compiled in different roots",
                hint=f"give one of them a `revision-suffix`, or build one at a time:"
                f" --platform {platform}",
            )


def base_actions(
    definitions: Definitions, platforms: Iterable[Platform]
) -> dict[str, list[Action]]:
    """Return the actions that make each root on which apps lie, the last of them the root."""
    names = dict.fromkeys(base for platform in platforms if (base := base_of(platform)))
    return {name: root_actions(name, load_root_lock(definitions.root_lock(name))) for name in names}


def symbols_actions(
    components: Components,
    platforms: Iterable[Platform],
    payload: Action,
    audits: Sequence[str],
    effort: Effort,
    parts: Mapping[str, str],
) -> dict[str, list[Action]]:
    """Return the actions for the debug symbols of an app, by the platforms that have packages.

    The last of each writes the package; arguments are those of :func:`package_action`, and the
    components, of which symbols are kept or not.
    """
    if not components.symbols:
        return {}
    symbols = Action(beside(payload, "symbols", "all"), "symbols", {}, inputs=dict(parts))
    return {
        platform.name: [symbols, package_action(platform, payload, audits, effort, symbols=symbols)]
        for platform in platforms
        if format_of(platform.settings)[1].symbols
    }


def package_action(
    platform: Platform,
    payload: Action,
    audits: Sequence[str],
    effort: Effort,
    parts: Mapping[str, str] = NONE,
    bases: Mapping[str, Sequence[Action]] = NONE,
    symbols: Action | None = None,
) -> Action:
    """Return the action that writes a platform's artifact, named after what decides its bytes.

    Args:
        platform: what it is for.
        payload: the action that makes what is in it.
        audits: names of actions that must not fail before.
        effort: how hard to compress.
        parts: ``part:NAME`` to the action that places the part.
        bases: what :func:`base_actions` returned.
        symbols: the action that makes the debug symbols, for a package of these.
    """
    form, settings, libraries = decisive_settings(platform)
    suffix = settings.get("revision-suffix", "")
    inputs = {"payload": payload.name}
    if symbols:
        inputs["symbols"] = symbols.name
        suffix += "-symbols"
    elif format_of(platform.settings)[1].apart:
        inputs |= parts
    if base := base_of(platform):
        inputs["base"] = bases[base][-1].name
        suffix = f"-on-{base}"
    return Action(
        name=beside(payload, "package", f"{form}{suffix}"),
        kind="package",
        parameters={
            "format": {form: settings},
            "libraries": libraries,
            "effort": effort,
        },
        inputs=inputs,
        after=tuple(audits),
    )
