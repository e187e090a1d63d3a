"""Which wheels run where: compatibility tags and markers of an interpreter omnibuild will build."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, cast

from packaging.markers import Environment, Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import Version

from omnibuild.architectures import TARGET

# PEP 600 defines these older names as manylinux_2_N.
_LEGACY_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_GLIBC = 5
# A series stands for its newest patch release in markers such as python_full_version < "3.11.4".
_NEWEST_PATCH = 999

# What a file system takes, and more tags than any real wheel has: each part of a name multiplies
# those of the others.
_LONGEST_NAME = 255
_MOST_TAGS = 256
_MOST_PARENTHESES = 50


def supported_tags(python: str, glibc: str) -> list[Tag]:
    """Return the tags of wheels for CPython on the target, the best first.

    Args:
        python: version or series, as ``3.13``.
        glibc: the highest glibc that may be required, as ``2.31``.
    """
    major, minor = (int(part) for part in python.split(".")[:2])
    newest = int(glibc.split(".")[1])
    platforms = [
        f"{name}_{TARGET.wheels}"
        for level in range(newest, _OLDEST_GLIBC - 1, -1)
        for name in (f"manylinux_2_{level}", _LEGACY_NAMES.get(level))
        if name
    ]
    interpreter = f"cp{major}{minor}"
    return [
        *cpython_tags((major, minor), [interpreter], platforms),
        *compatible_tags((major, minor), interpreter, platforms),
    ]


def tags_in_name(name: str) -> int:
    """Return how many tags the name of a wheel stands for; 0 for other files."""
    if not name.endswith(".whl"):
        return 0
    # The last three parts are alternatives each, separated by dots.
    return math.prod(part.count(".") + 1 for part in name.removesuffix(".whl").split("-")[-3:])


def is_bounded(name: str) -> bool:
    """Tell whether a file can be called so, and its tags be listed in no time."""
    return len(name) <= _LONGEST_NAME and "/" not in name and tags_in_name(name) <= _MOST_TAGS


def parse_wheel_name(name: str) -> tuple[NormalizedName, Version, tuple[int, str] | tuple[()]]:
    """Return a wheel's project, version and build number, as its file name says.

    Raises :class:`InvalidWheelFilename`, also for names that are out of bounds.
    """
    if not is_bounded(name):
        raise InvalidWheelFilename(f"not the file name of a wheel: {name[:_LONGEST_NAME]!r}")
    project, version, build, _ = parse_wheel_filename(name)
    return project, version, build


def is_shallow(text: str) -> bool:
    """Tell whether a marker or requirement has no more parentheses than its parser can nest."""
    return text.count("(") <= _MOST_PARENTHESES


def same_version(one: str, other: str) -> bool:
    """Tell whether two texts are the same version: ``1.0`` and ``1.0.0`` are."""
    try:
        return Version(one) == Version(other)
    except ValueError:  # no version, or numbers of thousands of digits
        return one == other


def same_release(one: str, other: str) -> bool:
    """Tell whether two versions are of one release, at whatever stage; packages write ``~``."""
    try:
        first, second = (Version(text.replace("~", "")) for text in (one, other))
    except ValueError:  # no version, or numbers of thousands of digits
        return one == other
    return Version(first.base_version) == Version(second.base_version)


def full_version(python: str) -> str:
    """Return a full version of the interpreter; of a series the newest patch release."""
    return python if python.count(".") > 1 else f"{python}.{_NEWEST_PATCH}"


def applies(
    marker: Marker | None,
    python: str,
    extras: Collection[str] = (),
    groups: Collection[str] | None = None,
) -> bool:
    """Tell whether a marker holds under CPython ``python``.

    Args:
        marker: of a requirement; with ``groups``, of a package in a lock.
        python: version or series.
        extras: those that are asked for.
        groups: dependency groups that are asked for.
    """
    if marker is None:
        return True
    environment = cast("dict[str, Any]", marker_environment(python))
    if groups is not None:
        asked = {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}
        return marker.evaluate(environment | asked, context="lock_file")
    return any(marker.evaluate(environment | {"extra": extra}) for extra in (extras or ("",)))


def marker_environment(python: str) -> Environment:
    """Return what markers see under CPython ``python`` on the target."""
    return {
        "implementation_name": "cpython",
        "implementation_version": full_version(python),
        "os_name": "posix",
        "platform_machine": TARGET.wheels,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full_version(python),
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }
