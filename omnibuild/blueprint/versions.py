"""What is built of a recipe: which version, where it leaves that to others, and with what care."""

from __future__ import annotations

from pathlib import Path

import msgspec

from omnibuild.errors import DefinitionError
from omnibuild.recipe import located
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.fields import AppVersion
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.models.app import VersionFrom
from omnibuild.recipe.models.build import Build
from omnibuild.recipe.whereabouts import table_in
from omnibuild.sources.git.asking import changes_in, version_of

SHOWN_CHANGES = 3


def read_recipe(definitions: Definitions, name: str) -> tuple[Recipe, Path]:
    """Return a recipe whose version is known, and the file it is in.

    Args:
        definitions: where it is.
        name: as :meth:`Definitions.recipe` takes it.

    Raises :class:`DefinitionError` when there is no version where the recipe says that it is.
    """
    recipe, path = definitions.recipe(name)
    if not isinstance(recipe.app.version, VersionFrom):
        return recipe, path
    try:
        version = _said(recipe, path, recipe.app.version.origin)
        msgspec.convert(version, AppVersion)
    except (DefinitionError, msgspec.ValidationError) as error:
        if isinstance(error, DefinitionError) and error.problems:
            raise  # about a file of the project, with its lines
        hint = error.hint if isinstance(error, DefinitionError) else "write the version itself"
        what = error.what if isinstance(error, DefinitionError) else f"{version!r} is no version"
        fault = Fault(("app", "version"), what, hint)
        raise located.read(path).at(table_in(path)).error([fault]) from error
    app = msgspec.structs.replace(recipe.app, version=version)
    return msgspec.structs.replace(recipe, app=app), path


def released(recipe: Recipe) -> Recipe:
    """Return a recipe as it is built for a release: with the profile `release`."""
    build = msgspec.structs.replace(recipe.build or Build(), profile="release")
    return msgspec.structs.replace(recipe, build=build)


def without_profile(recipe: Recipe) -> Recipe:
    """Return a recipe as it is built where only wheels are wanted: by a quick interpreter."""
    if not recipe.build:
        return recipe
    build = msgspec.structs.replace(recipe.build, profile=None)
    return msgspec.structs.replace(recipe, build=build)


def not_committed(definitions: Definitions, name: str, version: str) -> tuple[str, ...]:
    """Return a warning when git's version is marked for what is not committed, which is named.

    Args:
        definitions: where the recipe is.
        name: as :meth:`Definitions.recipe` takes it.
        version: what git said.
    """
    if not version.endswith(".dirty"):
        return ()
    recipe, path = definitions.recipe(name)
    if not isinstance(recipe.app.version, VersionFrom) or recipe.app.version.origin != "git":
        return ()
    changed = changes_in(_work_tree(recipe, path))
    if not changed:
        return ()
    more = f" and {len(changed) - SHOWN_CHANGES} more" if len(changed) > SHOWN_CHANGES else ""
    return (
        f"the version is {version}: not committed are {', '.join(changed[:SHOWN_CHANGES])}{more};"
        " commit or ignore them, then tag",
    )


def _work_tree(recipe: Recipe, path: Path) -> Path:
    source = recipe.source or None
    return path.parent / source.path if source and source.path else path.parent


def _said(recipe: Recipe, path: Path, origin: str) -> str:
    source = recipe.source or None
    if origin == "git":
        return version_of(_work_tree(recipe, path))
    if source and source.index:
        return source.index.partition("==")[2]
    if not source:
        raise DefinitionError("there is no project to say a version", hint="write it here")
    # Most recipes say their version: then nothing of this need be loaded.
    from omnibuild.discovery.findings import Findings
    from omnibuild.discovery.metadata import declared
    from omnibuild.sources.python.project.fields import check_fields

    check_fields(path.parent / source.path, built=False)
    found = Findings()
    declared(path.parent / source.path, found)
    if found.version is None:
        raise DefinitionError(
            "the files of the project declare no version: its build computes it",
            hint='write `version = { from = "git" }` if it is that of a tag, or the version itself',
        )
    return found.version.value
