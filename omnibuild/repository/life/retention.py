"""How long a channel lists old versions: by count and by age."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from omnibuild.events import Emit, silent
from omnibuild.package.versions import compare_debs, compare_rpms
from omnibuild.repository import layout
from omnibuild.repository.draft import Signed
from omnibuild.repository.indexes import check_clock
from omnibuild.repository.life.history import known_channel
from omnibuild.repository.publish import Change, Published, apply
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.choice import title_of, version_of
from omnibuild.repository.state.entries import Deb, Download, Rpm
from omnibuild.repository.state.head import Repository, State, history, load, record_of
from omnibuild.repository.state.ledger import Ledger
from omnibuild.signing.signer import Signer

E = TypeVar("E", Deb, Rpm, Download)


@dataclass(frozen=True)
class Retention:
    """What a channel goes on listing.

    Args:
        keep: so many versions of each package, in each place and for each architecture.
        before: what came later stays, too; in seconds since 1970.
    """

    keep: int
    before: float


def retired(repository: Path | str, channel: str, retention: Retention) -> list[str]:
    """Return what :func:`retire` would take out of a channel, as people call it."""
    state = load(existing(repository))
    return _retire(state, known_channel(state, channel), retention)


def retire(
    repository: Path | str,
    signer: Signer,
    channel: str,
    retention: Retention,
    emit: Emit = silent,
) -> Published:
    """Take old versions out of a channel; their files stay for who is fetching them.

    Raises :class:`RepositoryError` or :class:`UsageError` before anything is changed.
    """
    target = existing(repository)

    def change(state: State, signed: Signed) -> tuple[Repository, Change]:
        del signed
        record = record_of(state.repository, signer, "")
        removed = _retire(state, known_channel(state, channel), retention)
        check_clock(target, {channel: state.channel(channel)})
        return record, Change(removed=tuple(removed))

    return apply(target, signer, channel, "gc", change, emit)


def _retire(state: State, channel: str, retention: Retention) -> list[str]:
    young = _young(state, channel, retention.before)
    content = state.channel(channel)
    gone = [*_old_packages(content, retention.keep, young)]
    gone += _retire_from(content.downloads, _old(content.downloads, retention.keep, young))
    return list(dict.fromkeys(gone))


def _old_packages(content: Channel, keep: int, young: frozenset[str]) -> Iterator[str]:
    for suite in content.suites.values():
        for debs in suite.lists.values():
            yield from _retire_from(debs, _old(debs, keep, young))
    for tree in content.trees.values():
        for rpms in tree.lists.values():
            yield from _retire_from(rpms, _old(rpms, keep, young))


def _retire_from(ledger: Ledger[E], entries: list[E]) -> Iterator[str]:
    for entry in entries:
        ledger.withdraw(entry)
        yield title_of(entry)


def _old(ledger: Ledger[E], keep: int, young: frozenset[str]) -> list[E]:
    """Return what is neither among the newest versions of its name nor young."""
    compare = compare_rpms if ledger.kind is Rpm else compare_debs

    def newer_first(left: str, right: str) -> int:
        return compare(right, left)

    order = cmp_to_key(newer_first)
    found: list[E] = []
    for _, group in groupby(ledger, key=_sort):
        versions = sorted(group, key=lambda each: order(version_of(each)))
        old = [entry for entry in versions[keep:] if title_of(entry) not in young]
        # Whose turn that is, keys themselves decide.
        found += [entry for entry in old if not layout.is_keyring_package(entry.name)]
    return found


def _sort(entry: Deb | Rpm | Download) -> tuple[str, ...]:
    """Return what versions are of: entries of one name follow each other in a list."""
    if isinstance(entry, Download):
        name, _, architecture = entry.parts
        return name, architecture, entry.name.rpartition(".")[2]
    return (entry.name,)


def _young(state: State, channel: str, before: float) -> frozenset[str]:
    """Return what came to a channel later than that, as far as releases are kept.

    What no kept release brought is as old as the oldest of them, at least.
    """
    releases = [release for _, release in history(state.target, state.releases[channel])]
    late = [release for release in releases if release.author.time > before]
    titles = {title for release in late for title in release.added}
    if len(late) == len(releases):
        # All that there is may be young.
        content = Channel.of(state.target, releases[-1].contents)
        titles |= {title_of(entry) for suite in content.suites.values() for entry in suite}
        titles |= {title_of(entry) for tree in content.trees.values() for entry in tree}
        titles |= {title_of(entry) for entry in content.downloads}
    return frozenset(titles)
