"""One apt suite: what its indexes say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct

from omnibuild.digests import Digest
from omnibuild.package.deb.paragraph import render_paragraph
from omnibuild.repository import layout
from omnibuild.repository.apt.contents import contents_text
from omnibuild.repository.apt.packing import Piece
from omnibuild.repository.state.channel import Index
from omnibuild.repository.state.entries import Deb
from omnibuild.repository.state.ledger import Ledger
from omnibuild.repository.targets.target import KEPT_SECONDS

ALL = "all"
UDEB = ".udeb"
# Where debian-installer looks in each component, and nobody else.
INSTALLER = "debian-installer"
_INSTALLER_LISTS = "installer/"


class Suite(Struct, frozen=True):
    """One apt suite.

    Args:
        title: Origin and Label: who publishes.
        indexes: files by their path in the suite, each as pieces of text in a row.
        valid: for how many seconds hosts take what is signed; 0: for ever.
        kept: for how many seconds readers in flight find what was replaced.
    """

    name: str
    title: str
    architectures: Sequence[str]
    components: Sequence[str]
    indexes: Mapping[str, Sequence[Piece]]
    valid: int = 0
    kept: float = KEPT_SECONDS


def list_of(deb: Deb) -> str:
    """Return the list of a suite in which a package is: of its component and architecture.

    Udebs are in lists of their own: hosts must not see them.
    """
    installer = _INSTALLER_LISTS if deb.path.endswith(UDEB) else ""
    return f"{_lists_of(layout.component_of(deb.path))}{installer}{deb.architecture}"


def suite_of(
    index: Index[Deb],
    name: str,
    title: str,
    components: Sequence[str],
    valid: int = 0,
    *,
    contents: bool = False,
) -> Suite:
    """Return a suite with what a channel holds for it; with ``contents`` also which files."""
    indexes: dict[str, Sequence[Piece]] = {}
    for component in components:
        lists = _lists_of(component)
        indexes |= _packages_files(component, index, lists)
        if contents:
            indexes |= _contents_files(component, index, lists)
        if any(each.startswith(f"{lists}{_INSTALLER_LISTS}") for each in index.lists):
            place = f"{component}/{INSTALLER}"
            indexes |= _packages_files(place, index, f"{lists}{_INSTALLER_LISTS}")
    return Suite(name, title, index.architectures, components, indexes, valid)


def _lists_of(component: str) -> str:
    """Return how the lists of a component begin: as before there was another, those of main."""
    return "" if component == layout.COMPONENT else f"{component}:"


def _packages_files(place: str, index: Index[Deb], lists: str) -> dict[str, Sequence[Piece]]:
    """Return a Packages file for each architecture: its own packages, then those for all."""
    return {
        f"{place}/binary-{architecture}/Packages": _pieces(_text, ledgers)
        for architecture, ledgers in _ledgers(index, lists)
    }


def _contents_files(place: str, index: Index[Deb], lists: str) -> dict[str, Sequence[Piece]]:
    """Return a Contents file for each architecture, of the same packages."""
    return {
        f"{place}/Contents-{architecture}": _pieces(_paths, ledgers)
        for architecture, ledgers in _ledgers(index, lists)
    }


def _ledgers(index: Index[Deb], lists: str) -> Iterator[tuple[str, list[Ledger[Deb]]]]:
    for architecture in index.architectures:
        names = dict.fromkeys((f"{lists}{architecture}", f"{lists}{ALL}"))
        yield architecture, [index.lists[name] for name in names if name in index.lists]


def _pieces(
    text: Callable[[Ledger[Deb], int], bytes], ledgers: Iterable[Ledger[Deb]]
) -> list[Piece]:
    return [
        Piece(leaf.digest, partial(text, ledger, number))
        for ledger in ledgers
        for number, leaf in enumerate(ledger.leaves)
    ]


def _paths(ledger: Ledger[Deb], number: int) -> bytes:
    return contents_text(ledger.target, ledger.entries(number))


def _text(ledger: Ledger[Deb], number: int) -> bytes:
    return "".join(f"{deb.stanza}\n" for deb in ledger.entries(number)).encode()


def stanza(control: Mapping[str, str], *, path: str, size: int, digest: Digest) -> str:
    """Return a package's paragraph in Packages: its control file, and where its bytes are."""
    file = {"Filename": path, "Size": str(size), "SHA256": digest}
    return render_paragraph({**control, **file})
