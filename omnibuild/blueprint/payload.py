"""The payload of an app as an action: placed parts, hooks, configuration, the manifest."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

import omnibuild.documents
import omnibuild.host
from omnibuild.blueprint.components import Components
from omnibuild.blueprint.prebuilt import RUNTIME_PART
from omnibuild.blueprint.steps import RECIPE_PARTS
from omnibuild.digests import Digest, of_file, of_json
from omnibuild.documents.said import said_of
from omnibuild.errors import DefinitionError, Where
from omnibuild.host.hooks import load_hooks
from omnibuild.host.layout import Layout
from omnibuild.payload.assembly import HOST_PART, part_of
from omnibuild.payload.globs import with_all_below
from omnibuild.payload.own_files import laid_out, tree_of
from omnibuild.payload.symbols import DIRECTORY as SYMBOLS
from omnibuild.plan.graph import Action
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.validate import closest, quoted, suggestion
from omnibuild.recipe.whereabouts import recipe_document, word_for
from omnibuild.regular import read_regular
from omnibuild.sources.python.backends import AS_IT_IS, is_built
from omnibuild.store.results import Output


def payload_action(
    recipe: Recipe,
    recipe_path: Path,
    components: Components,
    inputs: Mapping[str, str],
    prune: Mapping[str, Sequence[str]],
    described: Mapping[str, Any],
) -> Action:
    """Return the action that unites the placed parts of an app with its host integration.

    Args:
        recipe: the app.
        recipe_path: its file.
        components: where they are compiled.
        inputs: ``part:NAME`` to the action that places the part.
        prune: globs of what each part leaves out.
        described: the manifest.
    """
    directory = recipe_path.parent
    hooks = load_hooks(directory / recipe.package.scripts) if recipe.package.scripts else {}
    names = (part.removeprefix("part:") for part in inputs)
    spare = {
        name: list(globs)
        for name in names
        if ":" not in name and (globs := components.software(name).when_needed)
    }
    return Action(
        name=f"payload:{recipe.app.name}{components.place}",
        kind="payload",
        parameters={
            "recipe": msgspec.to_builtins(recipe),
            "prefix": Layout.of(recipe).prefix,
            "hooks": dict(hooks),
            "config": {
                host: _text(directory / file.source, recipe_path)
                for host, file in recipe.config_files.items()
            },
            "prune": {name: list(globs) for name, globs in prune.items()},
            "manifest": dict(described),
            "host": _host_digest(),
            "own": _own_parts(recipe, inputs),
            **said_of(recipe, recipe_path),
            **({"spare": spare} if spare else {}),
            **({"runtime": RUNTIME_PART} if f"part:{RUNTIME_PART}" in inputs else {}),
        },
        inputs=dict(inputs),
        places={"recipe": word_for(recipe_path)},
    )


def files_action(recipe: Recipe, recipe_path: Path) -> Action:
    """Return the action that takes the files of ``[files]``, laid out as hosts have them."""
    layout = Layout.of(recipe)
    values = {
        "NAME": recipe.app.name,
        "VERSION": recipe.app.release,
        "PREFIX": layout.prefix,
        "USER": layout.user or "root",
        "ETC": layout.etc,
        "STATE": layout.state,
        "LOGS": layout.logs,
        "RUNTIME": layout.runtime,
    }
    laid = laid_out(recipe.host_files, recipe_path.parent, values)
    digest = tree_of(laid).digest
    return Action(
        f"files:{recipe.app.name}",
        "files",
        {"digest": digest},
        places={"laid": msgspec.to_builtins(laid)},
        output=Output("tree", digest),
    )


def _own_parts(recipe: Recipe, inputs: Iterable[str]) -> list[str]:
    """Return the parts that are the app itself: its project, and what its build makes."""
    parts = [name.removeprefix("part:") for name in inputs]
    index = recipe.source.index.partition("==")[0] if recipe.source else ""
    project = part_of(index or recipe.app.name, parts)
    return [name for name in parts if name in (project, *RECIPE_PARTS, HOST_PART)]


def pruned(
    recipe: Recipe, recipe_path: Path, components: Components, parts: Iterable[str]
) -> dict[str, list[str]]:
    """Return the globs of what each part leaves out, by the names of the parts."""
    parts = list(parts)
    symbols = [SYMBOLS] if components.symbols else []
    found = {
        name: [*components.software(name).prune, *symbols] for name in parts if ":" not in name
    }
    for given, globs in recipe.python.prune.items() if recipe.python else ():
        part = part_of(given, parts)
        if not part:
            there = [part.removeprefix("python:") for part in parts if part.startswith("python:")]
            what = f"[python.prune] names {quoted(given)}, and no such package is installed"
            hint = suggestion(closest(given, there)) or f"there are {', '.join(sorted(there))}"
            fault = Fault(("python", "prune", given), what, hint, in_key=True)
            raise recipe_document(recipe_path).error([fault])
        found[part] = list(globs)
    _refuse_additions_without_pip(recipe, recipe_path, found)
    own = part_of(recipe.app.name, parts)
    if own and (closed := list(restricted(recipe, recipe_path))):
        found[own] = [*found.get(own, ()), *closed]
    return found


def _refuse_additions_without_pip(
    recipe: Recipe, recipe_path: Path, left_out: Mapping[str, Sequence[str]]
) -> None:
    if not recipe.python or not recipe.python.additions:
        return
    interpreter = f"python-{recipe.python.version}"
    pip = f"lib/python{recipe.python.version}/ensurepip"
    if with_all_below(left_out.get(interpreter, ()), [pip]):
        what = f"`additions` need pip, which the chosen {interpreter} leaves out"
        hint = f"take {interpreter} without the variant whose `prune` has {pip}"
        fault = Fault(("python", "additions"), what, hint)
        raise recipe_document(recipe_path).error([fault])


def restricted(recipe: Recipe, recipe_path: Path) -> Iterator[str]:
    """Yield what a project that is packaged as it is has of configuration that not all may read.

    Its copy below /opt could be read by everybody.
    """
    closed = [f for f in recipe.config_files.values() if not f.permissions & stat.S_IROTH]
    if not closed or not recipe.source or not recipe.source.path:
        return
    directory = recipe_path.parent / recipe.source.path
    # Reads the project's file, so it is asked last.
    if is_built(directory):
        return
    for file in closed:
        place = os.path.relpath(recipe_path.parent / file.source, directory)
        if not place.startswith(os.pardir):
            yield glob.escape(f"{AS_IT_IS}/{place}")


def _host_digest() -> Digest:
    """Return the digest of all code and templates that write files of the host and documents.

    They change more often than anything else that a payload is made of, and a forgotten serial
    would keep old scripts; making a payload again takes less than a second.
    """
    found: dict[str, Digest] = {}
    for room in (omnibuild.host, omnibuild.documents):
        above = Path(room.__path__[0]).parent
        sources = Path(room.__path__[0]).rglob("*")
        found |= {
            str(path.relative_to(above)): of_file(path)
            for path in sorted(sources)
            if path.suffix in (".py", ".in")
        }
    return of_json(found)


def _text(path: Path, recipe_path: Path) -> str:
    try:
        return read_regular(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"the configuration file {path} cannot be read",
            where=Where(str(recipe_path)),
            why=str(error),
            hint="paths in [config] are relative to the recipe",
        ) from error
