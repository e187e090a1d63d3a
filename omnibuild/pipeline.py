"""The whole path from a recipe to artifacts, top to bottom.

recipe ── definitions ── plan ── fetch ── root ── components ── wheels
                                                      │
artifacts ── packages ── audits ── payload ── placing ┘
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from omnibuild import events, files
from omnibuild.audit.report import Report, told, united
from omnibuild.blueprint.app import AppPlan, plan_app
from omnibuild.blueprint.audits import beyond_reach
from omnibuild.blueprint.platforms import chosen_platforms
from omnibuild.blueprint.versions import not_committed, read_recipe, released
from omnibuild.digests import canonical_json, of_bytes
from omnibuild.errors import DamageError, DefinitionError, StepError
from omnibuild.events import Emit
from omnibuild.execute.sandbox.choose import choose_sandbox
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds, serials
from omnibuild.layers.missing import explained
from omnibuild.plan.decisions import Decision, decide
from omnibuild.plan.graph import Limits, Plan
from omnibuild.plan.lookup import Lookup
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault, FaultError
from omnibuild.recipe.validate import dotted, quoted
from omnibuild.recipe.whereabouts import recipe_document
from omnibuild.searching import Search
from omnibuild.settings import Settings
from omnibuild.starts.brought import refuse_what_nothing_brings
from omnibuild.starts.starts import refuse_what_cannot_start
from omnibuild.store.delivery import BuiltArtifact, deliver
from omnibuild.store.ownership import foreign_files_explained
from omnibuild.store.results import Output
from omnibuild.store.store import Store

if TYPE_CHECKING:
    from omnibuild.remote.cache import RemoteCache

_T = TypeVar("_T")


def plan(settings: Settings, app: str, platform_names: Sequence[str] = ()) -> AppPlan:
    """Return everything that must be done for an app.

    Args:
        settings: where definitions and the store are.
        app: the recipe's name.
        platform_names: platforms to build for; those of the recipe when empty.

    Raises:
        DefinitionError: a definition is wrong, or does not exist.
    """
    definitions = Definitions(settings.workspace)
    recipe, path = read_recipe(definitions, app)
    if settings.release:
        recipe = released(recipe)
    platforms = chosen_platforms(definitions, recipe, platform_names)
    return plan_app(definitions, recipe, path, platforms)


def decisions(settings: Settings, planned: AppPlan, emit: Emit) -> tuple[Decision, ...]:
    """Return what a build would do about every action of a plan, in the plan's order."""
    with foreign_files_explained(settings.cache):
        lookup = Lookup(Store(settings.cache), serials(), opened_remote(settings, emit))
        return decide(planned.plan, lookup, planned.goals)


def fetch(settings: Settings, app: str, platforms: Sequence[str], emit: Emit) -> None:
    """Fetch every source of an app, so that building it needs no network."""
    wanted = plan(settings, app, platforms).plan
    kinds = all_kinds()
    sources = [action for action in wanted if kinds[action.kind].network]
    with opened_store(settings) as store:
        execute(settings, store, Plan.of(sources), [action.name for action in sources], emit)


def build(
    settings: Settings, app: str, platforms: Sequence[str], output: Path, emit: Emit
) -> tuple[BuiltArtifact, ...]:
    """Build an app and put its artifacts, with their sidecars, into ``output``.

    What the audits find is written beside each artifact, and told, also when they were done long
    ago, but for warnings about files that the user has no definition of.

    Raises:
        OmnibuildError: whatever went wrong; nothing half-written is left behind.
    """
    planned = plan(settings, app, platforms)
    definitions = Definitions(settings.workspace)
    recipe, path = read_recipe(definitions, app)
    refuse_what_cannot_start(recipe, path)
    for oddity in (*planned.oddities, *not_committed(definitions, app, recipe.app.release)):
        emit(events.Warned(oddity))
    artifacts = []
    # Now, not when all is built: the place may be none.
    with files.storage_errors(output):
        files.make_directory(output)
    with opened_store(settings) as store:
        goals = (*planned.goals, *planned.audits.values())
        outputs = _execute_app(settings, store, planned, goals, emit)

        def taken(action: str, take: Callable[[Output], _T]) -> _T:
            """Take what an action made out of the store; if it is damaged, make it again, once."""
            nonlocal outputs
            try:
                return take(outputs[action])
            except DamageError as error:
                emit(events.Warned(f"{error.what}, and made again"))
                outputs = execute(settings, store, planned.plan, goals, emit)
                return take(outputs[action])

        read = functools.partial(_report, store)
        reports = {name: taken(audit, read) for name, audit in planned.audits.items()}
        search = Search(settings, store, planned)
        for name in planned.audits:
            add = functools.partial(search.over, reports[name], name, outputs)
            reports[name] = taken(planned.packages[name], add)
        _tell(reports, settings, planned, emit)
        for action in planned.goals:
            names = planned.platforms(action)
            audited = _united(reports[name] for name in names if name in reports)
            out = functools.partial(deliver, store, output=output, platforms=names, audited=audited)
            artifact = taken(action, out)
            emit(events.ArtifactReady(str(artifact.path), artifact.size, artifact.digest))
            artifacts.append(artifact)
    return tuple(artifacts)


