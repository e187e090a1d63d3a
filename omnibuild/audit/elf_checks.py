"""Checks of programs and libraries: would the host's loader find all they need?"""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild import elf
from omnibuild.audit.subject import Subject, Surroundings, origin_expanded
from omnibuild.tree import Kind

INTERPRETERS = {
    "x86-64": "/lib64/ld-linux-x86-64.so.2",
    "aarch64": "/lib/ld-linux-aarch64.so.1",
}

# What every host with glibc has in its one glibc package. Not libcrypt.so.1 and libnsl.so.1,
# which distributions ship apart or no more, and not gcc's libgcc_s.so.1 and libstdc++.so.6.
GLIBC_SONAMES = frozenset(
    {
        "ld-linux-aarch64.so.1",
        "ld-linux-x86-64.so.2",
        "libBrokenLocale.so.1",
        "libanl.so.1",
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libmvec.so.1",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libthread_db.so.1",
        "libutil.so.1",
    }
)


def check_damage(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report files that start as ELF and contradict themselves."""
    if subject.facts.damage:
        yield f"damaged ELF file: {subject.facts.damage}"


def check_libraries(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report needed libraries that neither the payload nor glibc brings."""
    if subject.facts.elf is None:
        return
    places = [origin_expanded(entry, subject.path) for entry in subject.facts.elf.search_path]
    for name in subject.facts.elf.needed:
        if name in GLIBC_SONAMES:
            continue
        if "/" in name:
            yield f"needs {name} by its path"
        elif not any(_holds(around, place, name, subject.facts.elf.machine) for place in places):
            searched = ", ".join(place for place in places if place) or "no directory"
            yield f"needs {name}, which is not in the payload (its runpath leads to {searched})"


def _holds(around: Surroundings, directory: str | None, name: str, machine: str) -> bool:
    entry = around.find(f"{directory}/{name}") if directory else None
    return entry is not None and entry.kind is Kind.FILE and around.machine(entry) == machine


def check_glibc_version(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report symbols that only a newer glibc than the platform's has."""
    if subject.facts.elf is None:
        return
    unknown = [n for n in elf.glibc_names(subject.facts.elf) if elf.glibc_version(n) is None]
    for name in unknown:
        yield f"needs {name}, which hosts need not have"
    needed = elf.glibc_needed(subject.facts.elf)
    if needed > around.glibc:
        yield f"needs glibc {_dotted(needed)}, the platform has {_dotted(around.glibc)}"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def check_interpreter(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report programs that ask for another loader than glibc's."""
    if subject.facts.elf is None or not subject.facts.elf.interpreter:
        return
    expected = INTERPRETERS[subject.facts.elf.machine]
    if subject.facts.elf.interpreter != expected:
        yield f"its loader is {subject.facts.elf.interpreter}, not {expected}"


def check_runpath(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report library search paths that lead out of the payload."""
    if subject.facts.elf is None:
        return
    for kind, path in (("runpath", subject.facts.elf.runpath), ("rpath", subject.facts.elf.rpath)):
        for entry in path.split(":") if path else ():
            place = origin_expanded(entry, subject.path)
            if place is None:
                yield f"the {kind} entry {entry!r} does not start with $ORIGIN"
            elif not around.is_own(place):
                yield f"the {kind} entry {entry!r} leads to {place}, outside the app"
