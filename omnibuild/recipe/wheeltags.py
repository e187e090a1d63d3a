"""Which wheels run where: compatibility tags and markers of an interpreter omnibuild will build."""

from __future__ import annotations

from collections.abc import Mapping, Set

from packaging.tags import Tag, compatible_tags, cpython_tags

# PEP 600 defines these older names as manylinux_2_N.
_LEGACY_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_GLIBC = 5
# A series stands for its newest patch release in markers such as python_full_version < "3.11.4".
_NEWEST_PATCH = 999


def supported_tags(python: str, glibc: str) -> list[Tag]:
    """Return the tags of wheels for CPython on x86_64 Linux, the best first.

    Args:
        python: version or series, as ``3.13``.
        glibc: the highest glibc that may be required, as ``2.31``.
    """
    major, minor = (int(part) for part in python.split(".")[:2])
    newest = int(glibc.split(".")[1])
    platforms = [
        f"{name}_x86_64"
        for level in range(newest, _OLDEST_GLIBC - 1, -1)
        for name in (f"manylinux_2_{level}", _LEGACY_NAMES.get(level))
        if name
    ]
    interpreter = f"cp{major}{minor}"
    return [
        *cpython_tags((major, minor), [interpreter], platforms),
        *compatible_tags((major, minor), interpreter, platforms),
    ]


def full_version(python: str) -> str:
    """Return a full version of the interpreter; of a series the newest patch release."""
    return python if python.count(".") > 1 else f"{python}.{_NEWEST_PATCH}"


def marker_environment(python: str) -> Mapping[str, str | Set[str]]:
    """Return what markers see under CPython ``python`` on x86_64 Linux, without any extra."""
    return {
        "extras": frozenset(),
        "dependency_groups": frozenset(),
        "implementation_name": "cpython",
        "implementation_version": full_version(python),
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full_version(python),
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }
