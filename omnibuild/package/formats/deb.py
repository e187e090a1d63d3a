"""The row of Debian's format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from omnibuild.package.compression import libraries_of
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.formats.format import Format, symbols_payload, whole
from omnibuild.package.relations import relation_faults, say_as_dpkg
from omnibuild.payload.model import Metadata, Payload, Relations
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Debian
from omnibuild.tree import Entry, Kind, Tree


def _libraries(settings: Debian) -> dict[str, str]:
    # Its control archive is of gzip, whatever compresses the data.
    return libraries_of(settings.compression, "gzip")


def _symbols(payload: Payload, settings: Debian, root: Path, tree: Tree) -> Payload:
    """As debhelper makes them: for one version of the package, whose documents are its own."""
    ending = "-dbgsym"
    found = symbols_payload(payload, root, tree, ending)
    app = payload.metadata
    link = Entry(f"usr/share/doc/{app.name}{ending}", Kind.SYMLINK, 0o777, target=app.name)
    version = app.full_version(app.revision + settings.revision_suffix)
    metadata = replace(
        found.metadata,
        section="debug",
        priority="optional",
        relations=Relations(depends=(f"{app.name} (= {version})",)),
    )
    return replace(found, metadata=metadata, tree=Tree.of((*tree.entries, link)))


def _faults(metadata: Metadata) -> Iterator[Fault]:
    return relation_faults(metadata, "deb", say_as_dpkg)


# The suite it is published in does not change the file.
DEB: Final = Format(
    Debian,
    _libraries,
    _faults,
    whole(write_deb),
    elsewhere=frozenset({"suite-suffix"}),
    symbols=_symbols,
)
