"""Images laid open: the layers of an OCI image layout, or of what ``docker save`` writes.

The layout is that of the OCI image specification 1.1; layers take files of those beneath them away
by its whiteouts.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Final, TypeVar

import msgspec

from omnibuild.errors import PackageError
from omnibuild.package.oci.layout import ANNOTATION, BLOBS, LAYOUT, OPAQUE, WHITEOUT
from omnibuild.package.opening.contents import Contents, Member, clean_path, parents
from omnibuild.package.opening.said import Said
from omnibuild.package.opening.tarball import packed_tar_members
from omnibuild.package.reading import NO_DOCUMENT
from omnibuild.payload.model import Payload
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Entry, Kind

# Bytes of a document; real ones have some thousand.
LARGEST: Final = 16 << 20
# Engines mount at most 128.
MOST_LAYERS: Final = 512
# An index may list indexes.
DEEPEST: Final = 4
_TITLE, _VERSION = (f"{ANNOTATION}.{name}" for name in ("title", "version"))
_REFERENCE: Final = f"{ANNOTATION}.ref.name"

Document = TypeVar("Document")


class _Platform(msgspec.Struct):
    architecture: str = ""
    os: str = ""


class _Descriptor(msgspec.Struct, rename="camel"):
    digest: str
    platform: _Platform | None = None
    annotations: dict[str, str] = {}


class _Listing(msgspec.Struct, rename="camel"):
    """An index or a manifest; which one it is, only its content tells for sure."""

    manifests: list[_Descriptor] | None = None
    config: _Descriptor | None = None
    layers: list[_Descriptor] = []


class _Saved(msgspec.Struct, rename="pascal"):
    """What ``docker save`` says of an image."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


class _Started(msgspec.Struct, rename="pascal"):
    user: str = ""
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    env: list[str] | None = None
    working_dir: str = ""
    exposed_ports: dict[str, msgspec.Raw] | None = None
    volumes: dict[str, msgspec.Raw] | None = None
    labels: dict[str, str | None] | None = None
    stop_signal: str = ""
    healthcheck: dict[str, msgspec.Raw] | None = None
    on_build: list[str] | None = None


class _Step(msgspec.Struct):
    created_by: str = ""
    empty_layer: bool = False


class _Config(msgspec.Struct):
    architecture: str = ""
    created: str = ""
    config: _Started | None = None
    history: list[_Step] | None = None


@dataclass(frozen=True)
class Image:
    """One image.

    Args:
        name: as it calls itself; empty if it does not.
        version: the same.
        architecture: in Go's words, as ``amd64``.
        said: its configuration, field by field.
        layers: the files with its layers, the lowest first.
    """

    name: str
    version: str
    architecture: str
    said: Said
    layers: tuple[Entry, ...]


def image_in(files: Payload) -> Image | None:
    """Return the image that an archive or directory holds; none if it is something else.

    Args:
        files: what is in it.

    Raises:
        PackageError: it is a layout that is damaged, or one of several images.
    """
    if files.tree.find(LAYOUT):
        return _of_layout(files)
    entry = files.tree.find("manifest.json")
    if entry is None or entry.kind is not Kind.FILE or entry.size > LARGEST:
        return None
    try:
        saved = msgspec.json.decode(files.read(entry), type=list[_Saved])
    except NO_DOCUMENT:
        return _of_directory(files, entry)
    if len(saved) != 1:
        raise PackageError(f"it holds {len(saved)} images", hint="save each to a file of its own")
    (image,) = saved
    layers = tuple(_file(files, path) for path in image.layers)
    tag = next(iter(image.repo_tags or ()), "")
    return _image(files, _file(files, image.config), layers, tag)


def lay_over(contents: Contents, files: Payload, image: Image, limits: Limits) -> frozenset[str]:
    """Lay an image's layers one over the other.

    Args:
        contents: takes what comes of it.
        files: what is in the image's archive or directory.
        image: in there.
        limits: what a layer may hold at most.

    Returns:
        the paths that only the lowest of several layers has.

    Raises:
        PackageError: a layer is damaged, or holds what none can.
    """
    base: set[str] = set()
    for layer in image.layers:
        own: dict[str, Kind] = {}
        gone: set[str] = set()
        emptied: set[str] = set()
        with files.open(layer) as stream:
            for member in _members(stream, limits):
                directory, name = posixpath.split(member.path)
                if name == OPAQUE:
                    emptied.add(clean_path(directory))
                elif name.startswith(WHITEOUT):
                    gone.add(clean_path(f"{directory}/{name.removeprefix(WHITEOUT)}"))
                else:
                    user, group = member.owner
                    # Whoever runs an image is in the group 0, and may read what that may.
                    held = replace(member, owner=(user, "0" if group == "root" else group))
                    own[contents.add(held)] = member.kind
        _hide(contents, own, gone, emptied)
        base = base - own.keys() if layer is not image.layers[0] else set(own)
    return frozenset(base if len(image.layers) > 1 else ())


def _members(stream: IO[bytes], limits: Limits) -> Iterator[Member]:
    """Yield the members of a layer; one without any is nothing but the end of an archive."""
    if any(stream.read(tarfile.BLOCKSIZE)):
        stream.seek(0)
        yield from packed_tar_members(stream, limits)


