"""Looking into a build: why an action runs, and a shell in the place of its steps."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnibuild import pipeline
from omnibuild.blueprint.app import AppPlan
from omnibuild.errors import DefinitionError, OmnibuildError, PackageError, UsageError
from omnibuild.events import Emit
from omnibuild.execute.job import Job
from omnibuild.execute.jobserver import JobServer
from omnibuild.execute.kept import failed_actions, kept_step
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.choose import choose_sandbox
from omnibuild.execute.sandbox.step import Sandbox, Step
from omnibuild.kinds.component import prepare_component
from omnibuild.kinds.node import prepare_node
from omnibuild.kinds.steps import prepare_steps
from omnibuild.plan.decisions import Decision
from omnibuild.plan.graph import Action, Plan, bare_name
from omnibuild.plan.reasons import Reason
from omnibuild.recipe.definitions import Definitions
from omnibuild.settings import Settings
from omnibuild.store.history import LastRun
from omnibuild.store.results import Output
from omnibuild.store.store import Store

# How the kinds whose steps people write lay out their sandbox.
_PREPARED = {"component": prepare_component, "steps": prepare_steps, "node": prepare_node}


@dataclass(frozen=True)
class Explanation:
    """What would be done about an action, and what is known of its last run."""

    decision: Decision
    last: LastRun | None

    @property
    def last_reason(self) -> Reason | None:
        """Why it ran the last time, if it ran here."""
        return Reason.from_data(self.last.reason) if self.last and self.last.reason else None

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        document = self.decision.to_data()
        if self.last is not None:
            document["last"] = {"time": self.last.time, "reason": dict(self.last.reason)}
        return document


def why(settings: Settings, name: str, recipe: str, emit: Emit) -> tuple[Explanation, ...]:
    """Explain the actions that ``name`` stands for.

    Args:
        settings: where definitions and the store are.
        name: a component, a wheel, an action's whole name, or an app for what is made of it.
        recipe: where to look; the first recipe that has such an action when empty.
        emit: takes warnings about the remote cache.

    Raises:
        UsageError: no recipe has such an action.
    """
    planned = plan_with(settings, name, recipe)
    history = Store(settings.cache).history
    return tuple(
        Explanation(decision, history.last(decision.action))
        for decision in pipeline.decisions(settings, planned, emit)
        if stands_for(name, decision.action)
    )


@dataclass(frozen=True)
class Entered:
    """A step that is ready to be entered; ``kept`` when it is one that failed.

    ``patched`` when patches are in ``/build`` that nothing has applied yet.
    """

    action: str
    kept: bool
    patched: bool
    step: Step
    sandbox: Sandbox

    @property
    def prefix(self) -> str:
        """The directory that components are installed in."""
        return self.step.prefix

    def enter(self) -> int:
        """Give the user a shell there; return its status."""
        return self.sandbox.enter(self.step)


@contextlib.contextmanager
def shell(settings: Settings, name: str, recipe: str, emit: Emit) -> Iterator[Entered]:
    """Yield the steps of a component, or ``steps:APP``: as they failed, else before the first.

    Args:
        settings: where definitions and the store are.
        name: the component, or the action with the build steps of an app.
        recipe: where to look; the first recipe that has it when empty.
        emit: takes the events of making what it stands on.
    """
    with pipeline.opened_store(settings) as store, contextlib.ExitStack() as stack:
        for failed in failed_actions(store):
            if stands_for(name, failed) and (kept := kept_step(store, failed)):
                yield Entered(failed, True, False, kept, choose_sandbox(settings.sandbox))
                return
        action, plan = _written(settings, name, recipe)
        needs = plan.up_to(action.needs)
        outputs = pipeline.execute(settings, store, needs, action.needs, emit)
        scratch = stack.enter_context(store.scratch())
        job = _fresh_job(settings, store, action, outputs, scratch)
        patched = bool(action.parameters.get("patches"))
        step = _PREPARED[action.kind](job)
        yield Entered(action.name, False, patched, step, job.sandbox)


def _written(settings: Settings, name: str, recipe: str) -> tuple[Action, Plan]:
    """Return the action of a component or of an app's build steps, and the plan it is in."""
    if name.partition(":")[0] not in _PREPARED:
        name = f"component:{name}"
    plan = plan_with(settings, name, recipe).plan
    return next(action for action in plan if stands_for(name, action.name)), plan


def _fresh_job(
    settings: Settings, store: Store, action: Action, outputs: Mapping[str, Output], scratch: Path
) -> Job:
    return Job(
        action=action,
        inputs={role: outputs[name] for role, name in action.inputs.items()},
        store=store,
        scratch=scratch,
        log=scratch / "log",
        cores=settings.cores,
        processes=Processes(),
        progress=lambda done, total: None,
        sandbox=choose_sandbox(settings.sandbox),
        jobserver=JobServer(settings.cores),
        limits=pipeline.limits(settings),
    )


def plan_with(settings: Settings, name: str, recipe: str) -> AppPlan:
    """Return the plan of the first recipe that has an action of that name.

    What is built on request alone is looked for last.
    """
    definitions = Definitions(settings.workspace)
    apps = [recipe] if recipe else definitions.names("recipes")
    platforms = (definitions.platform(each)[0] for each in definitions.names("platforms"))
    requests = [(each.name,) for each in platforms if each.on_request]
    problems: list[OmnibuildError] = []
    for asked, app in itertools.product([(), *requests], apps):
        try:
            planned = pipeline.plan(settings, app, asked)
        except (DefinitionError, PackageError) as error:
            # Another recipe may be wrong as long as this one is not what was asked for.
            problems += [] if asked else [error]
            continue
        if any(stands_for(name, action) for action in planned.plan.actions):
            return planned
    if problems:
        raise problems[0]
    raise UsageError(
        f"no recipe has anything called {name!r}",
        hint="`omnibuild plan RECIPE` lists all names",
    )


def stands_for(name: str, action: str) -> bool:
    """Tell whether a name that a user typed means an action."""
    bare = bare_name(action)
    kind, _, rest = bare.partition(":")
    if name in (action, bare):
        return True
    return kind not in ("fetch", "place") and name in (rest, rest.rpartition("/")[2])
