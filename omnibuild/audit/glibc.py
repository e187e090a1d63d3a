"""glibc: its libraries, and which version of it a file asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from omnibuild.architectures import ARCHITECTURES
from omnibuild.elf import Elf
from omnibuild.patterns import regex

_VERSION = regex(r"GLIBC_([0-9]+(?:\.[0-9]+)+)")
_DIGITS = 9
# A linker's mark that asks for a loader with a newer feature.
_FEATURES = {"GLIBC_ABI_DT_RELR": (2, 36)}

# What every host with glibc has in its one glibc package. Not libcrypt.so.1 and libnsl.so.1,
# which distributions ship apart or no more, and not gcc's libgcc_s.so.1 and libstdc++.so.6.
SONAMES = frozenset(
    {
        *(one.loader.rpartition("/")[2] for one in ARCHITECTURES),
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


def needed_version(elf: Elf) -> tuple[int, ...]:
    """Return the highest glibc version that the file asks for; empty when it asks for none."""
    return max((version_of(name) or () for name in version_names(elf)), default=())


def version_names(elf: Elf) -> tuple[str, ...]:
    """Return the versions of glibc's symbols that the file requires, as ``GLIBC_2.17``."""
    required = (elf.versions or {}).values()
    return tuple(sorted({n for names in required for n in names if n.startswith("GLIBC_")}))


def version_of(name: str) -> tuple[int, ...] | None:
    """Return the glibc version that a symbol version stands for; None if it stands for none."""
    if found := _VERSION.fullmatch(name):
        # Whatever a file makes up is newer than all that there is.
        parts = found[1].split(".")
        return tuple(int(part) if len(part) <= _DIGITS else 10**_DIGITS for part in parts)
    return _FEATURES.get(name)


def asked_of(programs: Iterable[Elf]) -> dict[str, tuple[str, ...]]:
    """Return glibc's libraries that programs load, and which symbol versions they ask each for."""
    found: dict[str, set[str]] = {}
    for program in programs:
        for library in SONAMES.intersection(program.needed):
            found.setdefault(library, set()).update((program.versions or {}).get(library, ()))
    return {library: tuple(sorted(versions)) for library, versions in sorted(found.items())}


def lowest_version(asked: Mapping[str, Iterable[str]]) -> str:
    """Return the oldest glibc that has all of it, as ``2.30``; empty when nothing is asked for."""
    versions = (version_of(name) for names in asked.values() for name in names)
    return ".".join(map(str, max((v for v in versions if v), default=())))
