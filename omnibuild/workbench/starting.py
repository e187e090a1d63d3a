"""The first recipe of an app: from its project, or from a package of the Python index."""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from omnibuild import files
from omnibuild.blueprint.app import lowest_glibc
from omnibuild.discovery.distribution import declared_by
from omnibuild.discovery.draft import PLEASE, app_name, draft_of
from omnibuild.discovery.findings import Findings, Found
from omnibuild.discovery.metadata import declared
from omnibuild.discovery.recipe_text import Draft, text_of
from omnibuild.discovery.served import served
from omnibuild.errors import LockError, UsageError
from omnibuild.events import Emit
from omnibuild.locking.fetching import fetched, selected
from omnibuild.locking.lock import Locked, lock
from omnibuild.recipe import whereabouts
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.lock import LockedFile
from omnibuild.settings import Settings
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.sources.python.resolve import Resolver
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool

GIT = Tool("git", package="git")
_ADDRESS = re.compile(r"[^<>\x00-\x1f\x7f]+ <[^<>@\s]+@[^<>@\s]+>")
_SERIES = "python-"

# The fields of a draft that a person can be asked for.
ASKED = ("version", "summary", "license", "maintainer")


@dataclass(frozen=True)
class Started:
    """A recipe that is ready to be written.

    Args:
        draft: what is in it.
        recipe: its file.
    """

    draft: Draft
    recipe: Path

    @property
    def please(self) -> tuple[str, ...]:
        """The keys of [app] whose values somebody should correct."""
        return tuple(key for key in ASKED if getattr(self.draft, key).where == PLEASE)

    def answered(self, key: str, value: str) -> Started:
        """Return it with what somebody said in place of what was not found."""
        said: dict[str, Any] = {key: Found(value, "")}
        draft = dataclasses.replace(self.draft, **said)
        return dataclasses.replace(self, draft=draft)


def start(settings: Settings, subject: str, name: str, emit: Emit) -> Started:
    """Return the recipe of an app.

    Args:
        settings: where definitions and the store are.
        subject: the directory of a project, or ``NAME`` or ``NAME==VERSION`` of the index.
        name: of the package; the app's own when empty.
        emit: takes events.

    Raises:
        UsageError: it has a recipe already, or nothing is called so.
        LockError: the index has no such package, or none for any interpreter.
    """
    if os.sep in subject or os.path.isdir(subject):
        return _of_project(settings, Path(subject), name)
    return _of_index(settings, subject, name, emit)


def write(settings: Settings, started: Started, emit: Emit) -> Locked:
    """Write a recipe and its lock, or neither; return the lock."""
    started.recipe.parent.mkdir(exist_ok=True)
    files.write_atomic(started.recipe, text_of(started.draft))
    try:
        made = lock(settings, str(started.recipe), emit)
        made.write()
    except BaseException:
        started.recipe.unlink(missing_ok=True)
        raise
    return made


def _of_project(settings: Settings, directory: Path, name: str) -> Started:
    if not directory.is_dir():
        raise UsageError(f"there is no directory {directory}", hint="or name a package: NAME==1.0")
    if existing := whereabouts.project_recipe(directory):
        raise UsageError(
            "this project has a recipe already, which is never overwritten",
            why=str(existing),
            hint=f"omnibuild build {directory}",
        )
    found = Findings()
    declared(directory, found)
    served(directory, found)
    if found.name is None or not _is_project(directory, found):
        raise UsageError(
            f"nothing in {directory} says that it is a Python project",
            why="searched pyproject.toml, setup.cfg, setup.py, requirements*.txt and modules",
            hint="name its directory, or a package of the index: omnibuild init NAME==VERSION",
        )
    app = _named(name, found.name.value)
    shared = settings.workspace / whereabouts.DIRECTORY
    if shared.is_dir() and not directory.resolve().samefile(settings.workspace):
        recipe = _free(shared / f"{app}.toml")
        source = os.path.relpath(directory.resolve(), shared.resolve())
    else:
        recipe, source = _free(directory / whereabouts.OWN_FILE), "."
    definitions = Definitions(settings.workspace)
    return Started(_draft(definitions, found, app, ("path", source)), recipe)


