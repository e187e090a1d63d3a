"""What a repository holds, recorded in the repository itself.

A channel's state keeps the index entries of its packages, ready to be concatenated: adding one
package reads one file, not all packages. It is written before the indexes are, and indexes are
always derived from it, so that whoever publishes next completes what a killed publisher began.
"""

from __future__ import annotations

import re
import secrets
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, SigningKeyError, Where
from omnibuild.repository import layout
from omnibuild.repository.clients.systems import HostSystem
from omnibuild.repository.target import Target
from omnibuild.signing.signer import Signer

S = TypeVar("S", bound=Struct)

_TITLE_FOREIGN = re.compile(r"[^\w.&+'-]+")
_NAME_FOREIGN = re.compile(r"[^a-z0-9]+")


class Deb(Struct, frozen=True, kw_only=True):
    """A .deb in the pool; ``stanza`` is its paragraph in Packages."""

    name: str
    version: str
    architecture: str
    summary: str
    digest: Digest
    size: int
    path: str
    stanza: str


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


class Download(Struct, frozen=True, kw_only=True):
    """A tarball in ``downloads/``."""

    name: str
    digest: Digest
    size: int


class Index(Struct, kw_only=True):
    """An apt suite or a yum tree: its architectures and the identities of its packages."""

    architectures: list[str] = field(default_factory=list)
    packages: list[Digest] = field(default_factory=list)

    def add_architecture(self, architecture: str) -> None:
        """Have an index for ``architecture``, from now on also when it is empty."""
        self.architectures = sorted({*self.architectures, architecture})

    def add_package(self, identity: Digest) -> bool:
        """List a package at the end, once; tell whether it is new."""
        new = identity not in self.packages
        if new:
            self.packages.append(identity)
        return new


class Channel(Struct, kw_only=True):
    """What one channel holds, packages by identity, suites and trees by name.

    ``withdrawn`` are identities of what it held once, by the path.
    """

    debs: dict[Digest, Deb] = field(default_factory=dict)
    rpms: dict[Digest, Rpm] = field(default_factory=dict)
    downloads: dict[str, Download] = field(default_factory=dict)
    suites: dict[str, Index] = field(default_factory=dict)
    trees: dict[str, Index] = field(default_factory=dict)
    withdrawn: dict[str, Digest] = field(default_factory=dict)

    def withdraw(self, name: str, version: str = "") -> list[str]:
        """Take out a package, or one version of it; return what it was, as people call it.

        What it was stays known by its path: hosts that have it would take no other for it.
        """
        held: list[Deb | Rpm] = [*self.debs.values(), *self.rpms.values()]
        gone = [item for item in held if item.name == name and version in ("", item.version)]
        for item in gone:
            identity = item.identity if isinstance(item, Rpm) else item.digest
            self.withdrawn[item.path] = identity
            self.debs.pop(identity, None)
            self.rpms.pop(identity, None)
            for index in (*self.suites.values(), *self.trees.values()):
                index.packages = [other for other in index.packages if other != identity]
        download = None if version else self.downloads.pop(name, None)
        if download:
            self.withdrawn[layout.download_path(name)] = download.digest
        titles = [f"{item.name} {item.version} ({item.architecture})" for item in gone]
        return [*titles, *([name] if download else [])]

    def suite(self, name: str) -> Index:
        """Return a suite, made when it is not there."""
        return self.suites.setdefault(name, Index())

    def tree(self, name: str) -> Index:
        """Return a yum tree, made when it is not there."""
        return self.trees.setdefault(name, Index())

    def debs_of(self, suite: str) -> list[Deb]:
        """Return the packages of a suite in the order they were published."""
        return [self.debs[identity] for identity in self.suites[suite].packages]

    def rpms_of(self, tree: str) -> list[Rpm]:
        """Return the packages of a yum tree in the order they were published."""
        return [self.rpms[identity] for identity in self.trees[tree].packages]


class Repository(Struct, kw_only=True):
    """What is true of all channels.

    ``name`` is in every host's configuration (keyring, sources), so it never changes, and no two
    repositories have the same: it ends in ``identity``, which was drawn for this one. Repositories
    of earlier releases had none; ``former_names`` are what their hosts know.
    """

    name: str
    title: str
    fingerprint: str
    base_url: str = ""
    identity: str = ""
    former_names: tuple[str, ...] = ()
    systems: dict[str, HostSystem] = field(default_factory=dict)


def load_repository(target: Target) -> Repository | None:
    """Read what is true of all channels; nothing in an empty directory."""
    return _load(target, layout.REPOSITORY_STATE, Repository)


def record_of(known: Repository | None, signer: Signer, base_url: str) -> Repository:
    """Return what is true from now on; raises :class:`SigningKeyError` for another's key."""
    if known and known.fingerprint != signer.fingerprint:
        raise SigningKeyError(
            "the repository belongs to another key, the only one that its hosts trust",
            why=f"repository: {known.fingerprint}\nthis key:   {signer.fingerprint}",
            hint="publish with the repository's key",
        )
    # Hosts pin by the title, and a pin's own syntax must not be in it.
    owner = _TITLE_FOREIGN.sub(" ", signer.user_id.partition("<")[0]).strip() or "Packages"
    title = known.title if known else owner
    if known and known.identity:
        identity, name, former_names = known.identity, known.name, known.former_names
    else:
        # Neither the title nor the key tells two repositories of one person apart.
        identity = secrets.token_hex(4)
        name = f"{_NAME_FOREIGN.sub('-', title.lower()).strip('-') or 'packages'}-{identity}"
        former_names = (known.name,) if known else ()
    return Repository(
        name=name,
        title=title,
        fingerprint=signer.fingerprint,
        base_url=base_url or (known.base_url if known else ""),
        identity=identity,
        former_names=former_names,
        systems=dict(known.systems) if known else {},
    )


def load_channels(target: Target) -> dict[str, Channel]:
    """Read what all channels hold, by their names."""
    found = {}
    for name in sorted(target.names(layout.CHANNEL_STATES)):
        path = f"{layout.CHANNEL_STATES}/{name}"
        channel = _load(target, path, Channel)
        if channel is None:
            # To go on with nothing would take all packages of the channel away.
            raise _unreadable(target, path, "it is empty, or leads nowhere")
        found[name.removesuffix(".json")] = channel
    return found


def save(target: Target, path: str, state: Repository | Channel) -> None:
    """Write a state in one step."""
    target.put(path, msgspec.json.encode(state) + b"\n")


def _load(target: Target, path: str, kind: type[S]) -> S | None:
    data = target.read(path)
    if not data:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(target, path, str(error)) from error


def _unreadable(target: Target, path: str, why: str) -> RepositoryError:
    return RepositoryError(
        "the repository's own state cannot be read",
        where=Where(str(target.root / path)),
        why=why,
        hint="restore this file from a backup; the packages themselves are untouched",
    )
