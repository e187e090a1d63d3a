"""What nfpm wrote, read back: it must be what it was told, to the last bit of a mode."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from omnibuild.errors import PackageError
from omnibuild.package.opening.opened import open_package
from omnibuild.package.system_directories import is_system_directory
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Entry, Kind

_SHOWN = 10


def check_written(
    path: Path, identity: tuple[str, str, str], members: Iterable[Entry], scratch: Path
) -> None:
    """Check that a package says what it is, and holds exactly these members.

    Files that were damaged in the store are found so, too: members have digests.

    Args:
        path: the package.
        identity: its name, its version and its architecture.
        members: what it must hold; of the system's directories it may name what it needs.
        scratch: an existing directory for its contents, empty.

    Raises:
        PackageError: it holds something else.
    """
    opened = open_package(path, scratch, Limits())
    metadata = opened.payload.metadata
    said = (metadata.name, metadata.version, opened.architecture)
    if said != identity:
        raise PackageError(
            f"nfpm wrote {path.name}, and not what it was told",
            why=f"it says that it is {' '.join(said)}, not {' '.join(identity)}",
            hint="another version of nfpm may do better",
        )
    expected = _alike(members)
    found = _alike(e for e in opened.payload.tree.entries if not is_system_directory(e))
    differing = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    if differing:
        raise PackageError(
            f"nfpm wrote {path.name}, and not what it was told: {', '.join(differing[:_SHOWN])}",
            why=f"first: {found.get(differing[0])}\nnot {expected.get(differing[0])}",
            hint="heal the store, then build again: omnibuild cache verify; if it stays, another"
            " version of nfpm may do better",
        )


def _alike(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    """Return entries by their paths, hard links as files of their own, as nfpm writes them."""
    found = {entry.path: entry for entry in entries}
    alike = {}
    for path, entry in found.items():
        if entry.kind is Kind.HARDLINK:
            entry = replace(found[entry.target], path=path)
        if entry.kind is Kind.SYMLINK:
            entry = replace(entry, mode=0o777, target=posixpath.normpath(entry.target))
        alike[path] = entry
    return alike
