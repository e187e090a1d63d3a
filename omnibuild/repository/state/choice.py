"""Which packages somebody means by ``shop``, ``shop=1.4`` or the name of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from omnibuild.errors import UsageError
from omnibuild.repository import layout
from omnibuild.repository.state.entries import Deb, Download, Rpm
from omnibuild.repository.state.ledger import Ledger

E = TypeVar("E", Deb, Rpm, Download)


class Choice(Struct, frozen=True):
    """A package, one version of it, or one file of ``downloads/``.

    Args:
        said: the words in which it was said.
        version: whole, or without epoch and revision: then it is that of all formats and
            platforms. Empty: every version.
    """

    said: str
    name: str
    version: str = ""

    @classmethod
    def of(cls, words: str) -> Choice:
        """Read what somebody wrote."""
        name, equals, version = words.partition("=")
        if not name or (equals and not version):
            raise UsageError(f"{words!r} names no package", hint="write shop or shop=1.4.1")
        return cls(words, name, version)

    @property
    def exact(self) -> bool:
        """Whether it says more than a name."""
        return bool(self.version) or bool(layout.DOWNLOAD_NAME.fullmatch(self.name))

    def among(self, ledger: Ledger[E]) -> list[E]:
        """Return what is meant in a list; raises :class:`UsageError` for several versions of it."""
        if layout.DOWNLOAD_NAME.fullmatch(self.name):
            entry = ledger.get(Download(name=self.name, digest="", size=0).key)
            return [entry] if entry and not self.version else []
        named: list[E] = ledger.named(self.name)
        if not self.version:
            return named
        if exact := [each for each in named if version_of(each) == self.version]:
            return exact
        found = [each for each in named if self.version in versions_of(each)]
        versions = [version_of(each) for each in found]
        if len(set(versions)) > 1:
            raise UsageError(
                f"{self.said} is several versions",
                hint=f"say which: {', '.join(f'{self.name}={each}' for each in versions)}",
            )
        return found


def chosen(choices: Sequence[Choice], ledger: Ledger[E]) -> list[tuple[E, Choice]]:
    """Return what is meant in a list, and by which words: those that say most."""
    found: dict[str, tuple[E, Choice]] = {}
    for choice in sorted(choices, key=lambda each: each.exact):
        found |= {each.key: (each, choice) for each in choice.among(ledger)}
    return list(found.values())


def title_of(entry: Deb | Rpm | Download) -> str:
    """Return what people call it, as ``shop 1.4-1 (amd64)``."""
    if isinstance(entry, Download):
        return entry.name
    return f"{entry.name} {entry.version} ({entry.architecture})"


def version_of(entry: Deb | Rpm | Download) -> str:
    """Return its version: of a file, as its name says it."""
    return entry.parts[1] if isinstance(entry, Download) else entry.version


def versions_of(entry: Deb | Rpm | Download) -> Iterator[str]:
    """Yield how its version may be said: whole, without its epoch, without its revision."""
    version = version_of(entry)
    without_epoch = version.partition(":")[2] or version
    yield version
    yield without_epoch
    if not isinstance(entry, Download):
        yield without_epoch.rpartition("-")[0] or without_epoch
