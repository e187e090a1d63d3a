"""Who brought a file into a payload, and so who can take it out again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from omnibuild.payload.assembly import lies_at
from omnibuild.payload.model import Payload
from omnibuild.tree import Tree


class Brings(StrEnum):
    """What an owner is."""

    DISTRIBUTION = "distribution"
    PROJECT = "project"
    COMPONENT = "component"
    ROOT = "root"
    RECIPE = "recipe"
    STEPS = "steps"
    OMNIBUILD = "omnibuild"
    SOMEBODY = "unknown"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who brought a file.

    Args:
        kind: a locked distribution of the Python index, the app's own project, a component, the
            build root (its compiler's libraries), the recipe itself, its build steps, or omnibuild;
            unknown in packages of others.
        name: what it is called, empty where the kind says all.
        version: of the distribution, project or component.
    """

    kind: Brings = Brings.SOMEBODY
    name: str = ""
    version: str = ""

    def __str__(self) -> str:
        match self.kind:
            case Brings.SOMEBODY:
                return ""
            case Brings.OMNIBUILD:
                return "omnibuild"
            case Brings.RECIPE:
                return "the recipe"
            case Brings.STEPS:
                return f"the build of {self.name}"
            case Brings.ROOT:
                return f"the root's {self.name} {self.version}"
            case Brings.DISTRIBUTION:
                return f"{self.name} {self.version}"
            case _:
                return f"the {self.kind} {self.name} {self.version}"

    def without(self, path: str) -> str:
        """Say what to write so that a file stays out of the payload; empty where nothing helps.

        Args:
            path: relative to the prefix.
        """
        quoted = json.dumps(path)
        match self.kind:
            case Brings.DISTRIBUTION | Brings.PROJECT:
                return f"to leave it out, write under [python.prune]: {self.name} = [{quoted}]"
            case Brings.COMPONENT:
                return f"to leave it out, write into its definition: prune = [{quoted}]"
            case Brings.RECIPE:
                return "it is a file of [config] or [files]: change it, or take it out"
            case Brings.STEPS:
                return "it is made by [build]: let that not write it, or remove it"
            case Brings.OMNIBUILD:
                return "omnibuild made this file itself: please report it"
            case _:
                return ""


NOBODY = Owner()


@dataclass(frozen=True)
class Owners:
    """The owners of a payload's files, by their paths.

    Args:
        known: owners of files, by path relative to the host's ``/``.
        others: who brought all else.
    """

    known: Mapping[str, Owner] = field(default_factory=dict)
    others: Owner = NOBODY

    def of(self, path: str) -> Owner:
        """Return who brought the file at ``path``, relative to the host's ``/``."""
        return self.known.get(path, self.others)


def of_payload(payload: Payload, parts: Iterable[tuple[str, Owner, Tree]]) -> Owners:
    """Return the owners of a payload.

    Args:
        payload: its files.
        parts: what it is made of, by name, the first of them first.
    """
    known: dict[str, Owner] = {}
    for name, owner, tree in parts:
        base = lies_at(name, payload.prefix)
        for entry in tree.entries:
            known.setdefault(f"{base}{entry.path}", owner)
    # Each file of [config] is there twice: moved trees start from a copy below the prefix.
    files = payload.tree.by_path
    own = {files[path.lstrip("/")].digest for path in payload.config_files}
    for entry in payload.tree.files():
        if entry.digest in own:
            known.setdefault(entry.path, Owner(Brings.RECIPE))
    return Owners(known, Owner(Brings.OMNIBUILD))


def to_data(owner: Owner) -> dict[str, str]:
    """Return plain JSON values."""
    return {"kind": str(owner.kind), "name": owner.name, "version": owner.version}


def from_data(data: Mapping[str, Any]) -> Owner:
    """Read what :func:`to_data` wrote."""
    return Owner(Brings(data["kind"]), data["name"], data["version"])
