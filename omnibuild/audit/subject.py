"""What the checks look at: one entry of a payload at a time, and the payload around it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from omnibuild.audit.checkouts import Written
from omnibuild.audit.facts import NOTHING_SPECIAL, Facts, facts_of
from omnibuild.audit.libraries import Libraries, twins
from omnibuild.audit.owners import NOBODY, Brings, Owner, Owners
from omnibuild.digests import Digest
from omnibuild.payload.model import Payload
from omnibuild.tree import Entry, Tree


@dataclass(frozen=True)
class Subject:
    """One entry.

    Args:
        entry: path, kind and mode; the path is relative to the host's ``/``.
        facts: what is in it; nothing special for all but files.
        owner: who brought it.
    """

    entry: Entry
    facts: Facts = NOTHING_SPECIAL
    owner: Owner = NOBODY

    @property
    def path(self) -> str:
        """The entry's path."""
        return self.entry.path


@dataclass(frozen=True)
class Surroundings:
    """The payload that a subject is part of, and the platform it is for.

    Args:
        payload: the whole payload.
        glibc: the highest glibc version that the platform has.
        machine_of_hosts: the platform's processor, as ``x86-64``.
        known: facts about contents, by their digest; others are found out.
        checkouts: directories that it was built from, as they would be written.
        uncompiled: modules that the interpreter cannot compile, by path, and why.
        owners: who brought the payload's files.
        beneath: what the payload lies on, if that is known.
    """

    payload: Payload
    glibc: tuple[int, ...]
    machine_of_hosts: str
    known: dict[Digest, Facts]
    checkouts: tuple[Written, ...] = ()
    uncompiled: Mapping[str, str] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)
    beneath: Tree | None = None

    @cached_property
    def libraries(self) -> Libraries:
        """What is wrong with the libraries that files need."""
        return Libraries.of(self.payload.tree, self.machine_of_hosts, self.facts)

    @cached_property
    def twins(self) -> Mapping[str, tuple[str, str]]:
        """Libraries that are there twice: the name, and the path of the one that may stay."""
        taken, machine = self.libraries.taken, self.machine_of_hosts
        return twins(self.payload.tree, machine, self.facts, taken, self.owners.of)

    @cached_property
    def choosing(self) -> frozenset[Owner]:
        """Distributions with programs for this processor, and so with a choice among others."""
        return frozenset(
            owner
            for entry in self.payload.tree.files()
            if (owner := self.owners.of(entry.path)).kind is Brings.DISTRIBUTION
            and (found := self.facts(entry).elf)
            and found.machine == self.machine_of_hosts
        )

    @cached_property
    def openssls(self) -> frozenset[Digest]:
        """Files with an OpenSSL in them, but for the library that goes with another one."""
        return frozenset(
            entry.digest
            for entry in self.payload.tree.files()
            if (facts := self.facts(entry)).openssl
            and not (facts.elf and facts.elf.soname.startswith("libssl"))
        )

    def facts(self, entry: Entry) -> Facts:
        """Return what is in a file."""
        if entry.digest not in self.known:
            self.known[entry.digest] = facts_of(self.payload.read(entry))
        return self.known[entry.digest]

    def find(self, path: str) -> Entry | None:
        """Return the entry a host path leads to, through symlinks; None if it leads nowhere."""
        found = self.payload.tree.find(path)
        return found or (self.beneath.find(path) if self.beneath else None)

    def is_own(self, path: str) -> bool:
        """Tell whether a host path is the app's directory or below it."""
        inside = posixpath.normpath(path)
        return inside == self.payload.prefix or inside.startswith(f"{self.payload.prefix}/")
