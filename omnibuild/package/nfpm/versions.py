"""An app's version in the words of pacman and apk, so that they order it as dpkg does.

opkg compares as dpkg does. pacman has no ``~``: letters right behind a number are before it, and
behind a dot after it. apk has a grammar of its own with a fixed set of words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.patterns import regex

# What `host_version` makes of Python's versions, and a letter for a patch level, as in 1.1.1a.
_NUMBERS = r"(?P<release>[0-9]+(?:\.[0-9]+)*)"
_WORDS = (
    r"(?P<letter>[a-z])?(?:~(?P<pre>a|b|rc)(?P<pre_number>[0-9]+))?(?:\+post(?P<post>[0-9]+))?"
    r"(?:(?P<mark>~~?)dev(?P<dev>[0-9]+))?"
)
# Of a commit, as versions from git have it.
_COMMIT = r"(?:\+g(?P<commit>[0-9a-f]{7,40})(?P<dirty>\.dirty)?)?"
_SHAPE: Final = regex(_NUMBERS + _WORDS + r"(?P<local>\+[A-Za-z0-9.+]+)?")
_APK_SHAPE: Final = regex(_NUMBERS + _WORDS + _COMMIT)
# As many digits as an older apk takes for a number.
_COMMIT_DIGITS: Final = 7

_APK_WORDS: Final = {"a": "alpha", "b": "beta", "rc": "rc"}
_REVISION = regex(r"[0-9]{1,9}")


def pacman_version(version: str) -> str:
    """Return a version for pacman, as ``1.0rc1`` of ``1.0~rc1``.

    Raises :class:`PackageError` for one whose order pacman cannot keep.

    >>> pacman_version("1.0~rc1"), pacman_version("1.0+post2"), pacman_version("1.0~~dev3")
    ('1.0rc1', '1.0.post2', '1.0DEV3')
    """
    match = _SHAPE.fullmatch(version)
    if match is None:
        raise _unordered("pacman", version)
    words = [match["release"], f".{match['letter']}" if match["letter"] else ""]
    if match["pre"]:
        words.append(f"{match['pre']}{match['pre_number']}")
    if match["post"]:
        words.append(f".post{match['post']}")
    if match["dev"]:
        # Capital letters are before small ones: before all that comes before the release.
        words.append(f"{'DEV' if match['mark'] == '~~' else 'dev'}{match['dev']}")
    return "".join([*words, match["local"] or ""])


def apk_version(version: str) -> str:
    """Return a version for apk, as ``1.0_rc1`` of ``1.0~rc1``.

    Raises :class:`PackageError` for one that its grammar has no words for.

    >>> apk_version("1.0~rc1"), apk_version("2024.05+post2"), apk_version("1.0~~dev3")
    ('1.0_rc1', '2024.5_p2', '1.0_alpha0_alpha3')
    """
    match = _APK_SHAPE.fullmatch(version)
    if match is None:
        raise _unordered("apk", version)
    # A number with a leading zero would be compared as text.
    words = [".".join(str(int(number)) for number in match["release"].split("."))]
    words.append(match["letter"] or "")
    if match["pre"]:
        words.append(f"_{_APK_WORDS[match['pre']]}{match['pre_number']}")
    if match["post"]:
        words.append(f"_p{match['post']}")
    if match["dev"]:
        # Before alpha0, and before a development release of that.
        words.append(f"{'_alpha0_alpha' if match['mark'] == '~~' else '_pre'}{match['dev']}")
    if match["commit"]:
        words.append(f"_git{int(match['commit'][:_COMMIT_DIGITS], 16)}")
        words.append("_p1" if match["dirty"] else "")
    return "".join(words)


def opkg_version(version: str) -> str:
    """Return the version: opkg orders as dpkg does."""
    return version


def check_revision(manager: str, revision: str) -> None:
    """Refuse a revision that is no number: pacman and apk take nothing else."""
    if not _REVISION.fullmatch(revision):
        raise PackageError(
            f"{revision!r} cannot be the revision of a package for {manager}",
            hint='it must be a number: [package] with revision = "1"',
        )


def related_version(manager: str, version: str) -> str:
    """Return a version of another package, which dpkg's words name, in a manager's.

    Args:
        manager: ``pacman`` or ``apk``.
        version: with its epoch and revision, if it has them.
    """
    epoch, colon, rest = version.rpartition(":")
    upstream, dash, revision = rest.rpartition("-")
    upstream = upstream if dash else rest
    if dash:
        check_revision(manager, revision)
    if manager == "pacman":
        return f"{epoch}{colon}{pacman_version(upstream)}{dash}{revision if dash else ''}"
    if colon:
        raise _unordered(manager, version)
    return apk_version(upstream) + (f"-r{revision}" if dash else "")


Mapped = Callable[[str], str]


def _unordered(manager: str, version: str) -> PackageError:
    return PackageError(
        f"{manager} has no words for the version {version}",
        why="it would order it otherwise than other hosts do",
        hint="number it as Python does (2.0, 2.0rc1, 2.0.post1), or build it for other platforms"
        " only: package.platforms",
    )
