"""How pacman and apk order versions, written from what their sources do, to test against."""

from __future__ import annotations

import re
from itertools import zip_longest

_SEGMENT = re.compile(r"([^0-9A-Za-z]*)([0-9]+|[A-Za-z]+)")
_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")
_APK = re.compile(r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z]?)(?P<rest>(?:_[a-z]+[0-9]*)*)")


def pacman_order(left: str, right: str) -> int:
    """Compare as ``rpmvercmp`` of libalpm does, of versions without epoch and release."""
    ours, theirs = _SEGMENT.findall(left), _SEGMENT.findall(right)
    for (sign, one), (other_sign, other) in zip(ours, theirs, strict=False):
        if len(sign) != len(other_sign):
            return -1 if len(sign) < len(other_sign) else 1
        if one.isdigit() != other.isdigit():
            return 1 if one.isdigit() else -1
        a, b = (int(one), int(other)) if one.isdigit() else (one, other)
        if a != b:
            return 1 if a > b else -1  # type: ignore[operator]
    if len(ours) == len(theirs):
        return 0
    longer, result = (ours, 1) if len(ours) > len(theirs) else (theirs, -1)
    sign, rest = longer[min(len(ours), len(theirs))]
    # What goes on with letters and no sign before them is older.
    return -result if rest.isalpha() and not sign else result


def apk_order(left: str, right: str) -> int:
    """Compare as ``apk_version_compare`` does, of versions without a revision."""
    missing = (len(_SUFFIXES), -1, "")
    for one, other in zip_longest(_apk_parts(left), _apk_parts(right), fillvalue=missing):
        if one == other:
            continue
        if one[0] == other[0]:
            return 1 if one[1:] > other[1:] else -1
        for part, result in ((one, -1), (other, 1)):
            if part[0] == 2 and part[1] < _SUFFIXES.index(""):
                return result
        return -1 if one[0] > other[0] else 1
    return 0


def _apk_parts(version: str) -> list[tuple[int, int, str]]:
    match = _APK.fullmatch(version)
    assert match, version
    assert not any(number.startswith("0") and number != "0" for number in match[1].split("."))
    parts = [(0, int(number), "") for number in match["numbers"].split(".")]
    if match["letter"]:
        parts.append((1, 0, match["letter"]))
    for word, number in re.findall(r"_([a-z]+)([0-9]*)", match["rest"]):
        parts.append((2, _SUFFIXES.index(word), ""))
        if number:
            parts.append((3, int(number), ""))
    return parts
