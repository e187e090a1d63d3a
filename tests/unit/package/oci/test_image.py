"""Images, read back as an engine does: layer upon layer."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import PackageError
from omnibuild.package.formats.format import Base, Kept, Making
from omnibuild.package.oci.layers import MOST_PARTS
from omnibuild.package.oci.writer import write_image
from omnibuild.payload.model import Container, Payload
from omnibuild.tree import Entry, Kind, Tree, scan
from tests.unit.package.samples import METADATA, OCI, random_payload, sample_payload, write

CONTAINER = Container(
    "/opt/hello/libexec/container", 8080, "hello", ("/var/lib/hello", "/run/hello")
)


def base(root: Path) -> Base:
    write(root, "bin/sh", b"#!", 0o755)
    write(root, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nhello:x:77:77::/:/bin/sh\n")
    write(root, "etc/group", b"root:x:0:\nwww-data:x:33:\n")
    (root / "tmp").mkdir()
    (root / "build").mkdir()
    return Base(scan(root), root)


def making(directory: Path, beneath: Base, parts: Mapping[str, Tree] | None = None) -> Making:
    directory.mkdir(parents=True)
    kept: dict[Digest, Kept] = {}

    def keep(made_of: Any, write_piece: Callable[[IO[bytes]], Digest]) -> Kept:
        key = digests.of_json(made_of)
        if key not in kept:
            path = directory.parent / f"piece-{key}"
            with path.open("wb") as stream:
                told = write_piece(stream)
            kept[key] = Kept(path, digests.of_file(path), told)
        return kept[key]

    return Making(directory, "quick", parts or {}, beneath, keep)


class Read:
    """An image as it comes out of its file: every digest is what it is said to be."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as tar:
            self.files = {
                member.name: tar.extractfile(member).read()  # type: ignore[union-attr]
                for member in tar
            }
        index = json.loads(self.files["index.json"])
        self.manifest = json.loads(self.blob(index["manifests"][0]))
        self.config = json.loads(self.blob(self.manifest["config"]))
        self.layers = [self.blob(layer) for layer in self.manifest["layers"]]
        self.titles = [each["created_by"] for each in self.config["history"]]
        unpacked = [gzip.decompress(layer) for layer in self.layers]
        told = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in unpacked]
        assert self.config["rootfs"]["diff_ids"] == told
        self.found: dict[str, tarfile.TarInfo] = {}
        self.contents: dict[str, bytes] = {}
        for data in unpacked:
            self._lay(data)
        (loaded,) = json.loads(self.files["manifest.json"])
        assert [self.files[name] for name in loaded["Layers"]] == self.layers
        assert json.loads(self.files[loaded["Config"]]) == self.config

    def blob(self, descriptor: Mapping[str, Any]) -> bytes:
        data = self.files[descriptor["digest"].replace("sha256:", "blobs/sha256/")]
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
        assert len(data) == descriptor["size"]
        return data

    def _lay(self, data: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            within = set()
            for member in tar:
                path = member.name.removeprefix("./")
                within.add(path)
                self.found[path] = member
                if member.isreg():
                    self.contents[path] = tar.extractfile(member).read()  # type: ignore[union-attr]
                elif member.islnk():
                    target = member.linkname.removeprefix("./")
                    assert target in within
                    self.contents[path] = self.contents[target]


def check_content(read: Read, payload: Payload, beneath: Base) -> None:
    """Assert that the image has the payload's files, and the base's, and nothing else."""
    wanted = {
        **{f"{e.path}": (beneath.directory, e) for e in beneath.tree.entries if e.path != "build"},
        **{entry.path: (payload.root, entry) for entry in payload.entries_for("oci")},
    }
    for path, (directory, entry) in wanted.items():
        member = read.found[path]
        if entry.kind is Kind.SYMLINK:
            assert member.linkname == entry.target
        elif entry.kind is Kind.DIRECTORY:
            assert member.mode == (0o1777 if path in ("tmp", "var/tmp") else entry.mode)
        elif path != "etc/passwd":
            assert read.contents[path] == (directory / path).read_bytes()
            assert member.mode == entry.mode or member.islnk()
    more = {"", ".", "var", "var/tmp", "var/lib", "run", "tmp", "etc", "etc/passwd"}
    more |= {path.lstrip("/") for path in CONTAINER.directories}
    assert read.found.keys() - wanted.keys() <= more


def test_an_image_is_what_the_payload_and_the_base_are(tmp_path: Path) -> None:
    payload = replace(sample_payload(tmp_path / "root"), container=CONTAINER)
    beneath = base(tmp_path / "base")
    artifact = write_image(payload, OCI, making(tmp_path / "out", beneath))
    assert artifact.path.name == "hello_1.4.2-3_amd64.oci.tar"
    assert artifact.digest == digests.of_file(artifact.path)
    read = Read(artifact.path)
    check_content(read, payload, beneath)
    config = read.config["config"]
    assert config["User"] == "10001:0"
    assert config["Entrypoint"] == ["/opt/hello/libexec/container"]
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert config["Labels"]["org.opencontainers.image.version"] == "1.4.2"
    assert read.contents["etc/passwd"].decode().splitlines() == [
        "root:x:0:0:root:/root:/bin/sh",
        "hello:x:10001:0::/var/lib/hello:/sbin/nologin",
    ]
    state = read.found["var/lib/hello"]
    assert (state.uid, state.gid, state.mode) == (10001, 0, 0o775)
    assert read.found["opt/hello/bin/hello"].uid == 0


def test_an_app_with_nothing_to_start_is_files_alone(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    artifact = write_image(payload, OCI, making(tmp_path / "out", base(tmp_path / "base")))
    config = Read(artifact.path).config["config"]
    assert config.keys() == {"Env", "Labels"}


def test_files_of_a_user_who_starts_nothing_are_theirs(tmp_path: Path) -> None:
    payload = replace(
        sample_payload(tmp_path / "root"),
        container=replace(CONTAINER, entry=""),
        owners={"/opt/hello/share/empty": ("hello", "hello")},
    )
    read = Read(write_image(payload, OCI, making(tmp_path / "out", base(tmp_path / "base"))).path)
    assert "Entrypoint" not in read.config["config"]
    assert read.found["opt/hello/share/empty"].uid == 10001


def test_owners_are_those_of_the_image(tmp_path: Path) -> None:
    owners = {
        "/etc/hello/hello.conf": ("root", "hello"),
        "/opt/hello/share/empty": ("hello", "www-data"),
    }
    payload = replace(sample_payload(tmp_path / "root"), container=CONTAINER, owners=owners)
    beneath = base(tmp_path / "base")
    read = Read(write_image(payload, OCI, making(tmp_path / "out", beneath)).path)
    # Everybody who runs the image is in root's group, and may read what the app may.
    conf = read.found["etc/hello/hello.conf"]
    assert (conf.uid, conf.gid, conf.mode) == (0, 0, 0o640)
    assert (read.found["opt/hello/share/empty"].uid, 33) == (10001, 33)
    stranger = replace(payload, owners={"/opt/hello/share/empty": ("postgres", "root")})
    with pytest.raises(PackageError, match="belongs to postgres"):
        write_image(stranger, OCI, making(tmp_path / "more", beneath))


def test_what_no_image_can_hold_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "root", "opt/hello/.wh.gone", b"")
    payload = sample_payload(tmp_path / "root")
    beneath = base(tmp_path / "base")
    with pytest.raises(PackageError, match="no image can hold"):
        write_image(payload, OCI, making(tmp_path / "out", beneath))
    (tmp_path / "root/opt/hello/.wh.gone").unlink()
    able = replace(
        payload,
        tree=scan(payload.root),
        capabilities={"/opt/hello/bin/hello": "cap_net_bind_service,cap_flying=ep"},
    )
    with pytest.raises(PackageError, match="cap_flying, which no kernel knows"):
        write_image(able, OCI, making(tmp_path / "more", beneath))


def test_programs_have_their_capabilities(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    able = replace(payload, capabilities={"/opt/hello/bin/raise": "cap_net_bind_service=ep"})
    beneath = base(tmp_path / "base")
    artifact = write_image(able, OCI, making(tmp_path / "out", beneath))
    read = Read(artifact.path)
    check_content(read, able, beneath)
    told = {path: member.pax_headers for path, member in read.found.items() if member.pax_headers}
    value = bytes.fromhex("0100000200040000000000000000000000000000").decode()
    assert told == {"opt/hello/bin/raise": {"SCHILY.xattr.security.capability": value}}


def test_a_change_of_one_part_changes_one_layer(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for part in ("zlib", "flask", "hello"):
        write(root, f"opt/hello/lib/{part}", part.encode())
    write(root, "opt/hello/bin/run", b"#!/bin/sh\n", 0o755)
    parts = {
        name: Tree.of([Entry("lib", Kind.DIRECTORY, 0o755), entry])
        for name in ("zlib", "python:flask", "python:hello")
        for entry in scan(root / "opt/hello").files()
        if entry.path == f"lib/{name.rpartition(':')[2]}"
    }
    beneath = base(tmp_path / "base")

    def image(directory: str) -> Read:
        payload = Payload(METADATA, root, scan(root), "/opt/hello", container=CONTAINER)
        return Read(write_image(payload, OCI, making(tmp_path / directory, beneath, parts)).path)

    before = image("before/out")
    assert before.titles == ["base", "zlib", "flask", "hello", "hello"]
    write(root, "opt/hello/lib/flask", b"newer")
    after = image("after/out")
    differ = [one != other for one, other in zip(before.layers, after.layers, strict=True)]
    assert differ == [False, False, True, False, False]


def test_many_parts_share_a_layer(tmp_path: Path) -> None:
    root, count = tmp_path / "root", MOST_PARTS + 5
    for number in range(count):
        write(root, f"opt/hello/{number}", b"x" * number)
    parts = {
        f"python:p{entry.path}": Tree.of([entry]) for entry in scan(root / "opt/hello").files()
    }
    payload = Payload(METADATA, root, scan(root), "/opt/hello", container=CONTAINER)
    beneath = base(tmp_path / "base")
    read = Read(write_image(payload, OCI, making(tmp_path / "out", beneath, parts)).path)
    check_content(read, payload, beneath)
    assert len(read.layers) == MOST_PARTS + 3
    assert read.titles[-2] == "smaller parts"


@given(st.integers(0, 2**32), st.integers(0, 4))
def test_random_trees_come_back_however_they_are_divided(seed: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        root = directory / "root"
        (root / "opt/hello").mkdir(parents=True)
        random_payload(root / "opt/hello", seed)
        payload = Payload(METADATA, root, scan(root), "/opt/hello", container=CONTAINER)
        dice = random.Random(seed)  # noqa: S311
        divided: dict[str, list[Entry]] = {f"part{number}": [] for number in range(count)}
        for entry in scan(root / "opt/hello").entries if count else ():
            divided[dice.choice([*divided])].append(entry)
        parts = {name: Tree.of(entries) for name, entries in divided.items()}
        beneath = base(directory / "base")
        first = write_image(payload, OCI, making(directory / "1/out", beneath, parts))
        again = write_image(payload, OCI, making(directory / "2/out", beneath, parts))
        assert first.digest == again.digest
        check_content(Read(first.path), payload, beneath)
