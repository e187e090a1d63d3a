"""Images laid open: layers lie one over the other as engines lay them, and nothing is believed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import PackageError
from omnibuild.package.opening.opened import Opened, open_package
from omnibuild.sources.extraction import Limits

# What a layer has at a path: content, or nothing for a directory.
Layer = Sequence[tuple[str, bytes | None]]


def tar(members: Layer) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif content.startswith(b"link "):
                info.type, info.linkname = tarfile.LNKTYPE, content[5:].decode()
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content or b""))
    return stream.getvalue()


class Layout:
    """Files of an OCI image layout, to which images are added."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        self.manifests: list[Mapping[str, Any]] = []

    def blob(self, data: bytes, **more: object) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data), **more}

    def document(self, data: object, **more: object) -> dict[str, Any]:
        return self.blob(json.dumps(data).encode(), **more)

    def image(self, *layers: bytes, config: object = None, **more: object) -> Layout:
        manifest = {
            "config": self.document(config or {"architecture": "arm64"}),
            "layers": [self.blob(layer) for layer in layers],
        }
        self.manifests.append(self.document(manifest, **more))
        return self

    def write(self, path: Path) -> Path:
        self.files["index.json"] = json.dumps({"manifests": self.manifests}).encode()
        path.write_bytes(tar(sorted(self.files.items())))
        return path


def opened(path: Path, limits: Limits | None = None) -> Opened:
    scratch = path.parent / f"scratch-{path.name}"
    scratch.mkdir()
    return open_package(path, scratch, limits or Limits())


def contents(package: Opened) -> dict[str, bytes | None]:
    payload = package.payload
    return {
        entry.path: None if entry.kind == "directory" else payload.read(entry)
        for entry in payload.tree.entries
    }


DIRECTORIES = (("etc", None), ("usr", None), ("usr/lib", None))
BASE = (*DIRECTORIES, ("etc/motd", b"hi"), ("usr/lib/a", b"1"), ("usr/lib/b", b"2"))


@pytest.mark.parametrize(
    ("upper", "gone", "come"),
    [
        ((("usr/lib/.wh.a", b""),), {"usr/lib/a"}, {}),
        ((("./usr/.wh.lib", b""),), {"usr/lib", "usr/lib/a", "usr/lib/b"}, {}),
        (
            (("usr/lib/new", b"3"), ("usr/lib/.wh..wh..opq", b"")),
            {"usr/lib/a", "usr/lib/b"},
            {"usr/lib/new": b"3"},
        ),
        ((("usr/.wh.lib", b""), ("usr/lib/a", b"9")), {"usr/lib/b"}, {"usr/lib/a": b"9"}),
        ((("usr/lib", b"file"),), {"usr/lib/a", "usr/lib/b"}, {"usr/lib": b"file"}),
        ((("etc/motd", None),), set(), {"etc/motd": None}),
        ((("c", b"link usr/lib/a"), ("usr/lib/.wh.a", b"")), {"usr/lib/a"}, {"c": b"1"}),
        ((("usr/lib/.wh.none", b""),), set(), {}),
        ((), set(), {}),
    ],
)
def test_layers_hide_what_lies_beneath(
    tmp_path: Path, upper: Layer, gone: set[str], come: dict[str, bytes | None]
) -> None:
    image = Layout().image(tar(BASE), gzip.compress(tar(upper)))
    package = opened(image.write(tmp_path / "image"))
    wanted = {**dict(BASE), **come}
    assert contents(package) == {path: at for path, at in wanted.items() if path not in gone}
    assert "etc" in package.base
    assert package.base.isdisjoint(come)
    upper_paths = {entry.path for entry in package.above_base().tree.entries}
    assert "etc" not in upper_paths
    assert come.keys() <= upper_paths


NAMES = st.sampled_from(["a", "b", "a/b", "a/c", "a/b/c", "b/d"])
CONTENTS = st.none() | st.binary(min_size=1, max_size=1)


