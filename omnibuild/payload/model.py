"""The payload: an app's finished files with its host integration, whatever the package format.

A payload is a directory that stands for the host's file system (``opt/<app>/…``, ``etc/…``), and
plain data. On the host all is root's but configuration that says otherwise; what a service may
write is created there by the maintainer scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import IO, Any, Final

from omnibuild.digests import Digest
from omnibuild.tree import Entry, Kind, Tree


@dataclass(frozen=True)
class Relations:
    """Relations to other packages, in the words of dpkg."""

    depends: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    pre_depends: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()
    enhances: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """An entry of a changelog.

    Args:
        version: what was released.
        date: when, in seconds since 1970.
        author: who released it, as ``Name <address>``.
        items: what changed, a paragraph each.
    """

    version: str
    date: int
    author: str
    items: tuple[str, ...]


# Where debs have configuration files for postinst to lay, relative to the prefix.
DEFAULTS: Final = "share/omnibuild/defaults"

RELATIONS: Final = tuple(each.name for each in fields(Relations))


@dataclass(frozen=True)
class Metadata:
    """What a package says about itself.

    Args:
        version: as hosts order it, without an epoch.
        revision: packaging revision, without a platform's suffix.
        date: seconds since 1970 that every file and header carries (SOURCE_DATE_EPOCH).
        relations: those of all formats, in the words of dpkg.
        overrides: those that a format has instead, in its own words: format (``deb``, ``rpm``) to
            kind (``depends`` …) to relations.
        depends: what packages of a format depend on besides, in its own words.
        epoch: what goes before the version where it is not 0, as in ``1:2.0-1``.
        section: of a deb, as Debian's policy lists them.
        priority: of a deb, as ``optional``.
        group: of an rpm.
        changes: its changelog, the newest first.
    """

    name: str
    version: str
    revision: str
    summary: str
    description: str
    license: str
    maintainer: str
    homepage: str
    vendor: str
    date: int
    relations: Relations = field(default_factory=Relations)
    overrides: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    epoch: int = 0
    section: str = "misc"
    priority: str = "optional"
    group: str = "Unspecified"
    changes: tuple[Change, ...] = ()

    def full_version(self, revision: str) -> str:
        """Return ``[epoch:]version-revision``, by which hosts compare packages."""
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{epoch}{self.version}-{revision}"

    @property
    def deb_relations(self) -> Relations:
        """The relations of debs."""
        own = replace(self.relations, **self.overrides.get("deb", {}))
        return replace(own, depends=(*own.depends, *self.depends.get("deb", ())))


# Later additions, which are not written where nothing is said: the payloads of before stay as they
# were.
_ADDED = ("depends", "epoch", "section", "priority", "group", "changes")
_ADDED_KINDS = ("pre_depends", "suggests", "enhances", "breaks")


def _without_defaults(metadata: Metadata) -> dict[str, Any]:
    data, defaults = asdict(metadata), {each.name: each.default for each in fields(Metadata)}
    defaults["depends"] = {}
    for name in _ADDED:
        if data[name] == defaults[name]:
            del data[name]
    for kind in _ADDED_KINDS:
        if not data["relations"][kind]:
            del data["relations"][kind]
    return data


@dataclass(frozen=True)
class Container:
    """What an image of the app is to container engines.

    Args:
        entry: host path of the program that a container starts; empty where nothing is to start.
        port: where it answers; 0 for an app without a web server.
        user: name of the user that it runs as.
        directories: host paths of what it may write; the first is its data.
    """

    entry: str
    port: int
    user: str
    directories: tuple[str, ...]


@dataclass(frozen=True)
class Payload:
    """One app, ready to be packaged.

    Args:
        root: directory that stands for the host's ``/``.
        tree: what is in it; paths relative to ``root``, as ``opt/hello/bin/hello``.
        prefix: the app's directory on the host, as ``/opt/hello``.
        config_files: host paths that the operator may edit.
        owners: host path to user and group of what is not all root's.
        copies: host path to the place below the prefix of what a moved tree has besides.
        scripts: maintainer scripts by format (``deb``, ``rpm``), then by their name in that
            format (``preinst`` …, ``pre`` …); values are whole scripts.
        md5: MD5 of contents by their digest, as far as they are known.
        glibc: libraries of glibc that its programs load, and the symbol versions that they ask
            each for.
        only: host path to the formats whose packages have what is there, and all below it; others
            leave it out.
        capabilities: host path to what a program may do without being root, in the words of
            ``setcap``.
        contents: directory where contents are called by their digests, if they are not in their
            places below ``root``.
        ghosts: host path of each file that comes into being on hosts, and goes with the package, to
            the formats whose packages know it; all when empty.
        odd: paths that not each format can hold, to the part that brought them.
        container: what an image starts; None for an app with nothing to start and no user.
    """

    metadata: Metadata
    root: Path
    tree: Tree
    prefix: str
    config_files: tuple[str, ...] = ()
    owners: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    md5: Mapping[Digest, str] = field(default_factory=dict)
    glibc: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    capabilities: Mapping[str, str] = field(default_factory=dict)
    contents: Path | None = None
    ghosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)
    container: Container | None = None

    def entries_for(self, form: str) -> tuple[Entry, ...]:
        """Return what packages of a format (``deb``, ``rpm``, ``tar``) have."""
        left_out = tuple(
            f"{path.lstrip('/')}/" for path, formats in self.only.items() if form not in formats
        )
        if not left_out:
            return self.tree.entries
        entries = [e for e in self.tree.entries if not f"{e.path}/".startswith(left_out)]
        # A directory goes with all that was in it.
        filled = {path for entry in self.tree.entries for path in _above(entry.path)}
        used = {
            path
            for entry in entries
            if entry.kind is not Kind.DIRECTORY or entry.path not in filled
            for path in (entry.path, *_above(entry.path))
        }
        return tuple(entry for entry in entries if entry.path in used)

    def ghosts_for(self, form: str) -> tuple[str, ...]:
        """Return what packages of a format own without having it."""
        return tuple(path for path, formats in self.ghosts.items() if form in (formats or (form,)))

    def read(self, entry: Entry) -> bytes:
        """Return the content of a file, or of the one that a hard link repeats."""
        with self.open(entry) as stream:
            return stream.read()

    def open(self, entry: Entry) -> IO[bytes]:
        """Open a file, or the one that a hard link repeats."""
        if entry.kind is Kind.HARDLINK:
            entry = self.tree.by_path[entry.target]
        place = f"{self.contents}/{entry.digest}" if self.contents else f"{self.root}/{entry.path}"
        return open(place, "rb", buffering=0)

    def to_data(self) -> dict[str, Any]:
        """Return all but the files as plain JSON values."""
        return {
            "metadata": _without_defaults(self.metadata),
            "prefix": self.prefix,
            "config_files": list(self.config_files),
            "owners": {path: list(names) for path, names in self.owners.items()},
            "copies": dict(self.copies),
            "scripts": {name: dict(scripts) for name, scripts in self.scripts.items()},
            "md5": dict(self.md5),
            "glibc": {name: list(versions) for name, versions in self.glibc.items()},
            "only": {path: list(formats) for path, formats in self.only.items()},
            "capabilities": dict(self.capabilities),
            "container": asdict(self.container) if self.container else None,
            **({"odd": dict(self.odd)} if self.odd else {}),
            **({"ghosts": {p: list(f) for p, f in self.ghosts.items()}} if self.ghosts else {}),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], root: Path, tree: Tree) -> Payload:
        """Read what :meth:`to_data` wrote."""
        metadata = dict(data["metadata"])
        relations = {key: tuple(value) for key, value in metadata.pop("relations").items()}
        overrides = {
            form: {kind: tuple(texts) for kind, texts in kinds.items()}
            for form, kinds in metadata.pop("overrides").items()
        }
        changes = tuple(
            Change(**{**each, "items": tuple(each["items"])})
            for each in metadata.pop("changes", ())
        )
        depends = {form: tuple(texts) for form, texts in metadata.pop("depends", {}).items()}
        return cls(
            metadata=Metadata(
                **metadata,
                relations=Relations(**relations),
                overrides=overrides,
                depends=depends,
                changes=changes,
            ),
            root=root,
            tree=tree,
            prefix=data["prefix"],
            config_files=tuple(data["config_files"]),
            owners={path: (user, group) for path, (user, group) in data["owners"].items()},
            copies=data["copies"],
            scripts=data["scripts"],
            md5=data["md5"],
            glibc={name: tuple(versions) for name, versions in data["glibc"].items()},
            only={path: tuple(formats) for path, formats in data["only"].items()},
            capabilities=data["capabilities"],
            ghosts={path: tuple(formats) for path, formats in data.get("ghosts", {}).items()},
            odd=data.get("odd", {}),
            container=_container(data["container"]),
        )


def _container(data: Mapping[str, Any] | None) -> Container | None:
    return Container(**{**data, "directories": tuple(data["directories"])}) if data else None


def _above(path: str) -> list[str]:
    names = path.split("/")[:-1]
    return ["/".join(names[:count]) for count in range(1, len(names) + 1)]
