"""Checks of programs and libraries: would the host's loader find all they need?"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from omnibuild.architectures import ARCHITECTURES
from omnibuild.audit import glibc
from omnibuild.audit.libraries import way_out
from omnibuild.audit.owners import Brings
from omnibuild.audit.subject import Subject, Surroundings
from omnibuild.elf.loader import origin_expanded

LOADERS = {one.name: one.loader for one in ARCHITECTURES}


def check_damage(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report files that start as ELF and contradict themselves."""
    if subject.facts.damage:
        yield f"damaged ELF file: {subject.facts.damage}"


def check_libraries(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report needed libraries that neither the payload nor glibc brings."""
    yield from around.libraries.missing.get(subject.path, ())


def without_libraries(subject: Subject, around: Surroundings) -> str:
    """Say what to do about a file whose libraries the app does not bring."""
    owner = subject.owner
    distribution = owner.name if owner.kind is Brings.DISTRIBUTION else ""
    return way_out(around.libraries.names.get(subject.path, ()), distribution)


def with_own_flags(subject: Subject, around: Surroundings) -> str:
    """Say what a definition writes where its build has dropped the flags that it was given."""
    if subject.owner.kind is not Brings.COMPONENT:
        return ""
    return "its build drops the flags that it is given: have it take $HARDENING and $LDFLAGS"


def check_library_versions(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report libraries of the payload that lack symbols which others of it need."""
    yield from around.libraries.versions.get(subject.path, ())


def check_glibc_version(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report symbols that only a newer glibc than the platform's has."""
    if subject.facts.elf is None:
        return
    unknown = [n for n in glibc.version_names(subject.facts.elf) if glibc.version_of(n) is None]
    for name in unknown:
        yield f"needs {name}, which hosts need not have"
    needed = glibc.needed_version(subject.facts.elf)
    if needed > around.glibc:
        yield f"needs glibc {_dotted(needed)}, the platform has {_dotted(around.glibc)}"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def check_interpreter(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report programs that ask for another loader than glibc's."""
    if subject.facts.elf is None or not subject.facts.elf.interpreter:
        return
    expected = LOADERS[subject.facts.elf.machine]
    if subject.facts.elf.interpreter != expected:
        yield f"its loader is {subject.facts.elf.interpreter}, not {expected}"


def check_runpath(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report library search paths that lead out of the payload."""
    if subject.facts.elf is None:
        return
    for kind, path in (("runpath", subject.facts.elf.runpath), ("rpath", subject.facts.elf.rpath)):
        for entry in path.split(":") if path else ():
            place = origin_expanded(entry, f"/{subject.path}")
            if place is None:
                yield f"the {kind} entry {entry!r} does not start with $ORIGIN"
            elif not around.is_own(place):
                leads = posixpath.normpath(place)
                yield f"the {kind} entry {entry!r} leads to {leads}, outside the app"


def check_machine(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report programs and libraries for another processor."""
    if subject.owner not in around.choosing:
        yield from _other_machine(subject, around)


def check_other_machines(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report them where a distribution brings each of its programs for several processors."""
    if subject.owner in around.choosing:
        yield from _other_machine(subject, around)


def _other_machine(subject: Subject, around: Surroundings) -> Iterator[str]:
    found, machine = subject.facts.elf, subject.facts.foreign
    if found and found.machine != around.machine_of_hosts and found.kind != "object":
        machine = found.machine
    if machine:
        yield f"is for {machine}, the platform's hosts are {around.machine_of_hosts}"


def lacks(what: str, sentence: str) -> Callable[[Subject, Surroundings], Iterator[str]]:
    """Return the check that reports files of which a field of :class:`Hardening` is true."""

    def check(subject: Subject, around: Surroundings) -> Iterator[str]:
        if subject.facts.hardening and getattr(subject.facts.hardening, what):
            yield sentence

    return check
