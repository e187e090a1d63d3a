"""One apt suite: what its indexes say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from omnibuild.digests import Digest
from omnibuild.package.deb.control import render_paragraph
from omnibuild.repository import layout
from omnibuild.repository.state import Channel, Deb

ALL = "all"
UDEB = ".udeb"
# Where debian-installer looks, and nobody else.
INSTALLER = f"{layout.COMPONENT}/debian-installer"
# Packages in one piece of an index, which is compressed for itself.
PIECE = 256


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
    indexes: Mapping[str, Sequence[bytes]]
    installer_indexes: Mapping[str, Sequence[bytes]] = field(default_factory=dict)

    def packages_files(self) -> dict[str, Sequence[bytes]]:
        """Return the Packages files by their path in the suite."""
        places = ((layout.COMPONENT, self.indexes), (INSTALLER, self.installer_indexes))
        return {
            f"{place}/binary-{architecture}/Packages": pieces
            for place, indexes in places
            for architecture, pieces in sorted(indexes.items())
        }


def suite_of(channel: Channel, name: str, title: str) -> Suite:
    """Return a suite with what the channel holds for it."""
    debs = channel.debs_of(name)
    installer = [deb for deb in debs if deb.path.endswith(UDEB)]
    architectures = channel.suites[name].architectures
    return Suite(
        name,
        title,
        _indexes([deb for deb in debs if not deb.path.endswith(UDEB)], architectures),
        _indexes(installer, architectures if installer else ()),
    )


def _indexes(debs: Sequence[Deb], architectures: Iterable[str]) -> dict[str, Sequence[bytes]]:
    return {
        architecture: packages_index(
            [deb for deb in debs if deb.architecture in (architecture, ALL)]
        )
        for architecture in architectures
    }


def packages_index(debs: Sequence[Deb]) -> list[bytes]:
    """Return the text of Packages, in pieces."""
    return [
        "".join(f"{deb.stanza}\n" for deb in debs[start : start + PIECE]).encode()
        for start in range(0, len(debs), PIECE)
    ]


def stanza(control: Mapping[str, str], *, path: str, size: int, digest: Digest) -> str:
    """Return a package's paragraph in Packages: its control file, and where its bytes are."""
    file = {"Filename": path, "Size": str(size), "SHA256": digest}
    return render_paragraph({**control, **file})