def _execute_app(
    settings: Settings, store: Store, planned: AppPlan, goals: Collection[str], emit: Emit
) -> Mapping[str, Output]:
    """Do the plan of an app; what nothing brings is told with its place in the recipe."""
    try:
        return execute(settings, store, planned.plan, goals, emit)
    except FaultError as error:
        raise recipe_document(planned.recipe).error([error.fault]) from error
    except DefinitionError:
        # Only now its packages are there for certain, and what they bring is known.
        definitions = Definitions(settings.workspace)
        recipe, path = read_recipe(definitions, str(planned.recipe))
        refuse_what_nothing_brings(store, definitions, recipe, path)
        raise


def _united(reports: Iterable[Report]) -> bytes | None:
    """Return one report of several, as it is written beside an artifact; None of none."""
    found = list(reports)
    return canonical_json(united(found).to_data()) if found else None


def _tell(reports: Mapping[str, Report], settings: Settings, planned: AppPlan, emit: Emit) -> None:
    """Say what audits found that the user can change, and what the recipe says in vain."""
    if not reports:
        return
    report = united(reports.values())
    for keys in report.unused:
        document = recipe_document(planned.recipe)
        said: Any = document.data
        for key in keys:
            said = said[key]
        what = quoted(said["check"] if isinstance(said, dict) else said)
        problem = document.problem(Fault(keys, f"{dotted(keys)} is for {what} and covers nothing"))
        emit(events.Warned(f"{problem.where}: {problem.what}"))
    audits = (planned.plan.actions[name] for name in planned.audits.values())
    beyond = beyond_reach(Definitions(settings.workspace), audits)
    emit(events.Audited(report.to_data(), tuple(told(report, beyond))))


def _report(store: Store, audit: Output) -> Report:
    data = store.blob(audit.digest).read_bytes()
    if of_bytes(data) != audit.digest:
        store.remove(audit)
        raise DamageError("the store's copy of an audit is damaged", hint="build again")
    return Report.from_data(json.loads(data))


@contextlib.contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """Yield the store; nothing that is taken or made in it is collected during the block."""
    with foreign_files_explained(settings.cache):
        store = Store(settings.cache)
        store.collect_scratch()
        with store.lease():
            yield store


def execute(
    settings: Settings, store: Store, wanted: Plan, goals: Collection[str], emit: Emit
) -> Mapping[str, Output]:
    """Do a plan until the objects of ``goals`` are in the store; return all outputs."""
    execution = Execution(
        plan=wanted,
        kinds=all_kinds(),
        store=store,
        emit=emit,
        cores=settings.cores,
        goals=goals,
        sandbox=choose_sandbox(settings.sandbox),
        limits=limits(settings),
        keep_going=settings.keep_going,
        remote=opened_remote(settings, emit),
    )
    try:
        return execution.run()
    except StepError as error:
        raise explained(error, Definitions(settings.workspace)) from None


def limits(settings: Settings) -> Limits:
    """Return what the settings let every action take."""
    return Limits(
        seconds=settings.step_seconds,
        memory=settings.step_memory,
        log=settings.log,
        download=settings.download,
        unpacked=settings.unpacked,
    )


def opened_remote(settings: Settings, emit: Emit) -> RemoteCache | None:
    """Return the remote cache that the settings name, if they do."""
    remote = settings.remote
    if not remote.url:
        return None
    from omnibuild.remote.cache import open_remote
    from omnibuild.signing.signer import load_signer

    signer = load_signer(remote.sign_with) if remote.sign_with else None
    return open_remote(
        remote.url,
        emit=emit,
        writable=remote.push,
        trusted=remote.trusted,
        signer=signer,
        most=settings.download,
    )