def _is_project(directory: Path, found: Findings) -> bool:
    files_of_projects = ("pyproject.toml", "setup.cfg", "setup.py")
    there = any((directory / name).is_file() for name in files_of_projects)
    return there or bool(found.requirements or found.web)


def _of_index(settings: Settings, subject: str, name: str, emit: Emit) -> Started:
    try:
        requirement = checked(subject)
    except NotARequirementError as error:
        raise UsageError(str(error), hint=error.hint) from error
    app = _named(name, requirement.name)
    recipe = _free(settings.workspace / whereabouts.DIRECTORY / f"{app}.toml")
    definitions = Definitions(settings.workspace)
    file, series = _locked(definitions, requirement)
    found = Findings(
        name=Found(requirement.name, "the index"),
        version=Found(file.version, "the index"),
    )
    (path,) = fetched(settings, [file], emit).values()
    declared_by(path, file.name, found)
    draft = _draft(definitions, found, app, ("index", f"{requirement.name}=={file.version}"))
    return Started(dataclasses.replace(draft, python=Found(series, draft.python.where)), recipe)


def _locked(definitions: Definitions, requirement: Requirement) -> tuple[LockedFile, str]:
    """Return the file that the newest possible interpreter gets, and its series."""
    platforms = [definitions.platform(name)[0] for name in definitions.names("platforms")]
    glibc = lowest_glibc(platforms)
    problem: LockError | None = None
    for series in sorted(_series(definitions), key=Version, reverse=True):
        try:
            with tempfile.TemporaryDirectory(prefix="omnibuild-") as scratch:
                packages = Resolver(series, glibc, Path(scratch)).resolve([requirement])
        except LockError as error:
            problem = problem or error
            continue
        name = canonicalize_name(requirement.name)
        (file,) = selected([each for each in packages if each.name == name], series, glibc)
        return file, series
    raise problem or UsageError("no interpreter is defined", hint="add software/python-3.13.toml")


def _draft(definitions: Definitions, found: Findings, app: str, source: tuple[str, str]) -> Draft:
    return draft_of(found, app, account(), _series(definitions), source)


def _series(definitions: Definitions) -> list[str]:
    names = definitions.names("software")
    return [name.removeprefix(_SERIES) for name in names if re.fullmatch(r"python-3\.\d+", name)]


def _named(wanted: str, own: str) -> str:
    if wanted and app_name(wanted) != wanted:
        raise UsageError(
            f"{wanted!r} cannot be the name of a package", hint=f"perhaps {app_name(wanted)!r}"
        )
    if name := wanted or app_name(own):
        return name
    raise UsageError(f"{own!r} cannot be the name of a package", hint="give one with --name")


def _free(recipe: Path) -> Path:
    if os.path.lexists(recipe):
        raise UsageError(
            "there is a recipe already, and it is never overwritten",
            why=str(recipe),
            hint="give another name with --name, or edit that one",
        )
    return recipe


def account() -> Found:
    """Return who works here: as git is told, or as this machine calls them."""
    said = [_git_setting("user.name"), _git_setting("user.email")]
    if all(said) and _ADDRESS.fullmatch(text := f"{said[0]} <{said[1]}>"):
        return Found(text, "git's user.name and user.email")
    return Found(f"{getuser()} <{getuser()}@{gethostname()}>", PLEASE)


def _git_setting(key: str) -> str:
    # The user's own file, and no project's.
    environment = {**CLEAN_ENVIRONMENT, "HOME": str(Path.home())}
    words = ("config", "--global", "--get", key)
    done = GIT.run(*words, environment=environment, directory=Path("/"), check=False)
    return done.stdout.decode("utf-8", "replace").strip()
