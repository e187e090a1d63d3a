"""The life of what is in a real S3 server: promoted, demoted, verified."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from omnibuild.repository.apt import switch
from omnibuild.repository.life import collection
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.targets import bucket as bucket_module
from omnibuild.repository.targets import open_target
from tests.unit.repository.samples import PLATFORMS, package, signer


@pytest.fixture(autouse=True)
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "PAIR_SECONDS", 0)
    monkeypatch.setattr(switch, "INDEX_SECONDS", 0)


def test_a_bucket_is_promoted_in_demoted_and_whole(tmp_path: Path, bucket: str) -> None:
    for version in ("1.0", "1.1"):
        files = [package(tmp_path, version=version, platform=each) for each in PLATFORMS]
        publish(files, bucket, signer(), "testing", PLATFORMS)
        promote([], bucket, signer(), "testing", "stable")
    assert len(demote(bucket, signer()).removed) == 4
    assert check(bucket, deep=True).faults == []
    path = "yum/stable/el9/x86_64/Packages/h/hello-1.0-1.x86_64.rpm"
    open_target(bucket).remove(path)
    (fault,) = check(bucket).faults
    assert (fault.place.endswith(path), fault.what) == (True, "it is gone")


def test_a_bucket_is_repaired(tmp_path: Path, bucket: str) -> None:
    files = [package(tmp_path, platform=each) for each in PLATFORMS]
    publish(files, bucket, signer(), platforms=PLATFORMS)
    target = open_target(bucket)
    for path in ("state/head.json", "apt/dists/stable/InRelease", "install.sh.asc"):
        target.remove(path)
    target.put("yum/stable/el9/x86_64/repodata/repomd.xml", b"other")
    told = repair(bucket, signer(), dry_run=True)
    assert not open_target(bucket).exists("state/head.json")
    assert repair(bucket, signer()) == told
    assert (told.lost, len(told.mended)) == ([], 4)
    assert check(bucket, deep=True).faults == []
    for name in target.names("state/leaves"):
        target.remove(f"state/leaves/{name}")
    assert repair(bucket, signer()).lost == []
    assert check(bucket, deep=True).faults == []


def test_what_no_release_names_goes_from_a_bucket(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "1.1"):
        files = [package(tmp_path, version=version, platform=each) for each in PLATFORMS]
        publish(files, bucket, signer(), platforms=PLATFORMS)
    remove(["hello=1.0"], bucket, signer())
    assert collect(bucket, time.time()).files == 0
    monkeypatch.setattr(bucket_module, "KEPT_SECONDS", -60)
    monkeypatch.setattr(collection, "IN_FLIGHT", -60)
    told = collect(bucket, time.time(), dry_run=True)
    # Four packages; a checksum and a signature beside the tarball.
    assert told.files == 6
    assert collect(bucket, time.time()) == told
    assert collect(bucket, time.time()).files == 0
    assert check(bucket, deep=True).faults == []
