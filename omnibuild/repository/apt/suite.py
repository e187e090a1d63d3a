"""One apt suite: what its indexes say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from omnibuild.digests import Digest
from omnibuild.package.deb.control import render_paragraph
from omnibuild.repository import layout
from omnibuild.repository.apt.packing import Piece
from omnibuild.repository.state.channel import Index
from omnibuild.repository.state.entries import Deb
from omnibuild.repository.state.ledger import Ledger

ALL = "all"
UDEB = ".udeb"
# Where debian-installer looks, and nobody else.
INSTALLER = f"{layout.COMPONENT}/debian-installer"
_INSTALLER_LISTS = "installer/"


@dataclass(frozen=True)
class Suite:
    """One apt suite.

    Args:
        title: Origin and Label: who publishes.
        indexes: Packages files by architecture, each as pieces of text in a row.
        installer_indexes: the same of udebs, where there are any: hosts must not see them.
    """

    name: str
    title: str
    indexes: Mapping[str, Sequence[Piece]]
    installer_indexes: Mapping[str, Sequence[Piece]] = field(default_factory=dict)

    def packages_files(self) -> dict[str, Sequence[Piece]]:
        """Return the Packages files by their path in the suite."""
        places = ((layout.COMPONENT, self.indexes), (INSTALLER, self.installer_indexes))
        return {
            f"{place}/binary-{architecture}/Packages": pieces
            for place, indexes in places
            for architecture, pieces in sorted(indexes.items())
        }


def list_of(deb: Deb) -> str:
    """Return the list of a suite in which a package is: that of its architecture, or of udebs."""
    installer = _INSTALLER_LISTS if deb.path.endswith(UDEB) else ""
    return f"{installer}{deb.architecture}"


def suite_of(index: Index[Deb], name: str, title: str) -> Suite:
    """Return a suite with what a channel holds for it."""
    installer = any(architecture.startswith(_INSTALLER_LISTS) for architecture in index.lists)
    return Suite(
        name,
        title,
        _indexes(index, ""),
        _indexes(index, _INSTALLER_LISTS) if installer else {},
    )


def _indexes(index: Index[Deb], lists: str) -> dict[str, Sequence[Piece]]:
    """Return the pieces for each architecture: its own packages, then those for all."""
    found: dict[str, Sequence[Piece]] = {}
    for architecture in index.architectures:
        names = dict.fromkeys((architecture, ALL))
        ledgers = [index.lists[f"{lists}{n}"] for n in names if f"{lists}{n}" in index.lists]
        found[architecture] = [piece for ledger in ledgers for piece in _pieces(ledger)]
    return found


def _pieces(ledger: Ledger[Deb]) -> Iterator[Piece]:
    for number, leaf in enumerate(ledger.leaves):
        yield Piece(leaf.digest, partial(_text, ledger, number))


def _text(ledger: Ledger[Deb], number: int) -> bytes:
    return "".join(f"{deb.stanza}\n" for deb in ledger.entries(number)).encode()


def stanza(control: Mapping[str, str], *, path: str, size: int, digest: Digest) -> str:
    """Return a package's paragraph in Packages: its control file, and where its bytes are."""
    file = {"Filename": path, "Size": str(size), "SHA256": digest}
    return render_paragraph({**control, **file})
