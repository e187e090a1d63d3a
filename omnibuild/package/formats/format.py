"""What a format of packages is to the rest: a row of :mod:`omnibuild.package.formats`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from omnibuild.digests import Digest
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import Effort
from omnibuild.payload.model import Metadata, Payload, Relations
from omnibuild.recipe.located import Fault
from omnibuild.tree import Tree

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Base:
    """The file system of a root, on which an app is laid.

    Args:
        tree: what it holds.
        directory: where its files are.
    """

    tree: Tree
    directory: Path


@dataclass(frozen=True)
class Kept:
    """A file that need not be made again.

    Args:
        path: where it is.
        digest: SHA-256 of the file.
        told: the digest that was returned when it was made.
    """

    path: Path
    digest: Digest
    told: Digest


# Makes a file of what a key says, as JSON data, or finds the one that was made before. What writes
# the file returns a digest to keep with it.
Keep = Callable[[Any, Callable[[IO[bytes]], Digest]], Kept]


@dataclass(frozen=True)
class Making:
    """How and of what an artifact is made, besides the payload and the platform's settings.

    Args:
        directory: where its file goes; it exists.
        effort: how hard to compress.
        parts: the placed trees that the payload was made of, in the order in which they were
            united, for formats that keep or tell them apart.
        base: what lies beneath the app, for formats that bring all of a file system.
        keep: makes the pieces of a file that other files may have, too.
    """

    directory: Path
    effort: Effort = "release"
    parts: Mapping[str, Tree] = field(default_factory=dict)
    base: Base | None = None
    keep: Keep | None = None


@dataclass(frozen=True)
class Format(Generic[Settings]):
    """One format of packages.

    Args:
        settings: what a platform says about it; the type says which format a platform has.
        elsewhere: keys of the settings, as in a definition, that change no byte of a file.
        libraries: versions of the libraries that decide the bytes of a file, by their names.
        faults: what of a recipe the format cannot express, of what that says of its packages.
        write: writes a payload; raises :class:`PackageError`. None for a format of wheels, which
            has a kind of action of its own.
        apart: whether files of the format keep the parts of an app apart, or tell them.
        base: name of the root that lies beneath the app in files of the format; empty for formats
            that have none.
        symbols: makes the payload of the app's debug symbols, of that of the app, the settings,
            and the directory and the tree with them; none for formats without packages of these.
        left_out: kinds of relations to other packages that nobody needs, and that the format has
            no words for.
        rights: whether its packages give files of ``[files]`` an owner and capabilities.
    """

    settings: type[Settings]
    libraries: Callable[[Settings], Mapping[str, str]]
    faults: Callable[[Metadata], Iterable[Fault]]
    write: Callable[[Payload, Settings, Making], Artifact] | None
    elsewhere: frozenset[str] = frozenset()
    apart: bool = False
    base: Callable[[Settings], str] = lambda settings: ""
    symbols: Callable[[Payload, Settings, Path, Tree], Payload] | None = None
    left_out: tuple[str, ...] = ()
    rights: bool = True


def symbols_payload(payload: Payload, root: Path, tree: Tree, ending: str) -> Payload:
    """Return the payload of a package with the debug symbols of an app.

    Args:
        payload: of the app.
        root: directory that stands for the host's ``/``, with the symbols alone.
        tree: what is in it.
        ending: of the package's name.
    """
    metadata = payload.metadata
    described = f"What debuggers say of the programs and libraries of {metadata.name}."
    return Payload(
        replace(
            metadata,
            name=f"{metadata.name}{ending}",
            summary=f"debug symbols for {metadata.name}",
            description=described,
            relations=Relations(),
            overrides={},
            depends={},
        ),
        root,
        tree,
        payload.prefix,
    )


def whole(
    write: Callable[[Payload, Settings, Path, Effort], Artifact],
) -> Callable[[Payload, Settings, Making], Artifact]:
    """Return the writer of a format for which an app is one whole."""
    return lambda payload, settings, making: write(
        payload, settings, making.directory, making.effort
    )
