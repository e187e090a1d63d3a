"""What a repository holds, recorded in the repository itself.

One small file, the head, names the present release of each channel. A release never changes: it
names the one before, who published it, and its packages' leaves. Whoever publishes writes what is
new, and then replaces the head if that is still the one that was read: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, Where
from omnibuild.patterns import regex
from omnibuild.repository import layout
from omnibuild.repository.clients.systems import HostSystem
from omnibuild.repository.keys.trusted import TrustedKey, check_signers, known_keys
from omnibuild.repository.state.channel import Channel, Contents
from omnibuild.repository.state.damage import UNREADABLE, unreadable
from omnibuild.repository.targets.target import KEPT_SECONDS, Target
from omnibuild.signing.signer import Signer

S = TypeVar("S", bound=Struct)

_TITLE_FOREIGN = regex(r"[^\w.&+'-]+")
_NAME_FOREIGN = regex(r"[^a-z0-9]+")


class Keyring(Struct, frozen=True):
    """The package that brings the keys to hosts: its version, and what it was made of.

    ``digest`` is of its files; ``source`` is equal where the same files are made.
    """

    serial: int = 0
    digest: Digest = ""
    source: Digest = ""


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
    systems: dict[str, HostSystem] = msgspec.field(default_factory=dict)
    # What hosts trust, oldest first, and who of them signs besides the key of ``fingerprint``.
    keys: tuple[TrustedKey, ...] = ()
    cosigners: tuple[str, ...] = ()
    keyring: Keyring = Keyring()
    # Those of each apt suite, in the order in which they came.
    components: tuple[str, ...] = (layout.COMPONENT,)
    # For so many days apt hosts take what is signed; 0: for ever.
    valid_days: int = 0
    # For so long hosts and mirrors that began with an older state find its indexes.
    kept_seconds: int = KEPT_SECONDS
    # Whether suites tell which files are in packages.
    contents: bool = False

    @property
    def signers(self) -> tuple[str, ...]:
        """Who signs, by fingerprint; the first signs what has one signature."""
        return (self.fingerprint, *self.cosigners)

    def certificate(self, fingerprint: str) -> bytes:
        """Return a trusted key as hosts get it; empty when it is not known."""
        found = (key.certificate for key in self.keys if key.fingerprint == fingerprint)
        return next(found, "").encode()


class Author(Struct, frozen=True):
    """Who published, when (seconds since 1970), by what command, and from which build."""

    name: str
    time: int
    action: str
    build: str = ""


class Release(Struct, frozen=True, kw_only=True):
    """One state of a channel; ``before`` is the one that it followed.

    ``origin`` is a release of which it took packages over: of another channel, or an earlier one;
    ``reason`` is what somebody said of it.
    """

    channel: str
    contents: Contents
    author: Author
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    before: Digest = ""
    origin: Digest = ""
    reason: str = ""


class Head(Struct, frozen=True, kw_only=True):
    """The present: what is true of all channels, and the release of each by its digest.

    ``seal`` is the digest of all else: a damaged document may still be one. ``removals`` counts how
    often that was begun or done which :mod:`.removals` is about: odd, while it is going on.
    """

    repository: Repository
    releases: dict[str, Digest]
    generation: int = 0
    seal: Digest = ""
    removals: int | msgspec.UnsetType = msgspec.UNSET

    @property
    def sealed(self) -> Head:
        """The same with its seal."""
        plain = msgspec.structs.replace(self, seal="")
        return msgspec.structs.replace(self, seal=digests.of_bytes(msgspec.json.encode(plain)))

    def encoded(self) -> bytes:
        """Return it as it is written."""
        return msgspec.json.encode(self.sealed) + b"\n"


class State(Struct):
    """A repository as it was read; what is changed here is written by :meth:`commit`.

    Args:
        head: nothing when there is no repository yet.
        channels: what they hold, by their names.
    """

    target: Target
    head: Head | None
    channels: dict[str, Channel]
    _read: bytes = b""
    _releases: dict[str, Release] = field(default_factory=dict)

    @property
    def repository(self) -> Repository | None:
        """What is true of all channels."""
        return self.head.repository if self.head else None

    @property
    def releases(self) -> Mapping[str, Digest]:
        """The present release of each channel."""
        return self.head.releases if self.head else {}

    def channel(self, name: str) -> Channel:
        """Return a channel, made when it is not there."""
        return self.channels.setdefault(name, Channel.of(self.target))

    @property
    def contents(self) -> Mapping[str, Contents]:
        """What the channels held when the state was read."""
        return {name: release.contents for name, release in self._releases.items()}

    def adopt(self, other: State) -> None:
        """Go on with what somebody wrote, or this publisher itself."""
        self.head, self.channels = other.head, other.channels
        self._read, self._releases = other._read, other._releases

    def commit(self, repository: Repository, releases: Mapping[str, Release]) -> bool:
        """Have some channels at releases, if they hold anything new; tell as :meth:`replace`."""
        named = dict(self.head.releases) if self.head else {}
        for name, release in releases.items():
            known = self._releases.get(name)
            if known is None or known.contents != release.contents:
                named[name] = write_release(self.target, release)
        if self.head and (self.head.repository, self.head.releases) == (repository, named):
            return self.target.read(layout.HEAD) == self._read
        head = self.head or Head(repository=repository, releases={})
        return self.replace(msgspec.structs.replace(head, repository=repository, releases=named))

    def replace(self, head: Head) -> bool:
        """Have another head; tell whether nobody else was faster."""
        head = msgspec.structs.replace(head, generation=head.generation + 1)
        return self.target.put_if(layout.HEAD, head.encoded(), self._read)


def load(target: Target) -> State:
    """Read the present; raises :class:`RepositoryError` when that cannot be."""
    data = target.read(layout.HEAD)
    if not data and target.exists(layout.HEAD):
        # It is empty, or somebody has just begun the repository.
        data = target.read(layout.HEAD)
    elif not data:
        if target.exists(layout.EARLIER):
            raise RepositoryError(
                "the repository was written by an omnibuild that kept its state in another way",
                where=Where(target.place(layout.EARLIER)),
                hint="publish the packages into a new directory, with the same key",
            )
        return State(target, None, {})
    head = read_head(target, data)
    releases = {name: read_release(target, digest) for name, digest in head.releases.items()}
    channels = {name: Channel.of(target, each.contents) for name, each in releases.items()}
    return State(target, head, channels, data, releases)


def read_head(target: Target, data: bytes) -> Head:
    """Return the head of these bytes; raises :class:`RepositoryError` when they are none."""
    return _head_of(target, layout.HEAD, data)


def read_shown(target: Target) -> Head | None:
    """Return the head that readers were last shown; nothing while they are shown another one."""
    with suppress(RepositoryError):
        return _head_of(target, layout.SHOWN, target.read(layout.SHOWN))
    return None  # Damaged or not there: then all is looked through.


def _head_of(target: Target, path: str, data: bytes) -> Head:
    head = _decoded(target, path, data, Head)
    if head.seal not in ("", head.sealed.seal):
        raise unreadable(target, path, "it is not what was written")
    return head


def read_release(target: Target, digest: Digest) -> Release:
    """Read a release.

    Raises :class:`RepositoryError` when it is not there, or not what its name says.
    """
    path = layout.release(digest)
    data = target.read(path)
    if digests.of_bytes(data) != digest:
        raise unreadable(target, path, "it is not what its name says")
    return _decoded(target, path, data, Release)


def write_release(target: Target, release: Release) -> Digest:
    """Write a release; return its digest."""
    data = msgspec.json.encode(release) + b"\n"
    digest = digests.of_bytes(data)
    target.put(layout.release(digest), data)
    return digest


def history(target: Target, digest: Digest) -> Iterator[tuple[Digest, Release]]:
    """Yield a release and those before it, the newest first, as far as they are kept."""
    while digest and target.exists(layout.release(digest)):
        release = read_release(target, digest)
        yield digest, release
        digest = release.before


def record_of(known: Repository | None, signer: Signer, base_url: str) -> Repository:
    """Return what is true from now on; raises :class:`SigningKeyError` for another's key."""
    if known:
        check_signers(known.keys, known.signers, signer)
    # Hosts pin by the title, and a pin's own syntax must not be in it.
    owner = _TITLE_FOREIGN.sub(" ", signer.user_id.partition("<")[0]).strip() or "Packages"
    title = known.title if known else owner
    if known and known.identity:
        identity, name, former_names = known.identity, known.name, known.former_names
    else:  # Neither the title nor the key tells two repositories of one person apart.
        import secrets  # once in the life of a repository

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
        keys=known_keys(
            known.keys if known else (),
            [each.certificate for each in signer.all],
            new=not (known and known.keys),
        ),
        cosigners=tuple(each.fingerprint for each in signer.others),
        keyring=known.keyring if known else Keyring(),
        components=known.components if known else (layout.COMPONENT,),
        valid_days=known.valid_days if known else 0,
        kept_seconds=known.kept_seconds if known else KEPT_SECONDS,
        contents=bool(known and known.contents),
    )


def _decoded(target: Target, path: str, data: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(data, type=kind)
    except UNREADABLE as error:
        raise unreadable(target, path, str(error)) from error
