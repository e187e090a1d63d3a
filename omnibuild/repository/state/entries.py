"""What a repository lists: one class for each family of packages."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Struct, UnsetType

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.patterns import regex
from omnibuild.repository import layout

NOARCH = "noarch"
# What releases call it.
YANK = "yank"

# A name may end in a number, and no version of ours holds a hyphen.
_TARBALL = regex(r"(.+)-([0-9][^-]*)-(linux-[^-]+)\.tar\.\w+")
_PEX = regex(r"(.+?)-([0-9][^-]*)(?:-(linux-[^-]+))?\.pex")


class Change(Struct, frozen=True, array_like=True):
    """An entry of a package's changelog; ``date`` in seconds since 1970, 0 if nobody knows."""

    version: str
    date: int
    author: str
    text: str


class Deb(Struct, frozen=True, kw_only=True):
    """A .deb in the pool.

    ``stanza`` is its paragraph in Packages, ``changes`` are the newest of its changelog;
    ``manifest`` is the digest of what it says that it is made of.
    """

    name: str
    version: str
    architecture: str
    summary: str
    digest: Digest
    size: int
    path: str
    stanza: str
    changes: tuple[Change, ...] = ()
    manifest: Digest | UnsetType = UNSET

    @property
    def key(self) -> str:
        """Its place in a ledger."""
        return f"{self.name} {self.path}"

    @property
    def identity(self) -> Digest:
        """What makes it the same package."""
        return self.digest


class Rpm(Struct, frozen=True, kw_only=True):
    """An .rpm of a yum tree.

    ``identity`` is the digest of its main header, which no signature changes; ``digest`` that of
    the signed file. ``primary`` and ``other`` are its elements in the metadata; its file list can
    take a megabyte and is kept apart.
    """

    name: str
    version: str
    architecture: str
    summary: str
    identity: Digest
    digest: Digest
    size: int
    path: str
    primary: str
    other: str
    # Fingerprint of the key that it is signed with.
    signed_by: str = ""
    manifest: Digest | UnsetType = UNSET

    @property
    def key(self) -> str:
        """Its place in a ledger."""
        return f"{self.name} {self.path}"


class Download(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tarball or a PEX file in ``downloads/``."""

    name: str
    digest: Digest
    size: int
    # Of the list of its layers; empty for what stays whole.
    layers: Digest = ""
    manifest: Digest = ""

    @property
    def key(self) -> str:
        """Its place in a ledger."""
        return f"{self.parts[0]} {layout.download_path(self.name)}"

    @property
    def identity(self) -> Digest:
        """What makes it the same file."""
        return self.digest

    @property
    def is_pex(self) -> bool:
        """Whether it is a PEX file."""
        return self.name.endswith(".pex")

    @property
    def parts(self) -> tuple[str, str, str]:
        """The package's name, version and architecture, as far as the file's name says them."""
        found = (_PEX if self.is_pex else _TARBALL).fullmatch(self.name)
        name, version, architecture = found.groups("") if found else (self.name, "", "")
        return name, version, architecture


class Reference(Struct, frozen=True):
    """What else an advisory is called, or where more is said of it."""

    kind: str
    name: str
    address: str


class Advisory(Struct, frozen=True, kw_only=True):
    """What packages of yum mend; hosts are told of those that a tree lists.

    ``issued`` and ``updated`` are in seconds since 1970, ``packages`` are keys of rpms.
    """

    name: str
    title: str
    severity: str
    description: str
    issued: int
    updated: int
    references: tuple[Reference, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its place in a ledger."""
        return f"{self.name} advisory"

    @property
    def identity(self) -> Digest:
        """What makes it the same."""
        return digests.of_bytes(msgspec.json.encode(self))


class Yank(Struct, frozen=True, kw_only=True):
    """What was taken out of a channel for a reason.

    Args:
        name: the package.
        version: as its format says it; of a file, as its name says it.
        title: what people call it, as the log does.
        reason: why.
        time: when, in seconds since 1970.
    """

    name: str
    version: str
    title: str
    reason: str
    time: int

    @classmethod
    def of(cls, title: str, reason: str, time: int) -> Yank:
        """Return the yank of what is called that."""
        name, blank, rest = title.partition(" ")
        version = rest.rpartition(" (")[0]
        if not blank:  # the name of a file
            name, version, _ = Download(name=title, digest="", size=0).parts
        return cls(name=name, version=version, title=title, reason=reason, time=time)

    @property
    def key(self) -> str:
        """Its place in a ledger."""
        return f"{self.name} {self.title}"

    @property
    def identity(self) -> Digest:
        """Nothing: what comes back leaves no trace here."""
        return ""


def yanked(action: str, removed: Iterable[str], reason: str, time: int) -> list[Yank]:
    """Return what a release says was yanked: nothing, unless that was what it was for."""
    return [Yank.of(title, reason, time) for title in removed] if action == YANK else []


def key_of(path: str, name: str) -> str:
    """Return the place of what lies at ``path``, whatever its family."""
    return f"{name} {path}"
