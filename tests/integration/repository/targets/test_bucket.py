"""A repository in a real S3 server: published to by many, the same as in a directory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import botocore.client
import pytest

from omnibuild.errors import IdentityConflictError, RepositoryError
from omnibuild.events import silent
from omnibuild.recipe.models import Platform
from omnibuild.repository import layout
from omnibuild.repository.apt import switch
from omnibuild.repository.apt.release import release_date
from omnibuild.repository.life import collection
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.head import Release, load
from omnibuild.repository.state.removals import removing
from omnibuild.repository.targets import desk, lease, open_target
from omnibuild.repository.targets.bucket import BucketTarget
from omnibuild.repository.targets.desk import Desk
from omnibuild.repository.targets.target import KEPT_SECONDS, Target
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import Signer, load_signer
from tests.integration.repository.clients import Apt, Dnf
from tests.unit.repository.samples import DEBIAN_12, EL9, PLATFORMS, USER_ID, package
from tests.unit.repository.samples import created_signer as signer
from tests.unit.repository.test_manifests import MANIFEST

URL = "https://shop.example"

PUBLISHER = """
import os, signal, sys
from pathlib import Path
from omnibuild.repository import indexes
from omnibuild.repository.apt import switch
from omnibuild.repository.publish import publish
from omnibuild.signing.signer import load_signer
from tests.unit.repository.samples import PLATFORMS

switch.PAIR_SECONDS = switch.INDEX_SECONDS = 0
place, key, killed, *files = sys.argv[1:]
if killed == "killed":
    def kill(*words): os.kill(os.getpid(), signal.SIGKILL)
    indexes.publish_suites = kill
publish([Path(file) for file in files], place, load_signer(Path(key)), platforms=PLATFORMS)
"""

# What nothing names goes at once, however young it is: publishers are just bringing it.
COLLECTOR = """
import sys, time
from omnibuild.repository.life import collection
collection.YOUNG = collection.IN_FLIGHT = -60
gone = 0
for _ in range(int(sys.argv[2])):
    gone += collection.collect(sys.argv[1], time.time()).files
    time.sleep(0.2)
