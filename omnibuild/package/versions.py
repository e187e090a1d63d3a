"""Which version is newer: as dpkg and as rpm compare them.

Versions are given whole, with epoch and revision or release, as ``1:2.0~rc1-3``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cmp_to_key
from itertools import zip_longest
from typing import TypeVar

from omnibuild.patterns import regex

# Words of a version that Python's rules do not order as hosts do; a single letter may be a patch
# level, as in 1.1.1a.
_PEP440 = regex(
    r"[0-9]+(\.[0-9]+)*[._]?((a|b|c)[._]?[0-9]|alpha|beta|rc|pre|preview|post|rev|r[0-9]|dev|\+).*",
    re.IGNORECASE,
)
_RELEASE = regex(r"[0-9]+(\.[0-9]+)*")

_Number = tuple[int, str]
_Value = tuple[_Number, str]
T = TypeVar("T", int, list[int], _Number, _Value)

_DEB_PARTS = regex(r"([^0-9]*)([0-9]*)")
_RPM_PARTS = regex(r"~|\^|[A-Za-z]+|[0-9]+")


def host_version(version: str) -> str:
    """Return an app's version so that dpkg and rpm order it as Python does (PEP 440).

    Versions without such words stay as they are. Both tools sort ``~`` before the end of a version
    and ``+`` after it, before any further number.

    >>> host_version("2.0.0rc1"), host_version("2.0.dev3"), host_version("2.0.post1")
    ('2.0.0~rc1', '2.0~~dev3', '2.0+post1')
    """
    release = _RELEASE.match(version)
    if release is None or not _PEP440.fullmatch(version):
        return version
    # Only who packages an app needs it; whoever compares versions of packages does not.
    from packaging.version import InvalidVersion, Version

    try:
        parsed = Version(version)
    except InvalidVersion:
        return version
    words = [release[0]]
    if parsed.pre:
        words.append(f"~{parsed.pre[0]}{parsed.pre[1]}")
    if parsed.post is not None:
        words.append(f"+post{parsed.post}")
    if parsed.dev is not None:
        words.append(f"{'~' if len(words) > 1 else '~~'}dev{parsed.dev}")
    if parsed.local:
        words.append(f"+{_local(parsed.local)}")
    return "".join(words)


def _local(label: str) -> str:
    """Return a local version so that it is below ``post``, and its numbers are above its words."""
    # dpkg puts letters below everything else, and ends below letters; rpm sees no signs at all.
    segments = [f"+{part}" if part.isdigit() else part for part in label.split(".")]
    first = segments[0]
    return ".".join(segments if "a" <= first < "local" else ["local", *segments])


def split_epoch(version: str) -> tuple[int, str]:
    """Return the epoch of one of Python's versions, and the version without it.

    >>> split_epoch("1!2.0rc1"), split_epoch("2.0")
    ((1, '2.0rc1'), (0, '2.0'))
    """
    epoch, mark, rest = version.rpartition("!")
    return (int(epoch), rest) if mark and epoch.isdecimal() else (0, version)


def compare_debs(left: str, right: str) -> int:
    """Return a number below, equal to or above 0, as dpkg orders two versions.

    >>> compare_debs("1.0~rc1-1", "1.0-1"), compare_debs("1:0-1", "9-1")
    (-1, 1)
    """
    return _first_difference(left, right, _compare_deb_parts)


def compare_rpms(left: str, right: str) -> int:
    """Return a number below, equal to or above 0, as rpm orders two versions.

    >>> compare_rpms("1.0~rc1-1", "1.0-1"), compare_rpms("1.0^git1-1", "1.0-1")
    (-1, 1)
    """
    return _first_difference(left, right, _compare_rpm_parts)


deb_order = cmp_to_key(compare_debs)
rpm_order = cmp_to_key(compare_rpms)


def _first_difference(left: str, right: str, compare: Callable[[str, str], int]) -> int:
    """Compare epochs, then upstream versions, then revisions."""
    pairs = zip(_split(left), _split(right), strict=True)
    return next((result for one, other in pairs if (result := compare(one, other))), 0)


def _split(version: str) -> tuple[str, str, str]:
    """Return epoch, upstream version and revision."""
    epoch, colon, rest = version.partition(":")
    rest = rest if colon else version
    upstream, dash, revision = rest.rpartition("-")
    return epoch if colon else "0", upstream if dash else rest, revision if dash else ""


def _compare_deb_parts(left: str, right: str) -> int:
    """Compare letters and numbers by turns; where one has no more, ~ sorts before the end."""
    pairs = zip_longest(_DEB_PARTS.findall(left), _DEB_PARTS.findall(right), fillvalue=("", ""))
    for (words, number), (other_words, other_number) in pairs:
        ours, theirs = _deb_words(words), _deb_words(other_words)
        # An end sorts after ~ and before all else.
        if ours != theirs:
            return _sign(ours, theirs)
        if result := _sign(_number(number), _number(other_number)):
            return result
    return 0


def _deb_words(words: str) -> list[int]:
    # ~ before the end, letters before everything else.
    weights = [
        -1 if letter == "~" else ord(letter) if letter.isalpha() else ord(letter) + 256
        for letter in words
    ]
    return [*weights, 0]


def _compare_rpm_parts(left: str, right: str) -> int:
    pairs = zip_longest(_RPM_PARTS.findall(left), _RPM_PARTS.findall(right), fillvalue="")
    for one, other in pairs:
        if one != other:
            result = _sign(_rpm_rank(one), _rpm_rank(other)) or _sign(*_rpm_values(one, other))
            if result:
                return result
    return 0


def _rpm_rank(part: str) -> int:
    # 1.0~rc1 < 1.0 < 1.0^git1 < 1.0a < 1.0.1
    if part == "~":
        return 0
    if part == "^":
        return 2
    if not part:
        return 1
    return 4 if part[0].isdigit() else 3


def _rpm_values(one: str, other: str) -> tuple[_Value, _Value]:
    def value(part: str) -> _Value:
        return (_number(part), "") if part[:1].isdigit() else (_number(""), part)

    return value(one), value(other)


def _number(digits: str) -> _Number:
    """Return what sorts as the number does, which may have any number of digits."""
    significant = digits.lstrip("0")
    return len(significant), significant


def _sign(left: T, right: T) -> int:
    return int(left > right) - int(left < right)
