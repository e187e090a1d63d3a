"""What is inside a package: what it says of itself, and how many bytes each part of it takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from omnibuild.audit.owners import Brings
from omnibuild.package.opening.opened import Opened
from omnibuild.package.opening.owners import brought, installed_by_parts, owners_in
from omnibuild.package.opening.said import Said
from omnibuild.tree import Kind

COMPONENT = "component"
# What nobody is known to have brought: units, launchers, documents.
REST = "everything else"
# The lowest layer of an image.
BASE = "the base of the image"


@dataclass(frozen=True)
class Inside:
    """A part of a package.

    Args:
        name: what it is and what it is called, as ``component zlib``.
        version: its version, if it has one.
        size: bytes of its files.
    """

    name: str
    version: str
    size: int


@dataclass(frozen=True)
class Inspected:
    """What is inside a package.

    Args:
        name: the package's; the file's where the format has none.
        version: ``[epoch:]version-revision``; empty where the format says none.
        architecture: as the format calls it; empty where it says none.
        said: its fields and scripts; what one says several times, as the shell of each script
            that an rpm requires, is there once.
        files: how many files it has.
        size: bytes that they take.
        parts: what they are of, the largest first.
    """

    name: str
    version: str
    architecture: str
    said: Said
    files: int
    size: int
    parts: tuple[Inside, ...]


def inspect(opened: Opened) -> Inspected:
    """Look into a package of any format, whoever made it."""
    payload = opened.payload
    owners = owners_in(payload)
    versions = dict(brought(payload, owners))
    sizes: Counter[str] = Counter()
    known = installed_by_parts(payload)
    # Of what was taken away since, as in an image of another, it says too much.
    if known and sum(known.values()) <= opened.above_base().tree.size:
        for part, size in known.items():
            sizes[_called(part, versions)] += size
    else:
        for entry in payload.tree.entries:
            if entry.kind is Kind.FILE and (owner := owners.known.get(entry.path)):
                sizes[f"{owner.kind} {owner.name}"] += entry.size
    if opened.base:
        sizes[BASE] = sum(e.size for e in payload.tree.entries if e.path in opened.base)
    if left := payload.tree.size - sizes.total():
        sizes[REST] = max(left, 0)
    ordered = sorted(sizes.items(), key=lambda pair: (pair[0] == REST, -pair[1], pair[0]))
    metadata = payload.metadata
    return Inspected(
        name=metadata.name,
        version=metadata.version,
        architecture=opened.architecture,
        said={name: tuple(dict.fromkeys(items)) for name, items in opened.said.items()},
        files=sum(entry.kind is not Kind.DIRECTORY for entry in payload.tree.entries),
        size=payload.tree.size,
        parts=tuple(Inside(name, versions.get(name, ""), size) for name, size in ordered),
    )


def _called(part: str, versions: dict[str, str]) -> str:
    """Return what a part of a plan is called beside what is known of the files."""
    kind, _, name = part.rpartition(":")
    if kind == "python":
        names = (f"{Brings.PROJECT} {name}", f"{Brings.DISTRIBUTION} {name}")
        return next((each for each in names if each in versions), names[1])
    return f"{COMPONENT} {name}" if kind in ("", "root") else "the recipe's own build"