def _hide(contents: Contents, own: dict[str, Kind], gone: set[str], emptied: set[str]) -> None:
    """Take away what a layer hides of those beneath: by whiteouts, or files for directories."""
    above = emptied | gone | {path for path, kind in own.items() if kind is not Kind.DIRECTORY}

    def hidden(path: str) -> bool:
        if path in own:
            return False
        return path in gone or "" in emptied or any(each in above for each in parents(path))

    contents.take_away(hidden)


def _of_directory(files: Payload, entry: Entry) -> Image | None:
    """Return the image of a directory as ``skopeo copy … dir:`` writes it; blobs lie at its top."""
    try:
        manifest = msgspec.json.decode(files.read(entry), type=_Listing)
    except NO_DOCUMENT:
        return None  # Many programs call a file so.
    if manifest.config is None or files.tree.find("version") is None:
        return None
    config, *layers = (_blob(files, each, "") for each in (manifest.config, *manifest.layers))
    return _image(files, config, tuple(layers), "")


def _of_layout(files: Payload) -> Image:
    found = list(_manifests(files, _file(files, "index.json"), {}, DEEPEST))
    if len(found) != 1:
        platforms = ", ".join(
            f"{each.platform.os}/{each.platform.architecture}" for each, _ in found if each.platform
        )
        raise PackageError(
            f"it holds {len(found)} images" + (f": {platforms}" if platforms else ""),
            hint="copy one to a file of its own: skopeo copy --override-arch amd64 …",
        )
    ((descriptor, manifest),) = found
    if manifest.config is None:
        raise PackageError("its manifest names no configuration")
    layers = tuple(_blob(files, each) for each in manifest.layers)
    tag = descriptor.annotations.get(_REFERENCE, "")
    return _image(files, _blob(files, manifest.config), layers, tag)


def _manifests(
    files: Payload, entry: Entry, inherited: dict[str, str], deeper: int
) -> Iterator[tuple[_Descriptor, _Listing]]:
    """Yield the manifests of an index's images, and who lists them."""
    for each in _decoded(files, entry, _Listing).manifests or ():
        if "vnd.docker.reference.type" in each.annotations:
            continue  # It attests to another one.
        annotations = {**inherited, **each.annotations}
        listed = _blob(files, each)
        found = _decoded(files, listed, _Listing)
        if found.manifests is None:
            yield _Descriptor(each.digest, each.platform, annotations), found
        elif deeper:
            yield from _manifests(files, listed, annotations, deeper - 1)
        else:
            raise PackageError("its index lists indexes without end")


def _image(files: Payload, config: Entry, layers: tuple[Entry, ...], tag: str) -> Image:
    if len(layers) > MOST_LAYERS:
        raise PackageError(f"it has more than {MOST_LAYERS} layers")
    found = _decoded(files, config, _Config)
    started = found.config or _Started()
    labels = started.labels or {}
    # A reference may be all of REGISTRY/NAME:TAG, or the tag alone.
    name, _, version = tag.rpartition(":")
    steps = [step.created_by for step in found.history or () if not step.empty_layer]
    items: dict[str, Iterable[str]] = {
        "User": [started.user] if started.user else [],
        "Entrypoint": started.entrypoint or (),
        "Cmd": started.cmd or (),
        "Env": started.env or (),
        "WorkingDir": [started.working_dir] if started.working_dir else [],
        "ExposedPorts": sorted(started.exposed_ports or ()),
        "Volumes": sorted(started.volumes or ()),
        "StopSignal": [started.stop_signal] if started.stop_signal else [],
        "Healthcheck": [f"{k}={bytes(v).decode()}" for k, v in (started.healthcheck or {}).items()],
        "OnBuild": started.on_build or (),
        "Labels": [f"{key}={value or ''}" for key, value in sorted(labels.items())],
        "created": [found.created] if found.created else [],
        "layers": steps or [each.digest for each in layers],
    }
    return Image(
        labels.get(_TITLE) or name.rpartition("/")[2],
        labels.get(_VERSION) or version,
        found.architecture,
        {key: tuple(values) for key, values in items.items() if values},
        layers,
    )


def _blob(files: Payload, descriptor: _Descriptor, directory: str = f"{BLOBS}/") -> Entry:
    """Return the file that a descriptor means; raises :class:`PackageError` for another one."""
    algorithm, _, digest = descriptor.digest.partition(":")
    if algorithm != "sha256":
        raise PackageError(f"it has blobs by {algorithm!r}, which are not read here")
    entry = _file(files, f"{directory}{digest}")
    if entry.digest != digest:
        raise PackageError(f"its blob {digest} is damaged: it has another digest")
    return entry


def _file(files: Payload, path: str) -> Entry:
    entry = files.tree.find(path)
    if entry is None or entry.kind is not Kind.FILE:
        raise PackageError(f"it lacks {path!r}, which it says is in it")
    return entry


def _decoded(files: Payload, entry: Entry, wanted: type[Document]) -> Document:
    """Return a document; raises :class:`PackageError`."""
    if entry.size > LARGEST:
        raise PackageError(f"its document {entry.path!r} has more than {LARGEST} bytes")
    try:
        return msgspec.json.decode(files.read(entry), type=wanted)
    except NO_DOCUMENT as error:
        raise PackageError(f"its document {entry.path!r} is damaged", why=str(error)) from error
