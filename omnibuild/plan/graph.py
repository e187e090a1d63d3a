"""The plan: actions as pure data, in an order in which each comes after what it needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from omnibuild.errors import CycleError, Where
from omnibuild.store.results import Output


@dataclass(frozen=True, slots=True)
class Limits:
    """What an action may take; beyond that it is ended. 0: no limit.

    Args:
        seconds: wall time of a step.
        memory: bytes that all processes of a step hold together, with its files in memory.
        log: bytes of its log.
        download: bytes of a file that it downloads.
        unpacked: bytes of what an archive holds.
    """

    seconds: float = 0.0
    memory: int = 0
    log: int = 0
    download: int = 0
    unpacked: int = 0

    def over(self, general: Limits) -> Limits:
        """Return these limits, and the general ones where there is none of its own."""
        return Limits(*(getattr(self, name) or getattr(general, name) for name in self.__slots__))


@dataclass(frozen=True)
class Action:
    """One thing to do.

    Args:
        name: unique in the plan, as ``component:zlib@bullseye/amd64``: the kind, what it is
            about, and the root and architecture where these matter.
        kind: which function does it.
        parameters: everything besides the inputs that can change the output; JSON values.
        inputs: role to the name of the action whose output it takes.
        after: actions that must succeed first though their output is not used.
        places: how to get at things; never changes the output (mirrors, local paths).
        output: the output when it is known beforehand (a file pinned by its digest).
        limits: what its steps may take; never changes the output.
    """

    name: str
    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    places: Mapping[str, Any] = field(default_factory=dict)
    output: Output | None = None
    limits: Limits = Limits()

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of all actions that come first."""
        return tuple(dict.fromkeys([*self.inputs.values(), *self.after]))


@dataclass(frozen=True)
class Plan:
    """The static graph of actions, by name."""

    actions: Mapping[str, Action]

    @classmethod
    def of(cls, actions: Iterable[Action]) -> Plan:
        """Make a plan from actions in any order; raises :class:`CycleError`."""
        by_name = {action.name: action for action in actions}
        order = _topological(by_name)
        return cls({name: by_name[name] for name in order})

    def __iter__(self) -> Iterator[Action]:
        return iter(self.actions.values())

    def __len__(self) -> int:
        return len(self.actions)

    def up_to(self, names: Collection[str]) -> Plan:
        """Return the part of the plan that the named actions need, with themselves."""
        wanted: set[str] = set()
        for action in reversed(list(self)):
            if action.name in wanted or action.name in names:
                wanted.update((action.name, *action.needs))
        return Plan({name: action for name, action in self.actions.items() if name in wanted})

    @cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """For each action the names of those that wait for it."""
        found: dict[str, list[str]] = {name: [] for name in self.actions}
        for action in self:
            for need in action.needs:
                found[need].append(action.name)
        return {name: tuple(names) for name, names in found.items()}


def bare_name(name: str) -> str:
    """Return an action's name without the root and architecture.

    >>> bare_name("component:zlib@bullseye/amd64")
    'component:zlib'
    """
    return name.partition("@")[0]


def subject(name: str) -> str:
    """Return the last part of what an action is about.

    >>> subject("install:shop/flask@bullseye/amd64")
    'flask'
    """
    return bare_name(name).partition(":")[2].rpartition("/")[2]


def _topological(actions: Mapping[str, Action]) -> list[str]:
    order: list[str] = []
    done: set[str] = set()
    for start in actions:
        _visit(start, actions, order, done)
    return order


def _visit(start: str, actions: Mapping[str, Action], order: list[str], done: set[str]) -> None:
    # An explicit stack: plans may be deeper than Python's recursion limit.
    path: dict[str, Iterator[str]] = {}
    if start not in done:
        path[start] = iter(actions[start].needs)
    while path:
        current = next(reversed(path))
        following = next((name for name in path[current] if name not in done), None)
        if following is None:
            del path[current]
            done.add(current)
            order.append(current)
        elif following in path:
            names = list(path)
            raise cycle_error([*names[names.index(following) :], following])
        else:
            path[following] = iter(actions[following].needs)


def cycle_error(names: Iterable[str], where: Where | None = None) -> CycleError:
    """Return the error that shows a circle of dependencies, and where it could be opened."""
    return CycleError(
        "components depend on each other in a circle",
        where=where,
        why=" -> ".join(bare_name(name).removeprefix("component:") for name in names),
        hint="remove one of these from `needs` or `build-needs`",
    )
