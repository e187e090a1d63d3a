"""Which repository lies somewhere, and where its packages shall be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from omnibuild.errors import UsageError
from omnibuild.repository import layout
from omnibuild.repository.importing.apt import AptSource
from omnibuild.repository.importing.place import Directory, Listed, Place
from omnibuild.repository.importing.unpacking import FORMS
from omnibuild.repository.importing.yum import REPOMD, YumSource
from omnibuild.repository.intake import IMAGE_SUFFIX, PACKAGE_SUFFIXES
from omnibuild.signing.verifier import Verifier

_INDEXES: Final = re.compile("binary-.+|source")
_RELEASES: Final = ("InRelease", "Release")


# The channel of each suite.
Suites: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class Mapping:
    """Where packages shall be.

    Args:
        channel: of all that comes from no suite of several.
        suites: which are taken, as ``bookworm`` or ``bookworm=stable``; none: all.
        component: of all .deb files; empty: that in which they are.
    """

    channel: str
    suites: tuple[str, ...] = ()
    component: str = ""


def listed_in(
    place: Place, verifier: Verifier | None, mapping: Mapping, suites: Suites
) -> Iterator[Listed]:
    """Yield what a repository lists: for apt, for dnf, or just the files of a directory.

    ``suites`` are those of :func:`suites_of`.
    """
    layout.check_channel(mapping.channel)
    apt, yum = AptSource(place, verifier), YumSource(place, verifier)
    trees = _trees(place)
    for suite, channel in suites.items():
        for each in apt.suite(suite, channel, mapping.component):
            layout.check_component(each.component)
            yield each
    for directory in trees:
        yield from yum.packages(directory, mapping.channel)
    if suites or trees:
        return
    if any(place.read(f"Packages{form}") for form in FORMS):
        yield from apt.flat(mapping.channel, mapping.component)
    elif isinstance(place, Directory):
        yield from _files(place, mapping)
    else:
        raise UsageError(
            f"{place.name} has neither repodata/ nor Packages",
            hint="of a repository for apt, name the suites: --suite bookworm",
        )


def suites_of(place: Place, mapping: Mapping) -> Suites:
    """Return the channel of each suite that is taken."""
    named = list(mapping.suites)
    if not named and isinstance(place, Directory):
        dists = place.root / "dists"
        found = (path.parent for path in place.files("dists") if path.name in _RELEASES)
        # Names of one suite may be links to each other; architectures have a Release, too.
        plain = {p for p in found if not p.is_symlink() and not _INDEXES.fullmatch(p.name)}
        named = sorted(str(path.relative_to(dists)) for path in plain)
    channels = {}
    for words in named:
        suite, _, channel = words.partition("=")
        channels[suite] = channel or (suite if len(named) > 1 else mapping.channel)
        if not layout.CHANNEL_NAME.fullmatch(channels[suite]):
            raise UsageError(
                f"suite {suite} cannot be a channel of that name",
                hint=f"say which channel gets it: --suite {suite}=stable",
            )
    return channels


def _trees(place: Place) -> list[str]:
    """Return the directories with metadata for dnf."""
    if isinstance(place, Directory):
        found = {path.parent.parent for path in place.files() if path.match(REPOMD)}
        return sorted(str(path.relative_to(place.root)).removeprefix(".") for path in found)
    return [""] if place.read(REPOMD) else []


def _files(place: Directory, mapping: Mapping) -> Iterator[Listed]:
    for path in place.files():
        name = path.name
        if path.is_file() and name.endswith(PACKAGE_SUFFIXES) and not name.endswith(IMAGE_SUFFIX):
            component = (mapping.component or "main") if name.endswith((".deb", ".udeb")) else ""
            size = path.stat().st_size
            yield Listed(str(path.relative_to(place.root)), size, "", mapping.channel, component)
