"""Which channels there are, as directories say it where no state does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from omnibuild.repository import layout
from omnibuild.repository.clients.systems import APT, HostSystem
from omnibuild.repository.targets.target import Target

_LIST = ".list"


@dataclass
class Place:
    """Where a channel is shown: its suites, and its trees with their architectures."""

    suites: list[str] = field(default_factory=list)
    trees: dict[str, list[str]] = field(default_factory=dict)


def places_of(target: Target, systems: Iterable[HostSystem]) -> dict[str, Place]:
    """Return the channels that are shown, by their names.

    Args:
        target: the repository.
        systems: the hosts that there are packages for: a suite is called after its channel and,
            where only some hosts are to see it, after them.
    """
    found: dict[str, Place] = {}
    for channel in filter(layout.CHANNEL_NAME.fullmatch, target.names("yum")):
        place = found.setdefault(channel, Place())
        for tree in target.names(f"yum/{channel}"):
            place.trees[tree] = sorted(target.names(f"yum/{channel}/{tree}"))
    for name in target.names(layout.DOWNLOADS):
        channel = name.removesuffix(_LIST)
        if name.endswith(_LIST) and layout.CHANNEL_NAME.fullmatch(channel):
            found.setdefault(channel, Place())
    suites = sorted(target.names(f"{layout.APT}/dists"))
    ends = {each.place for each in systems if each.family == APT and each.place}
    for suite in filter(layout.CHANNEL_NAME.fullmatch, suites):
        found.setdefault(_channel_of(suite, {*suites, *found}, ends), Place()).suites.append(suite)
    return found


def _channel_of(suite: str, names: set[str], ends: set[str]) -> str:
    """Return the channel of a suite: with an end of its own only where that channel is there."""
    fitting = (end for end in ends if suite.endswith(end) and suite.removesuffix(end) in names)
    return suite.removesuffix(max(fitting, key=len, default=""))