def above(path: str) -> list[str]:
    return [path[:at] for at, letter in enumerate(path) if letter == "/"]


@given(
    st.lists(st.tuples(st.sets(NAMES, max_size=2), st.dictionaries(NAMES, CONTENTS)), max_size=4)
)
def test_any_layers(
    tmp_path_factory: pytest.TempPathFactory,
    layers: list[tuple[set[str], dict[str, bytes | None]]],
) -> None:
    """Beside a model: a layer first takes away, then it brings, with all directories above."""
    model: dict[str, bytes | None] = {}
    packed = []
    for gone, chosen in layers:
        parents = {each for path in (*chosen, *gone) for each in above(path)}
        brought = {**chosen, **dict.fromkeys(parents)}
        hidden = gone | {path for path, content in brought.items() if content is not None}
        kept = {
            path: content
            for path, content in model.items()
            if path not in gone and hidden.isdisjoint(above(path))
        }
        model = {**kept, **brought}
        names = [f"{path.rpartition('/')[0]}/.wh.{path.rpartition('/')[2]}" for path in gone]
        packed.append(tar([*sorted(brought.items()), *((name, b"") for name in names)]))
    base = tmp_path_factory.mktemp("layers")
    assert contents(opened(Layout().image(*packed).write(base / "image"))) == model


def test_what_an_image_says(tmp_path: Path) -> None:
    config = {
        "architecture": "amd64",
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "User": "10:0",
            "Env": ["A=1", "B=2"],
            "Cmd": ["run", "it"],
            "ExposedPorts": {"80/tcp": {}},
            "Labels": {"org.opencontainers.image.title": "shop", "x": "y", "z": None},
            "Healthcheck": {"Test": ["CMD", "ask"], "Interval": 5},
            "OnBuild": ["RUN true"],
        },
        "history": [{"created_by": "base"}, {"created_by": "ENV", "empty_layer": True}],
    }
    reference = {"org.opencontainers.image.ref.name": "registry.example/team/other:2.0"}
    image = Layout().image(tar(BASE), config=config, annotations=reference)
    package = opened(image.write(tmp_path / "image"))
    metadata = package.payload.metadata
    assert (metadata.name, metadata.version) == ("shop", "2.0")
    assert (package.form, package.architecture) == ("oci", "amd64")
    assert package.said == {
        "User": ("10:0",),
        "Cmd": ("run", "it"),
        "Env": ("A=1", "B=2"),
        "ExposedPorts": ("80/tcp",),
        "Healthcheck": ('Test=["CMD", "ask"]', "Interval=5"),
        "OnBuild": ("RUN true",),
        "Labels": ("org.opencontainers.image.title=shop", "x=y", "z="),
        "created": ("2026-01-01T00:00:00Z",),
        "layers": ("base",),
    }
    # One layer alone is no base of others.
    assert package.base == frozenset()


def test_a_directory_and_what_docker_saves(tmp_path: Path) -> None:
    layout = Layout().image(tar(BASE))
    layout.write(tmp_path / "image")
    unpacked = tmp_path / "unpacked"
    for name, data in layout.files.items():
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_bytes(data)
    wanted = contents(opened(tmp_path / "image"))
    assert contents(opened(unpacked)) == wanted
    saved = {"Config": "c.json", "RepoTags": ["team/shop:1.0"], "Layers": ["x/layer.tar"]}
    files = {
        "c.json": b'{"architecture":"amd64"}',
        "manifest.json": json.dumps([saved]).encode(),
        "x/layer.tar": tar(BASE),
    }
    (tmp_path / "saved").write_bytes(gzip.compress(tar(list(files.items()))))
    package = opened(tmp_path / "saved")
    assert contents(package) == wanted
    metadata = package.payload.metadata
    assert (metadata.name, metadata.version) == ("shop", "1.0")
    flat = tmp_path / "flat"
    flat.mkdir()
    for name, data in layout.files.items():
        if name.startswith("blobs/"):
            (flat / name.rpartition("/")[2]).write_bytes(data)
    (flat / "version").write_text("Directory Transport Version: 1.1\n")
    (manifest,) = layout.manifests
    (flat / manifest["digest"].removeprefix("sha256:")).rename(flat / "manifest.json")
    assert contents(opened(flat)) == wanted
    # Any tarball may have a file of that name.
    (tmp_path / "tarball").write_bytes(tar([("manifest.json", b'[{"Layers": 1}]')]))
    assert contents(opened(tmp_path / "tarball")) == {"manifest.json": b'[{"Layers": 1}]'}


