"""The first recipe of an app: from its project, or from a package of the Python index."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
import re
import shlex
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import Any

from packaging.utils import canonicalize_name

from omnibuild import events, files
from omnibuild.discovery.built import built
from omnibuild.discovery.distribution import declared_by
from omnibuild.discovery.draft import OF_GIT, PLEASE, app_name, draft_of, series_for
from omnibuild.discovery.findings import Findings, Found
from omnibuild.discovery.metadata import declared, has_project_file, note_choices, projects_below
from omnibuild.discovery.recipe_text import Draft, hook_of, text_of
from omnibuild.discovery.scripts import add_inline, add_scripts, note_nothing
from omnibuild.discovery.served import served
from omnibuild.errors import DefinitionError, LockError, UsageError
from omnibuild.events import Emit
from omnibuild.host.hooks import PREPARE
from omnibuild.locking.fetching import fetched
from omnibuild.locking.lock import Locked, lock
from omnibuild.recipe import whereabouts
from omnibuild.recipe.definitions import Definitions
from omnibuild.settings import Settings
from omnibuild.sources.git.asking import version_of
from omnibuild.sources.python.backends import AS_IT_IS, is_built
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from omnibuild.workbench.choosing import choose, series_of
from omnibuild.workbench.foreseeing import with_credentials

GIT = Tool("git", package="git")
_ADDRESS = re.compile(r"[^<>\x00-\x1f\x7f]+ <[^<>@\s]+@[^<>@\s]+>")

# Where hooks of an app are: in its project, or of all apps of a workspace.
HOOKS = "package-scripts"

# The fields of a draft that a person can be asked for.
ASKED = ("version", "summary", "license", "maintainer")


@dataclass(frozen=True)
class Started:
    """A recipe that is ready to be written.

    Args:
        draft: what is in it.
        recipe: its file.
        hooks: the directory that its hooks are written to, if it gets some.
        older: series of CPython to try when it cannot be locked for that of the draft.
    """

    draft: Draft
    recipe: Path
    hooks: Path | None = None
    older: tuple[str, ...] = ()

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
    if "://" in subject:
        hint = f"git clone {shlex.quote(subject)}, then: omnibuild init DIRECTORY"
        raise UsageError("an app is made of a directory, or of a package of the index", hint=hint)
    if os.sep in subject or os.path.isdir(subject):
        return _of_project(settings, Path(subject), name)
    return _of_index(settings, subject, name, emit)


def write(settings: Settings, started: Started, emit: Emit) -> Locked:
    """Write a recipe with its lock and hooks, and return the lock.

    Raises:
        LockError: it cannot be locked; the recipe stays, as that may be where to mend it.
        OmnibuildError: of anything else, then nothing is written.
    """
    started.recipe.parent.mkdir(exist_ok=True)
    try:
        if started.hooks:
            started.hooks.mkdir(parents=True)
            files.write_atomic(started.hooks / PREPARE, hook_of(started.draft))
        made = _locked(settings, started, emit)
        made.write()
    except LockError as error:
        error.hint = _sentences(error.hint, _to_mend(started.recipe))
        raise
    except BaseException:
        started.recipe.unlink(missing_ok=True)
        if started.hooks:
            files.remove_tree(started.hooks)
        raise
    return made


def _to_mend(recipe: Path) -> str:
    again = "is written; mend what is wrong, there or in the project, and run: omnibuild lock"
    return f"{os.path.relpath(recipe)} {again} {whereabouts.word_for(recipe)}"


def _sentences(first: str, second: str) -> str:
    if not first:
        return second
    return f"{first} {second}" if first.endswith((".", "?", "!")) else f"{first}. {second}"


def _locked(settings: Settings, started: Started, emit: Emit) -> Locked:
    """Write the recipe for the newest series of CPython that its lock can be made for.

    Older ones are tried only where the failure is about the interpreter: each may have to be
    compiled, to fail as the newest did.
    """
    newest = started.draft.python
    problem: LockError | None = None
    for series in (newest.value, *started.older):
        if problem:
            failed = f"it cannot be locked for CPython {newest.value}: {problem.interpreter}"
            emit(events.Warned(f"{failed}; trying CPython {series}"))
        draft = dataclasses.replace(started.draft, python=Found(series, newest.where))
        files.write_atomic(started.recipe, text_of(draft))
        try:
            made = lock(settings, str(started.recipe), emit)
        except LockError as error:
            problem = problem or error
            if not error.interpreter:
                break
            continue
        if problem:
            emit(events.Warned(f"CPython {series} is taken instead of {newest.value}"))
        return made
    assert problem  # noqa: S101 - for mypy: each round returns or fails
    files.write_atomic(started.recipe, text_of(started.draft))
    raise problem


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
    built(directory, found)
    add_scripts(directory, found)
    add_inline(directory, found)
    _refuse_many(directory, projects_below(directory, found))
    if found.name is None or not (has_project_file(directory) or found.requirements or found.web):
        raise UsageError(
            f"nothing in {directory} says that it is a Python project",
            why="searched pyproject.toml, setup.cfg, setup.py, requirements*.txt and modules",
            hint="name its directory, or a package of the index: omnibuild init NAME==VERSION;"
            " an app without Python needs nothing of a project: write its omnibuild.toml with"
            " [software] or [files]",
        )
    note_choices(directory, found)
    _leave_out_credentials(directory, found)
    if found.version is None:
        with contextlib.suppress(DefinitionError):
            found.version = Found(version_of(directory), OF_GIT)
    app = _named(name, found.name.value)
    shared = settings.workspace / whereabouts.DIRECTORY
    if shared.is_dir() and not directory.resolve().samefile(settings.workspace):
        recipe = _free(shared / f"{app}.toml")
        source = os.path.relpath(directory.resolve(), shared.resolve())
        hooks = settings.workspace / HOOKS / app
    else:
        recipe, source = _free(directory / whereabouts.OWN_FILE), "."
        hooks = directory / HOOKS
    if found.prepare and os.path.lexists(hooks):
        found.notes.append(f"{hooks} is there already, and no hook is written into it")
        found.prepare = []
    definitions = Definitions(settings.workspace)
    draft = _draft(definitions, found, app, ("path", source))
    older = tuple(series_for(found, series_of(definitions))[1:])
    if not found.prepare:
        return Started(draft, recipe, older=older)
    scripts = os.path.relpath(hooks.resolve(), recipe.parent.resolve())
    return Started(dataclasses.replace(draft, scripts=scripts), recipe, hooks, older)


def _leave_out_credentials(directory: Path, found: Findings) -> None:
    """Leave out what an audit would refuse of a project that is packaged as it is."""
    for path in () if is_built(directory) else with_credentials(directory):
        found.prune.append(glob.escape(f"{AS_IT_IS}/{path}"))
        found.notes.append(f"{path} holds credentials, and is left out")


def _refuse_many(directory: Path, below: list[str]) -> None:
    if below:
        raise UsageError(
            f"{directory} is no project, and holds some",
            why=f"these are: {', '.join(below[:10])}",
            hint=f"name one of them: omnibuild init {shlex.quote(str(directory / below[0]))}",
        )


def _of_index(settings: Settings, subject: str, name: str, emit: Emit) -> Started:
    try:
        requirement = checked(subject)
    except NotARequirementError as error:
        raise UsageError(str(error), hint=error.hint) from error
    app = _named(name, requirement.name)
    recipe = _free(settings.workspace / whereabouts.DIRECTORY / f"{app}.toml")
    definitions = Definitions(settings.workspace)
    with events.work(emit, f"find:{requirement.name}", "find"):
        chosen = choose(definitions, requirement)
    version = chosen.file.version
    found = Findings(name=Found(requirement.name, "the index"), version=Found(version, "the index"))
    if chosen.note:
        found.notes.append(chosen.note)
    (path,) = fetched(settings, [chosen.file], emit).values()
    declared_by(path, chosen.file.name, found)
    if chosen.file.package not in {*map(canonicalize_name, found.commands)}:
        chosen.add_commands_of_kin(fetched(settings, chosen.kin(), emit), found)
    note_nothing(found)
    draft = _draft(definitions, found, app, ("index", f"{requirement.name}=={version}"))
    newest, *older = chosen.series
    draft = dataclasses.replace(draft, python=Found(newest, draft.python.where))
    return Started(draft, recipe, older=tuple(older))


def _draft(definitions: Definitions, found: Findings, app: str, source: tuple[str, str]) -> Draft:
    return draft_of(found, app, account(), series_of(definitions), source)


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
