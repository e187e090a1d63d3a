"""What a work tree's history says of its releases: tags, and what was committed between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

from omnibuild.patterns import regex
from omnibuild.sources.git.asking import git

# Of those that are told: nobody reads further, and each takes a question.
MOST_RELEASES: Final = 30
MOST_COMMITS: Final = 500
_LINES = regex(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Release:
    """A release in a history.

    Args:
        version: its tag without the `v`; empty for what came after the last one.
        date: of the tag or the last commit, in seconds since 1970.
        subjects: of the commits since the release before, the newest first.
    """

    version: str
    date: int
    subjects: tuple[str, ...]


def releases(directory: Path) -> Iterator[Release]:
    """Yield the releases of a work tree, the newest first.

    Only commits count that changed something in the directory, and no merges. What was committed
    after the last release comes first, without a version. A directory without a history has none.
    """
    if git(directory, "rev-parse", "--verify", "--quiet", "HEAD", check=False)[0]:
        return
    tags = _tags(directory)[: MOST_RELEASES + 1]
    newest = tags[0].name if tags else ""
    if latest := _subjects(directory, newest, "HEAD"):
        yield Release("", int(_said(directory, "log", "-1", "--format=%ct", "HEAD")), latest)
    for number, tag in enumerate(tags[:MOST_RELEASES]):
        before = tags[number + 1].name if number + 1 < len(tags) else ""
        yield Release(tag.version, tag.date, _subjects(directory, before, tag.name))


@dataclass(frozen=True)
class _Tag:
    name: str
    version: str
    date: int


def _tags(directory: Path) -> list[_Tag]:
    """Return the tags that the present commit comes after, the highest version first."""
    asked = ("for-each-ref", "--merged=HEAD", "--format=%(refname:strip=2) %(creatordate:unix)")
    found = []
    for line in _said(directory, *asked, "refs/tags/[v0-9]*").splitlines():
        name, _, date = line.rpartition(" ")
        try:
            found.append(
                (Version(name.removeprefix("v")), _Tag(name, name.removeprefix("v"), int(date)))
            )
        except (InvalidVersion, ValueError):
            continue  # No release, as `vendor/2024`; or of a tree, which has no date.
    return [tag for _, tag in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _subjects(directory: Path, after: str, until: str) -> tuple[str, ...]:
    ends = (
        f"refs/tags/{until}" if until != "HEAD" else until,
        *((f"^refs/tags/{after}",) if after else ()),
    )
    asked = ("log", "--no-merges", f"--max-count={MOST_COMMITS}", "--format=%s", *ends)
    lines = _said(directory, *asked, "--", ".").splitlines()
    return tuple(text for line in lines if (text := _LINES.sub(" ", line).strip()))


def _said(directory: Path, *arguments: str) -> str:
    return git(directory, "--no-optional-locks", *arguments, check=True)[1].decode(
        "utf-8", "replace"
    )
