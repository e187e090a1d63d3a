"""Boundaries of images that are looked into: damaged ones, and whole ones that say bad things."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.certification.hostile.harness import Boundary, Place
from tests.certification.hostile.mutate import damaged, json_text, revalued
from tests.certification.hostile.packages import retarred, take_audit, take_inspection

WHITEOUTS = ("./.wh.x", "opt/.wh.hello", ".wh..wh..opq", "../.wh.etc", "opt/.wh.", "etc/.wh...")


@dataclass
class Seed:
    """An image before it is put together: what it says, and its layers as they are unpacked."""

    config: dict[str, Any]
    layers: list[bytes]


def _prepare(place: Place) -> Seed:
    layers = []
    for members in (
        {"etc/passwd": b"root:x:0:0::/:/bin/sh\n", "bin/sh": b"#!", "opt/hello/old": b"1"},
        {"opt/hello/bin/hello": b"#!/bin/sh\n", "opt/hello/.wh.old": b"", "etc/a": b"2"},
        {"opt/hello/lib/.wh..wh..opq": b"", "opt/hello/lib/x": b"3"},
    ):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(content), 0o755
                tar.addfile(info, io.BytesIO(content))
        layers.append(stream.getvalue())
    labels = {"org.opencontainers.image.title": "hello", "org.opencontainers.image.version": "1"}
    started = {"User": "10:0", "Env": ["A=1"], "Entrypoint": ["/bin/sh"], "Labels": labels}
    history = [{"created_by": name} for name in ("base", "python", "hello")]
    return Seed({"architecture": "amd64", "config": started, "history": history}, layers)


def _make(place: Place, seed: Seed, dice: random.Random) -> None:
    layers, chosen = list(seed.layers), dice.randrange(6)
    if chosen < 3:
        layer = _with_whiteouts(layers[chosen], dice)
        layers[chosen] = retarred(layer, dice, lambda _, body, dice: damaged(body, dice))
    packed = [dice.choice((gzip.compress, lzma.compress, bytes))(layer) for layer in layers]
    config = revalued(seed.config, dice) if chosen == 3 else seed.config
    data = (_saved if dice.randrange(3) == 0 else _layout)(config, packed, dice, wild=chosen == 4)
    (place.inbox / "hello.tar").write_bytes(damaged(data, dice) if chosen == 5 else data)


def _with_whiteouts(layer: bytes, dice: random.Random) -> bytes:
    stream = io.BytesIO(layer)
    with tarfile.open(fileobj=stream, mode="a", format=tarfile.GNU_FORMAT) as tar:
        for name in dice.sample(WHITEOUTS, dice.randrange(3)):
            tar.addfile(tarfile.TarInfo(name))
    return stream.getvalue()


def _layout(config: Any, layers: list[bytes], dice: random.Random, *, wild: bool) -> bytes:
    """Return a layout whose digests are right; if it is wild, the rest of it may not be."""
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    manifest: Any = {"config": blob(json_text(config)), "layers": [blob(each) for each in layers]}
    if wild and dice.randrange(2):
        manifest = revalued(manifest, dice)
    index: Any = {"manifests": [blob(json_text(manifest))]}
    files["index.json"] = json_text(revalued(index, dice) if wild else index)
    return _archive(files)


def _saved(config: Any, layers: list[bytes], dice: random.Random, *, wild: bool) -> bytes:
    """Return what ``docker save`` wrote before it knew layouts."""
    files = {f"{number}/layer.tar": data for number, data in enumerate(layers)}
    image: Any = [{"Config": "c.json", "RepoTags": ["hello:1"], "Layers": list(files)}]
    files |= {"c.json": json_text(config)}
    files["manifest.json"] = json.dumps(revalued(image, dice) if wild else image).encode()
    return _archive(files)


def _archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(str(Path(name)))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


BOUNDARIES = {
    "inspected images": Boundary(_prepare, _make, take_inspection),
    "audited images": Boundary(_prepare, _make, take_audit),
}
