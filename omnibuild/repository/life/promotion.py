"""From channel to channel: what was tried is given to more hosts, byte for byte the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from omnibuild.errors import IdentityConflictError, UsageError
from omnibuild.events import Emit, Warned, silent
from omnibuild.repository import layout
from omnibuild.repository.draft import Draft, Signed
from omnibuild.repository.indexes import check_clock
from omnibuild.repository.layout import is_keyring_package
from omnibuild.repository.life.files import (
    check_download,
    check_there,
    deb_file,
    directories_of,
    rpm_files,
    spread,
)
from omnibuild.repository.life.history import known_channel
from omnibuild.repository.publish import Change, Published, apply
from omnibuild.repository.refusals import (
    check_formats,
    check_not_keyring,
    check_suites,
    existing,
)
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.choice import Choice, chosen, title_of
from omnibuild.repository.state.entries import Deb, Download, Rpm
from omnibuild.repository.state.head import Repository, State, record_of
from omnibuild.repository.state.ledger import Ledger
from omnibuild.signing.signer import Signer

E = TypeVar("E", Deb, Rpm, Download)


def promote(
    names: Sequence[str],
    repository: Path | str,
    signer: Signer,
    source: str,
    to: str,
    emit: Emit = silent,
) -> Published:
    """Have what a channel holds in another channel, too; nothing is built or signed again.

    Args:
        names: ``shop``, or ``shop=1.4`` for one version, or the name of a tarball; none: all.
        repository: where was published to.
        signer: the repository's key.
        source: the channel that holds them.
        to: the channel that gets them; it keeps what it holds besides.
        emit: takes warnings: what was taken out of ``to`` comes back only when it is named.

    Raises :class:`UsageError`, :class:`IdentityConflictError` or :class:`RepositoryError` before
    anything is published.
    """
    layout.check_channel(to)
    if source == to:
        raise UsageError(f"{to} is one channel", hint="name another after --to")
    choices = [Choice.of(name) for name in names]
    target = existing(repository)

    def bring(state: State, signed: Signed) -> tuple[Repository, Change]:
        record = record_of(state.repository, signer, "")
        names = [choice.name for choice in choices]
        check_not_keyring(names, record.name, f"leave it out: {to} has it, or gets it now")
        content = state.channel(known_channel(state, source))
        check_formats(signer, (), state.channels)
        check_clock(target, state.channels)
        promotion = _Promotion(content, state.channel(to), source, to, choices)
        promotion.choose()
        check_suites(to, state.channels)
        for title in promotion.withheld:
            emit(
                Warned(f"{title} was taken out of {to}; it comes back only if its version is named")
            )
        promotion.bring()
        Draft(state, signer, to, (), signed).spread_noarch()
        return record, Change(tuple(promotion.added), origin=state.releases[source])

    return apply(target, signer, to, "promote", bring, emit)


@dataclass
class _Promotion:
    """Packages on their way from one channel to another.

    Args:
        withheld: what stays behind, as it was taken out of the other channel once.
    """

    source: Channel
    content: Channel
    name: str
    to: str
    choices: Sequence[Choice]
    debs: list[tuple[Ledger[Deb], Deb]] = field(default_factory=list)
    rpms: list[tuple[Ledger[Rpm], Rpm, tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=list
    )
    files: list[tuple[Ledger[Download], Download]] = field(default_factory=list)
    withheld: dict[str, None] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)

    @property
    def added(self) -> Iterator[str]:
        """What comes, as people call it."""
        entries = [deb for _, deb in self.debs], [each[1] for each in self.rpms]
        titles = [title_of(each) for many in entries for each in many]
        yield from dict.fromkeys([*titles, *(title_of(file) for _, file in self.files)])

    def choose(self) -> None:
        """Find what comes, and have a place for it; refuse what cannot come."""
        for name, suite in self.source.suites.items():
            place = self.content.suite(f"{self.to}{name.removeprefix(self.name)}")
            for architecture in suite.architectures:
                place.add_architecture(architecture)
            for name, debs in suite.lists.items():
                ledger = place.list(name)
                self.debs += [(ledger, deb) for deb in self._choose(debs, ledger)]
        for tree, index in self.source.trees.items():
            other = self.content.tree(tree)
            for architecture in index.architectures:
                other.add_architecture(architecture)
            for architecture, rpms in index.lists.items():
                directories = (
                    directories_of(self.name, tree, index, architecture),
                    directories_of(self.to, tree, other, architecture),
                )
                to = other.list(architecture)
                self.rpms += [(to, rpm, *directories) for rpm in self._choose(rpms, to)]
        downloads = self._choose(self.source.downloads, self.content.downloads)
        self.files += [(self.content.downloads, item) for item in downloads]
        for choice in self.choices:
            if choice.said not in self._met:
                raise UsageError(
                    f"channel {self.name} holds no {choice.said}",
                    hint=f"omnibuild repo list --channel {self.name} tells what it holds",
                )

    def bring(self) -> None:
        """Have files where the other channel's hosts look for them, and list them there."""
        target = self.content.target
        for debs, deb in self.debs:
            check_there(target, deb_file(deb))
            debs.put(deb)
        for rpms, rpm, source, to in self.rpms:
            spread(target, rpm_files(rpm, source), rpm_files(rpm, to))
            rpms.put(rpm)
        for files, item in self.files:
            check_download(target, item)
            files.put(item)
        # Also of what came before there was an advisory.
        for advisory in self.source.advisories:
            if keys := list(filter(self.content.has_rpm, advisory.packages)):
                self.content.advise(advisory, keys)

    def _choose(self, source: Ledger[E], to: Ledger[E]) -> Iterator[E]:
        found: list[tuple[E, Choice | None]] = []
        if self.choices:
            found += chosen(self.choices, source)
            self._met |= {each.said for each in self.choices if each.among(source)}
        else:
            # A channel's keyring comes by itself.
            others = (each for each in source.unlike(to) if not is_keyring_package(each.name))
            found += [(each, None) for each in others]
        for entry, choice in found:
            known = to.identity(entry.key)
            if known not in ("", entry.identity):
                raise _conflict(entry, self.to, known)
            if known and to.get(entry.key) is None and not (choice and choice.exact):
                self.withheld[title_of(entry)] = None
            elif to.get(entry.key) is None:
                yield entry


def _conflict(entry: Deb | Rpm | Download, to: str, known: str) -> IdentityConflictError:
    return IdentityConflictError(
        f"{title_of(entry)} was in channel {to} with other content",
        why=f"there: {known}\nnow:   {entry.identity}",
        hint="raise the package's revision: hosts take a version for the same for ever",
    )