print(gone)
"""


@pytest.fixture(autouse=True)
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "PAIR_SECONDS", 0)
    monkeypatch.setattr(switch, "INDEX_SECONDS", 0)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return create_key(tmp_path / "signing.key", USER_ID).path


def start(place: str, key: Path, *files: Path, killed: bool = False) -> subprocess.Popen[bytes]:
    words = [place, str(key), "killed" if killed else "", *map(str, files)]
    return subprocess.Popen([sys.executable, "-c", PUBLISHER, *words])


def fetched(place: str, directory: Path) -> Path:
    """Copy all that hosts could read."""
    target = open_target(place)
    assert isinstance(target, BucketTarget)
    for item in target.objects.listed(""):
        path = directory / item.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(target.read(item.name))
    return directory


def public(key: Signer, directory: Path) -> Path:
    path = directory / "public.asc"
    path.write_bytes(key.public_key_armored)
    return path


def served(root: Path) -> dict[str, bytes]:
    """Return what is the same whenever it is signed."""
    names = ("Packages.gz", "Packages.xz", ".deb", ".zst")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.name.endswith(names) and not {"yum", "state"} & {*path.relative_to(root).parts}
    }


def test_it_is_as_in_a_directory_and_hosts_read_it(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each repository draws a name, which the package of its keys has.
    monkeypatch.setattr("secrets.token_hex", lambda size: "0" * 2 * size)
    old = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    new = [package(tmp_path, version="1.1", platform=platform) for platform in PLATFORMS]
    directory = tmp_path / "directory"
    for place in (bucket, directory):
        publish(old, place, signer(), platforms=PLATFORMS, base_url=URL)
        assert publish(new, place, signer(), platforms=PLATFORMS).changed
        assert not publish(new, place, signer(), platforms=PLATFORMS).changed
        assert remove(["hello=1.0-1~deb11"], place, signer()).removed
    copy = fetched(bucket, tmp_path / "copy")
    assert served(copy) == served(directory)
    apt, dnf = Apt(tmp_path / "apt"), Dnf(tmp_path / "dnf")
    apt.follow(f"file:{copy}", public(signer(), tmp_path))
    assert apt.run("update").returncode == 0
    assert apt.run("download", "hello=1.1-1").returncode == 0
    dnf.follow(f"baseurl=file://{copy}/yum/stable/el9/x86_64", public(signer(), tmp_path))
    assert dnf.run("install", "hello-1.1").returncode == 0


def test_publishers_at_once_lose_nothing(tmp_path: Path, bucket: str, key: Path) -> None:
    names = [f"app-{number}" for number in range(6)]
    debs = [package(tmp_path, name) for name in names]
    rpms = [package(tmp_path, name, platform=EL9) for name in names]
    running = [start(bucket, key, *files) for files in zip(debs, rpms, strict=True)]
    assert [process.wait() for process in running] == [0] * len(names)
    channel = load(open_target(bucket)).channels["stable"]
    debs_of = [deb.name for deb in channel.suites["stable"]]
    assert [name for name in debs_of if not layout.is_keyring_package(name)] == names
    copy = fetched(bucket, tmp_path / "copy")
    apt, dnf = Apt(tmp_path / "apt"), Dnf(tmp_path / "dnf")
    trusted = public(load_signer(key), tmp_path)
    apt.follow(f"file:{copy}", trusted)
    assert apt.run("update").returncode == 0
    dnf.follow(f"baseurl=file://{copy}/yum/stable/el9/x86_64", trusted)
    for name in names:
        assert apt.run("download", name).returncode == 0
    assert dnf.run("install", *names).returncode == 0


def test_what_publishers_count_on_is_not_removed_meanwhile(
    tmp_path: Path, bucket: str, key: Path
) -> None:
    secret = load_signer(key)
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(files, bucket, secret, platforms=PLATFORMS)
    # Nothing names them any more, and the next publishers find them there.
    remove(["hello"], bucket, secret)
    words = [sys.executable, "-c", COLLECTOR, bucket, "6"]
    collector = subprocess.Popen(words, stdout=subprocess.PIPE)
    others = [package(tmp_path, f"app-{n}", platform=each) for n in "12" for each in PLATFORMS]
    running = [start(bucket, key, *files), *(start(bucket, key, each) for each in others[::3])]
    assert [process.wait() for process in running] == [0] * len(running)
    assert collector.communicate()[0].strip().isdigit()
    assert collector.returncode == 0
    assert check(bucket, deep=True).faults == []
    assert {deb.name for deb in load(open_target(bucket)).channels["stable"].suites["stable"]} > {
        "hello"
    }


def test_what_somebody_else_collects_meanwhile_is_no_damage(
    tmp_path: Path, bucket: str, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = load_signer(key)
    # Records are objects, as in a repository that is not small: each is read when it is wanted.
    monkeypatch.setattr(desk, "SMALL", 0)
    for version in ("1.0", "1.1"):
        publish([package(tmp_path, version=version)], bucket, secret, platforms=PLATFORMS)
    remove(["hello=1.0"], bucket, secret)
    monkeypatch.setattr(collection, "IN_FLIGHT", -60)
    monkeypatch.setattr(collection, "YOUNG", -60)
    add, others = collection.Named.add, []

    def meanwhile(
        named: collection.Named, target: Target, release: Release, out: frozenset[str]
    ) -> None:
        if release.author.action == "publish" and not others:
            others.append(None)
            others.append(collection.collect(bucket, time.time()))
        add(named, target, release, out)

    monkeypatch.setattr(collection.Named, "add", meanwhile)
    assert collection.collect(bucket, 0).records == 0
    assert others[1].records > 0
    assert check(bucket, deep=True).faults == []


def test_a_killed_one_that_removed_files_holds_nobody_up(
    tmp_path: Path, bucket: str, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = load_signer(key)
    publish([package(tmp_path)], bucket, secret, platforms=PLATFORMS)
    target = open_target(bucket)
    assert isinstance(target, BucketTarget)
    with target.locked(layout.SHOWING, silent), removing(target):
        killed, _ = target.objects.read(layout.DESK)
    target.objects.write(layout.DESK, killed, headers={}, words={})
    monkeypatch.setattr(lease, "LEASE_SECONDS", 1.0)
    assert publish([package(tmp_path, "other")], bucket, secret, platforms=PLATFORMS).added
    assert check(bucket).faults == []


def test_whoever_comes_next_shows_what_a_killed_one_published(
    tmp_path: Path, bucket: str, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret: Signer = load_signer(key)
    publish([package(tmp_path)], bucket, secret, platforms=PLATFORMS)
    assert start(bucket, key, package(tmp_path, "other"), killed=True).wait() < 0
    # Its lease is still there, and ends.
    monkeypatch.setattr(lease, "LEASE_SECONDS", 1.0)
    assert publish([], bucket, secret, "testing", PLATFORMS).changed
    copy = fetched(bucket, tmp_path / "copy")
    apt = Apt(tmp_path / "apt")
    apt.follow(f"file:{copy}", public(secret, tmp_path))
    assert apt.run("update").returncode == 0
    assert apt.run("download", "other").returncode == 0


def test_other_content_under_the_same_name_is_refused_also_of_an_unfinished_one(
    tmp_path: Path, bucket: str
) -> None:
    one, other = package(tmp_path), package(tmp_path, content="other")
    open_target(bucket).put_file(f"apt/{layout.deb_path('hello', '1.0-1', 'amd64')}", one)
    # What stands in an empty place is not ours, so that the repository is begun before.
    with pytest.raises(RepositoryError, match="is no repository"):
        publish([other], bucket, signer(), platforms=PLATFORMS)
    open_target(bucket).remove(f"apt/{layout.deb_path('hello', '1.0-1', 'amd64')}")
    publish([], bucket, signer(), platforms=PLATFORMS)
    open_target(bucket).put_file(f"apt/{layout.deb_path('hello', '1.0-1', 'amd64')}", one)
    with pytest.raises(IdentityConflictError, match="by somebody else"):
        publish([other], bucket, signer(), platforms=PLATFORMS)
    assert publish([one], bucket, signer(), platforms=PLATFORMS).added


def test_caches_are_told_what_never_changes(tmp_path: Path, bucket: str) -> None:
    publish([package(tmp_path)], bucket, signer(), platforms=PLATFORMS)
    target = open_target(bucket)
    assert isinstance(target, BucketTarget)
    client = target.objects._client
    found = {}
    for item in target.objects.listed("apt/"):
        answer = client.head_object(Bucket="cache", Key=f"{tmp_path.name}/{item.name}")
        found[item.name.rpartition("/")[2]] = (answer["ContentType"], answer["CacheControl"])
    deb = "application/vnd.debian.binary-package"
    assert found["hello_1.0-1_amd64.deb"] == (deb, "public, max-age=31536000, immutable")
    assert found["InRelease"] == ("text/plain; charset=utf-8", "no-cache")
    assert found["Packages.gz"] == ("application/gzip", "no-cache")


def test_a_bucket_that_is_not_there_is_one_error(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(RepositoryError, match="the bucket cannot be used"):
        publish([package(tmp_path)], bucket.replace("s3://cache", "s3://none"), signer())
    nobody = "s3://cache/x?endpoint=http://127.0.0.1:9&region=r"
    with pytest.raises(RepositoryError, match="the bucket cannot be used"):
        publish([package(tmp_path)], nobody, signer())


def test_old_states_go_when_nobody_reads_them(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        publish(
            [package(tmp_path, version=f"1.{number}", platform=EL9)],
            bucket,
            signer(),
            platforms=[EL9],
            base_url=URL,
        )
    target = open_target(bucket)
    place = "yum/stable/el9/x86_64"
    assert len([name for name in target.names(place) if name.startswith("gen-")]) == 12
    drop = BucketTarget.drop_retired

    def drop_young(
        self: BucketTarget, directory: str, names: list[str], keep: int, seconds: float
    ) -> None:
        assert seconds == KEPT_SECONDS
        drop(self, directory, names, keep, 0)

    monkeypatch.setattr(BucketTarget, "drop_retired", drop_young)
    publish([package(tmp_path, platform=EL9)], bucket, signer(), platforms=[EL9])
    assert len([name for name in target.names(place) if name.startswith("gen-")]) == 9
    assert len([name for name in target.names(f"{place}/repodata") if "primary" in name]) == 9


def as_before_the_desk(bucket: str) -> BucketTarget:
    """Have each file of the state as an object of its own, as there was no desk once."""
    target = open_target(bucket)
    assert isinstance(target, BucketTarget)
    sheet = Desk(target.objects).sheet
    for path, kept in sheet.files.items():
        target.objects.write(path, kept.data, headers={}, words={})
    target.objects.delete([layout.DESK])
    return target


def test_a_repository_of_before_there_was_a_desk_goes_on(tmp_path: Path, bucket: str) -> None:
    old = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(old, bucket, signer(), platforms=PLATFORMS, base_url=URL)
    target = as_before_the_desk(bucket)
    assert check(bucket, deep=True).faults == []
    new = [package(tmp_path, version="1.1", platform=platform) for platform in PLATFORMS]
    assert publish(new, bucket, signer(), platforms=PLATFORMS).changed
    assert layout.HEAD not in {item.name for item in target.objects.listed(layout.STATE)}
    assert not publish(old, bucket, signer(), platforms=PLATFORMS).changed
    assert check(bucket, deep=True).faults == []
    # Nobody else's files are lost with the desk.
    target.objects.delete([layout.DESK])
    assert repair(bucket, signer()).lost == []
    assert check(bucket, deep=True).faults == []


def test_what_does_not_change_leaves_a_full_desk(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "FULL", 0)
    monkeypatch.setattr(desk, "SMALL", 900)
    for version in ("1.0", "1.1"):
        files = [package(tmp_path, version=version, platform=each) for each in PLATFORMS]
        assert publish(files, bucket, signer(), platforms=PLATFORMS, base_url=URL).changed
    target = open_target(bucket)
    assert isinstance(target, BucketTarget)
    assert set(Desk(target.objects).sheet.files) == set(desk.OWN)
    assert check(bucket, deep=True).faults == []
    assert len(demote(bucket, signer()).removed) == 4
    assert check(bucket, deep=True).faults == []


def test_what_is_remembered_of_a_wrong_clock_goes_with_the_file(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whole days are told: half a day more is the same number, however long publishing takes.
    some_day = time.time() + 9.5 * 24 * 3600
    with monkeypatch.context() as wrong:
        wrong.setattr(time, "time", lambda: some_day)
        publish([package(tmp_path)], bucket, signer(), platforms=[DEBIAN_12])
    new = [package(tmp_path, version="1.1")]
    with pytest.raises(RepositoryError, match="clock is 9 days behind"):
        publish(new, bucket, signer(), platforms=[DEBIAN_12])
    target = open_target(bucket)
    target.remove("apt/dists/stable/InRelease")
    assert publish(new, bucket, signer(), platforms=[DEBIAN_12]).changed
    date = release_date(target.read("apt/dists/stable/InRelease"))
    assert date < time.time() + 60
    assert check(bucket, deep=True).faults == []


def test_damage_is_found_by_who_looks_all_through(tmp_path: Path, bucket: str) -> None:
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(files, bucket, signer(), platforms=PLATFORMS, base_url=URL)
    target = open_target(bucket)
    for name in ("InRelease", "Release", "main/binary-amd64/Packages.gz"):
        target.put(f"apt/dists/stable/{name}", b"other")
    tree = "yum/stable/el9/x86_64"
    (primary,) = (n for n in target.names(f"{tree}/repodata") if "primary" in n)
    for path in (f"{tree}/repodata/{primary}", f"{tree}/mirrorlist", "index.html"):
        target.remove(path)
    assert check(bucket).faults
    assert publish([], bucket, signer(), platforms=PLATFORMS).changed
    assert check(bucket, deep=True).faults == []


class CutOff(BaseException):
    """As if the publisher was killed: it has no word more with the server."""


def _cut_off_after(most: int, cut: pytest.MonkeyPatch) -> None:
    call, asked = botocore.client.BaseClient._make_api_call, iter(range(most))

    def counted(*words: Any) -> object:
        if next(asked, None) is None:
            raise CutOff
        return call(*words)

    cut.setattr(botocore.client.BaseClient, "_make_api_call", counted)


@pytest.mark.parametrize("platform", [DEBIAN_12, EL9], ids=["deb", "rpm"])
def test_whoever_comes_next_completes_what_was_cut_off_anywhere(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch, platform: Platform
) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.3)
    old = [package(tmp_path, platform=each) for each in PLATFORMS]
    publish(old, bucket, signer(), platforms=PLATFORMS, base_url=URL)
    for most in (3, 8, 11, 14):
        first = package(tmp_path, f"cut-{most}", platform=platform)
        with monkeypatch.context() as cut:
            _cut_off_after(most, cut)
            with pytest.raises(CutOff):
                publish([first], bucket, signer(), platforms=PLATFORMS)
        after = package(tmp_path, f"next-{most}", platform=platform)
        publish([after], bucket, signer(), platforms=PLATFORMS)
        assert check(bucket, deep=True).faults == []


def test_requests_do_not_become_more(tmp_path: Path, bucket: str, requests: Counter[str]) -> None:
    """The goal is 15: docs/performance.md says what they are."""
    first = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(first, bucket, signer(), platforms=PLATFORMS, base_url=URL)
    # A manifest is one more.
    for manifest, platform, most in (("", DEBIAN_12, 15), ("", EL9, 18), (MANIFEST, DEBIAN_12, 16)):
        requests.clear()
        second = package(tmp_path, f"second{most}", platform=platform, manifest=manifest)
        publish([second], bucket, signer(), platforms=PLATFORMS)
        assert requests.total() <= most, requests
