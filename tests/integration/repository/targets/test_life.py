"""The life of what is in a real S3 server, and on a real host: promoted, demoted, verified."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from omnibuild.repository.apt import switch
from omnibuild.repository.layers.division import SMALL
from omnibuild.repository.life import collection
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.targets import open_target
from tests.integration.repository.targets.hosts import Host, ssh
from tests.unit.repository.samples import PLATFORMS, layered_tarball, package
from tests.unit.repository.samples import created_signer as signer
from tests.unit.repository.test_manifests import MANIFEST, PATH


@pytest.fixture(autouse=True)
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "PAIR_SECONDS", 0)
    monkeypatch.setattr(switch, "INDEX_SECONDS", 0)


@pytest.fixture(params=["bucket", "ssh"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "bucket":
        found: str = request.getfixturevalue("bucket")
        return found
    there: Host = request.getfixturevalue("ssh_host")
    monkeypatch.setenv("PATH", f"{ssh(there.base, tmp_path / 'bin')}:{os.environ['PATH']}")
    return there.url(tmp_path / "there")


def test_a_place_is_promoted_in_demoted_and_whole(tmp_path: Path, place: str) -> None:
    for version in ("1.0", "1.1"):
        files = [package(tmp_path, version=version, platform=each) for each in PLATFORMS]
        publish(files, place, signer(), "testing", PLATFORMS)
        promote([], place, signer(), "testing", "stable")
    assert len(demote(place, signer()).removed) == 4
    assert check(place, deep=True).faults == []
    path = "yum/stable/el9/x86_64/Packages/h/hello-1.0-1.x86_64.rpm"
    open_target(place).remove(path)
    (fault,) = check(place).faults
    assert (fault.place.endswith(path), fault.what) == (True, "it is gone")


def test_a_place_is_repaired(tmp_path: Path, place: str) -> None:
    files = [package(tmp_path, platform=each, manifest=MANIFEST) for each in PLATFORMS]
    publish(files, place, signer(), platforms=PLATFORMS)
    target = open_target(place)
    for path in ("state/head.json", "apt/dists/stable/InRelease", "install.sh.asc", PATH):
        target.remove(path)
    target.put("yum/stable/el9/x86_64/repodata/repomd.xml", b"other")
    told = repair(place, signer(), dry_run=True)
    assert not open_target(place).exists("state/head.json")
    assert repair(place, signer()) == told
    assert (told.lost, len(told.mended)) == ([], 5)
    assert check(place, deep=True).faults == []
    for name in target.names("state/leaves"):
        target.remove(f"state/leaves/{name}")
    assert repair(place, signer()).lost == []
    assert check(place, deep=True).faults == []


def test_damage_of_earlier_states_is_found_and_goes(tmp_path: Path, place: str) -> None:
    for version in ("1.0", "1.1"):
        files = [package(tmp_path, version=version, platform=each) for each in PLATFORMS]
        publish(files, place, signer(), "stable", PLATFORMS, "https://pkg.shop.example")
    target = open_target(place)
    index, shelf = "apt/dists/stable/main/binary-amd64", "by-hash/SHA256"
    present = {target.digest(f"{index}/Packages{form}") for form in (".gz", ".xz")}
    (old,) = set(target.names(f"{index}/{shelf}")) - present
    damaged = {f"{index}/{shelf}/{old}", "yum/stable/el9/x86_64/gen-1/repodata/repomd.xml"}
    for path in damaged:
        target.put(path, b"other")
    assert {each.place for each in check(place, deep=True).faults} == {
        target.place(path) for path in damaged
    }
    done = repair(place, signer())
    assert {each.place for each in done.removed} == {target.place(path) for path in damaged}
    assert (done.mended, done.lost) == ([], [])
    assert check(place, deep=True).faults == []
    assert not any(open_target(place).exists(path) for path in damaged)


def test_what_no_release_names_goes(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "1.1"):
        made_of = MANIFEST.replace("zlib", f"zlib-{version}")
        files = [
            package(tmp_path, version=version, platform=each, manifest=made_of)
            for each in PLATFORMS
        ]
        publish(files, place, signer(), platforms=PLATFORMS)
    remove(["hello=1.0"], place, signer())
    assert collect(place, time.time()).files == 0
    monkeypatch.setattr(collection, "IN_FLIGHT", -60)
    monkeypatch.setattr(collection, "YOUNG", -60)
    told = collect(place, time.time(), dry_run=True)
    # Four packages and their manifest; a checksum and a signature beside the tarball.
    assert told.files == 7
    assert collect(place, time.time()) == told
    assert collect(place, time.time()).files == 0
    assert check(place, deep=True).faults == []


def test_layers_of_a_bucket(
    tmp_path: Path, bucket: str, requests: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def tarball(version: str) -> Path:
        parts = {name: {f"lib/{name}": name * SMALL} for name in ("python", "zlib", "openssl")}
        return layered_tarball(tmp_path, version, {**parts, "python:hello": {"lib/app": version}})

    publish([tarball("1.0")], bucket, signer(), "testing", PLATFORMS)
    requests.clear()
    publish([tarball("1.1")], bucket, signer(), "testing", PLATFORMS)
    # Two layers and the list; that all others are there is asked by listing them.
    assert _about_layers(requests) == {
        "PutObject": 3,
        "GetObject": 1,
        "ListObjectsV2": 2,
    }
    requests.clear()
    publish([tarball("1.1")], bucket, signer(), "testing", PLATFORMS)
    assert "PutObject" not in _about_layers(requests)
    promote([], bucket, signer(), "testing", "stable")
    assert check(bucket, deep=True).faults == []
    target = open_target(bucket)
    there = target.sizes("layers")
    # Five layers of each and two lists, of which three layers are in both.
    assert len(there) == 9
    for name in there:
        target.remove(f"layers/{name}")
    assert repair(bucket, signer()).lost == []
    assert open_target(bucket).sizes("layers") == there
    assert check(bucket, deep=True).faults == []
    for channel in ("testing", "stable"):
        remove(["hello=1.0"], bucket, signer(), channel)
    monkeypatch.setattr(collection, "IN_FLIGHT", -60)
    monkeypatch.setattr(collection, "YOUNG", -60)
    collect(bucket, time.time())
    assert len(open_target(bucket).sizes("layers")) == 6
    assert check(bucket, deep=True).faults == []


def _about_layers(requests: Counter[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for request, count in requests.items():
        verb, _, path = request.partition(" ")
        if path.startswith("layers/"):
            found[verb] += count
    return found
