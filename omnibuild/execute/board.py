"""What is known and what is to do, in one run of a plan.

An action's output can be *known* (its digest) long before the object is *here* (in the local
store). Whatever can be known without work is; objects are brought only when an action that must
run takes them, or when they are what the run is for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum

from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.lookup import Lookup
from omnibuild.store.results import Output, Result


class Task(Enum):
    """What is to be done next about an action."""

    LOOK = "ask the remote cache for its result"
    PULL = "bring its object from the remote cache"
    RUN = "do it"


class OutputChanged(Exception):  # noqa: N818 - it never leaves the room
    """An action that ran again made other bytes than its record says: keys after it are wrong."""


class Board:
    """The state of one run.

    Args:
        plan: what is done.
        lookup: finds results.
        goals: the actions whose objects must be here in the end.
        hit: called with each action whose result was found in the local store.
    """

    def __init__(
        self,
        plan: Plan,
        lookup: Lookup,
        goals: Collection[str],
        hit: Callable[[Action, Result], None],
    ) -> None:
        self.outputs: dict[str, Output] = {}
        self.here: set[str] = set()
        self.todo: dict[str, Task] = {}
        self._plan, self._lookup, self._hit = plan, lookup, hit
        self._wanted = set(goals)
        self._ahead: set[str] = set()
        self._missing = {action.name: set(action.inputs.values()) for action in plan}

    def begin(self) -> None:
        """Decide all that can be decided without work."""
        self._decide([action for action in self._plan if not self._missing[action.name]])

    def ready(self, name: str) -> bool:
        """Tell whether a task can be started: an action that runs takes its inputs from here."""
        if self.todo[name] is not Task.RUN:
            return True
        return all(need in self.here for need in self._plan.actions[name].needs)

    def looked(self, name: str, result: Result | None) -> None:
        """Take note of the remote cache's answer."""
        if result is None:
            self._must_run(name)
        else:
            self._know(name, result.output)

    def pulled(self, name: str, success: bool) -> None:
        """Take note that an object was brought, or could not be."""
        if success:
            self.here.add(name)
        else:
            self._must_run(name)

    def done(self, name: str, output: Output) -> None:
        """Take note that an action ran; raises :class:`OutputChanged`."""
        known = self.outputs.get(name)
        if known is not None and known.key_digest != output.key_digest:
            raise OutputChanged(name)
        self.here.add(name)
        if known is None:
            self._know(name, output)

    def lost(self, name: str, inputs: Collection[str]) -> None:
        """Take note that an action could not run: objects it needs were damaged, and are gone."""
        for need in inputs:
            self.here.discard(need)
            self._bring_if_wanted(need)
        self.todo[name] = Task.RUN

    def _decide(self, actions: list[Action]) -> None:
        """Look up actions whose inputs are known, and those that become decidable by that."""
        while actions:
            action = actions.pop()
            result = self._lookup.local(action, self.outputs)
            if result is not None:
                actions += self._found(action, result)
            elif self._lookup.remote is not None:
                self.todo[action.name] = Task.LOOK
            else:
                self._must_run(action.name)

    def _found(self, action: Action, result: Result) -> list[Action]:
        if self._lookup.store.take(result.output):
            self.here.add(action.name)
            self._hit(action, result)
        self.outputs[action.name] = result.output
        self._bring_if_wanted(action.name)
        return self._decidable_after(action.name)

    def _know(self, name: str, output: Output) -> None:
        self.outputs[name] = output
        self._bring_if_wanted(name)
        self._decide(self._decidable_after(name))

    def _decidable_after(self, name: str) -> list[Action]:
        """Return the actions for which this was the last unknown input."""
        found = []
        for dependent in self._plan.dependents[name]:
            missing = self._missing[dependent]
            if name in missing:
                missing.discard(name)
                if not missing:
                    found.append(self._plan.actions[dependent])
        return found

    def _must_run(self, name: str) -> None:
        self.todo[name] = Task.RUN
        for need in self._plan.actions[name].needs:
            self._want(need)
        self._want_ahead(name)

    def _want(self, name: str) -> None:
        if name not in self._wanted:
            self._wanted.add(name)
            self._bring_if_wanted(name)

    def _bring_if_wanted(self, name: str) -> None:
        if name not in self._wanted or name not in self.outputs or name in self.here:
            return
        pinned = self._plan.actions[name].output is not None
        if self._lookup.remote is None or pinned:
            self._must_run(name)
        else:
            self.todo[name] = Task.PULL

    def _want_ahead(self, name: str) -> None:
        """Fetch for what cannot be decided before this action has run: most of it will run too."""
        waiting = [name]
        while waiting:
            for dependent in self._plan.dependents[waiting.pop()]:
                if self._missing[dependent] and dependent not in self._ahead:
                    self._ahead.add(dependent)
                    waiting.append(dependent)
                    for need in self._plan.actions[dependent].needs:
                        if self._plan.actions[need].output is not None:
                            self._want(need)