def test_an_index_of_an_index_and_attestations(tmp_path: Path) -> None:
    layout = Layout().image(tar(BASE))
    attests = {"vnd.docker.reference.type": "attestation-manifest"}
    layout.manifests.append(layout.document({}, annotations=attests))
    layout.manifests = [layout.document({"manifests": layout.manifests})]
    assert contents(opened(layout.write(tmp_path / "image")))["usr/lib/a"] == b"1"


def _several(layout: Layout) -> None:
    for name in ("amd64", "arm64"):
        platform = {"os": "linux", "architecture": name}
        layout.image(tar(BASE), config={"architecture": name}, platform=platform)


def _damaged(layout: Layout) -> None:
    layout.image(tar(BASE))
    (name,) = [n for n, data in layout.files.items() if data == tar(BASE)]
    layout.files[name] = tar(BASE[1:])


def _lacking(layout: Layout) -> None:
    layout.image(tar(BASE))
    (name,) = [n for n, data in layout.files.items() if data == tar(BASE)]
    del layout.files[name]


def _endless(layout: Layout) -> None:
    listed = layout.image(tar(BASE)).manifests
    for _ in range(9):
        listed = [layout.document({"manifests": listed})]
    layout.manifests = listed


def _outside(layout: Layout) -> None:
    layout.image(tar(BASE), tar([("../../.wh.etc", b"")]))


def _no_blob(layout: Layout) -> None:
    layout.manifests.append({"digest": "sha256:../../oci-layout"})


def _other_digest(layout: Layout) -> None:
    layout.manifests.append({"digest": "md5:00"})


def _no_manifest(layout: Layout) -> None:
    layout.manifests.append(layout.blob(b"[" * 100_000))


def _no_text(layout: Layout) -> None:
    layout.manifests.append(layout.blob(b'{"config":{"digest":"\xff"}}'))


def _many_layers(layout: Layout) -> None:
    layout.image(*([tar(())] * 600))


def _no_tar(layout: Layout) -> None:
    layout.image(b"nothing " * 200)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda layout: None, "0 images"),
        (_several, "2 images: linux/amd64, linux/arm64"),
        (_damaged, "is damaged: it has another digest"),
        (_lacking, "it lacks 'blobs/"),
        (_endless, "without end"),
        (_outside, "lies outside"),
        (_no_blob, "another digest|lacks"),
        (_other_digest, "by 'md5'"),
        (_no_manifest, "is damaged"),
        (_no_text, "is damaged"),
        (_many_layers, "more than 512 layers"),
        (_no_tar, "damaged|unknown|neither"),
    ],
)
def test_what_no_image_may_hold(tmp_path: Path, make: Any, why: str) -> None:
    layout = Layout()
    make(layout)
    with pytest.raises(PackageError, match=why) as caught:
        opened(layout.write(tmp_path / "image"))
    assert caught.value.where.file == str(tmp_path / "image")


def test_bounds_count_over_all_layers(tmp_path: Path) -> None:
    layers = (gzip.compress(tar([(f"f{n}", bytes(20_000))])) for n in range(4))
    image = Layout().image(gzip.compress(tar(())), *layers).write(tmp_path / "image")
    with pytest.raises(PackageError, match="holds more"):
        opened(image, Limits(size=70_000))
