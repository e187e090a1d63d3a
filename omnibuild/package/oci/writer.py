"""Images as one file: an OCI image layout that ``docker load`` and ``podman load`` read, too."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from omnibuild.digests import READ_SIZE, Digest, of_bytes
from omnibuild.files import atomic_file
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import CompressingSink, Effort, HashingSink, libraries_of
from omnibuild.package.formats.format import Base, Keep, Kept, Making
from omnibuild.package.identity import check_identity
from omnibuild.package.oci.accounts import GROUP, PASSWD, USER, Accounts, accounts, owners
from omnibuild.package.oci.capabilities import attribute
from omnibuild.package.oci.image import Packed, documents
from omnibuild.package.oci.layers import Layer, base_layer, make_layer, part_layers
from omnibuild.package.oci.layout import BLOBS
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Oci
from omnibuild.tree import Entry, Kind

# Raise it when layers of the same members become other bytes.
SERIAL: Final = 1

# The compression that every engine reads.
COMPRESSION: Final = "gzip"


def write_image(payload: Payload, settings: Oci, making: Making) -> Artifact:
    """Write ``<name>_<version>-<revision>_<architecture>.oci.tar``.

    Raises :class:`PackageError` for what no image can hold.
    """
    metadata, architecture = payload.metadata, settings.architecture
    check_identity(metadata, revision=metadata.revision, architecture=architecture)
    if making.base is None or making.keep is None:
        raise AssertionError("an image is made of a base, in layers that are kept")
    entries = {entry.path: entry for entry in payload.entries_for("oci")}
    layers = _with_capabilities(payload, _layers(payload, entries, making, making.base))
    keep, date, effort = making.keep, metadata.date, making.effort
    with ThreadPoolExecutor() as pool:
        kept = list(pool.map(lambda layer: _pack(layer, date, effort, keep), layers))
    packed = [
        Packed(layer.title, each.digest, each.path.stat().st_size, each.told)
        for layer, each in zip(layers, kept, strict=True)
    ]
    revision = f"{metadata.version}-{metadata.revision}"
    path = making.directory / f"{metadata.name}_{revision}_{architecture}.oci.tar"
    with atomic_file(path) as stream:
        output = HashingSink(stream)
        _write_layout(output, documents(payload, architecture, packed), kept, date)
    return Artifact(path, output.size, output.digest)


def _layers(
    payload: Payload, entries: Mapping[str, Entry], making: Making, base: Base
) -> list[Layer]:
    """Return all layers: the base, a layer for each part, and last what differs most often."""
    known = accounts(base, payload.container) if payload.container else None
    whose = owners(payload, entries, known) if known else {}
    layers, rest = part_layers(payload, entries, making.parts, whose)
    return [base_layer(base), *layers, _last(payload, rest, whose, known)]


def _with_capabilities(payload: Payload, layers: Iterable[Layer]) -> list[Layer]:
    """Return layers whose programs may do what they shall without being root."""
    said = {path.lstrip("/"): attribute(path, text) for path, text in payload.capabilities.items()}
    found = []
    for layer in layers:
        own = {each.path: said[each.path] for each in layer.members if each.path in said}
        found.append(replace(layer, capabilities=own) if own else layer)
    return found


def _last(
    payload: Payload,
    rest: Iterable[Entry],
    whose: dict[str, tuple[int, int]],
    known: Accounts | None,
) -> Layer:
    """Return the layer of what no part brought: launchers, configuration, the app's user."""
    entries, own = list(rest), {}
    if payload.container and known:
        own[PASSWD] = known.passwd
        entries.append(Entry(PASSWD, Kind.FILE, 0o644, len(known.passwd), of_bytes(known.passwd)))
        directories = [path.lstrip("/") for path in payload.container.directories]
        entries += [Entry(path, Kind.DIRECTORY, 0o775) for path in directories]
        whose = {**whose, **dict.fromkeys(directories, (USER, GROUP))}
    return make_layer(payload.metadata.name, entries, payload.root, own, whose)


def _pack(layer: Layer, date: int, effort: Effort, keep: Keep) -> Kept:
    """Compress a layer, unless the same one was compressed before."""

    def write(stream: IO[bytes]) -> Digest:
        sink, unpacked = CompressingSink(stream, COMPRESSION, effort), hashlib.sha256()
        for block in layer.blocks(date):
            unpacked.update(block)
            sink.write(block)
        sink.close()
        return unpacked.hexdigest()

    told = {path: value.hex() for path, value in layer.capabilities.items()}
    return keep(
        {
            "layer": SERIAL,
            "date": date,
            "effort": effort,
            "libraries": libraries_of(COMPRESSION),
            "members": [
                [each.path, each.kind, each.mode, each.size, each.digest, each.target]
                for each in layer.members
            ],
            "owners": {path: list(numbers) for path, numbers in layer.owners.items()},
            # Only where there are some: keys of layers without stay what they were.
            **({"capabilities": told} if told else {}),
        },
        write,
    )


def _write_layout(
    output: HashingSink, files: dict[str, bytes], layers: Iterable[Kept], date: int
) -> None:
    """Write the archive: the documents first, then each layer once."""
    paths: dict[str, Path] = {f"{BLOBS}/{each.digest}": each.path for each in layers}
    # By the name alone: engines look files up as they are called in the archive.
    for name, data in sorted(files.items()):
        output.write(_header(name, len(data), date))
        output.write(data)
        output.write(bytes(-len(data) % tarfile.BLOCKSIZE))
    for name, path in sorted(paths.items()):
        size = path.stat().st_size
        output.write(_header(name, size, date))
        with path.open("rb") as stream:
            shutil.copyfileobj(stream, output, READ_SIZE)
        output.write(bytes(-size % tarfile.BLOCKSIZE))
    output.write(bytes(2 * tarfile.BLOCKSIZE))


def _header(name: str, size: int, date: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, date, 0o644
    return info.tobuf(tarfile.GNU_FORMAT)
