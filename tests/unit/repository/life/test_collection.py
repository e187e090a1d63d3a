"""What is removed, and what stays: by count, by age, and for who may want it yet."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError, UsageError
from omnibuild.repository.life import collection
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.history import log_of
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.life.retention import Retention, retire, retired
from omnibuild.repository.life.settings import keep_indexes
from omnibuild.repository.publish import publish, remove
from tests.unit.repository.life.test_promotion import held
from tests.unit.repository.samples import DEBIAN_12, EL9, LINUX, PLATFORMS, listing, package, signer

DAY = 24 * 3600
FORMATS = (DEBIAN_12, EL9, LINUX)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """Publish so many days ago: dates of releases and of files say so."""

    @contextmanager
    def days_ago(days: float) -> Iterator[None]:
        real, root = time.time, tmp_path / "repository"
        before = set(root.rglob("*"))
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda: real() - days * DAY)
            yield
        for path in {*root.rglob("*")} - before:
            os.utime(path, (real() - days * DAY,) * 2)

    return days_ago


def versions(repository: Path, channel: str = "stable") -> set[str]:
    return {version for _, version, _ in held(repository, channel)}


def pool(repository: Path) -> set[str]:
    patterns = ("apt/pool/**/*.deb", "yum/*/*/*/Packages/*/*.rpm", "downloads/*.zst")
    found = {path.name for pattern in patterns for path in repository.glob(pattern)}
    return {name for name in found if name.startswith("hello")}


def fill(tmp_path: Path, repository: Path, at: object, *days: float) -> None:
    """Publish 1.0, 1.1 and so on, each so many days ago."""
    assert callable(at)
    for number, age in enumerate(days):
        files = [package(tmp_path, version=f"1.{number}", platform=each) for each in FORMATS]
        with at(age):
            publish(files, repository, signer(), platforms=PLATFORMS)


def test_old_versions_go_by_count_and_age(tmp_path: Path, repository: Path, at: object) -> None:
    fill(tmp_path, repository, at, 100, 90, 80, 5, 1)
    now = time.time()
    retention = Retention(2, now - 30 * DAY)
    told = retired(repository, "stable", retention)
    before = listing(repository)
    assert len(told) == 9
    assert listing(repository) == before
    done = retire(repository, signer(), "stable", retention)
    assert list(done.removed) == told
    assert versions(repository) == {"1.3-1", "1.4-1", "1.3", "1.4"}
    # Young ones stay, however many they are.
    assert retire(repository, signer(), "stable", Retention(1, now - 30 * DAY)).removed == ()
    assert retire(repository, signer(), "stable", Retention(1, now - 3 * DAY)).removed != ()
    assert versions(repository) == {"1.4-1", "1.4"}
    with pytest.raises(UsageError):
        retired(repository, "none", retention)


def test_files_stay_while_somebody_may_want_them(
    tmp_path: Path, repository: Path, at: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, repository, at, 100, 90)
    remove(["hello=1.0"], repository, signer())
    # It was listed until now.
    assert collect(repository, time.time()).files == 0
    assert len(pool(repository)) == 6
    monkeypatch.setattr(collection, "IN_FLIGHT", -1)
    before = listing(repository)
    told = collect(repository, time.time(), dry_run=True)
    assert listing(repository) == before
    done = collect(repository, time.time())
    assert done == told
    # Three packages; a checksum and a signature beside the tarball.
    assert done.files == 5
    assert {name.replace("_", "-").split("-")[1] for name in pool(repository)} == {"1.1"}
    assert len(list(log_of(repository))) == 1
    assert check(repository, deep=True).faults == []
    assert collect(repository, time.time()).files == 0


def test_a_channel_can_go_back_to_what_is_kept(
    tmp_path: Path, repository: Path, at: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, repository, at, 100, 90, 5)
    monkeypatch.setattr(collection, "IN_FLIGHT", -1)
    demote(repository, signer())
    assert collect(repository, time.time() - 30 * DAY).files == 0
    assert len(list(log_of(repository))) == 3
    newest = list(log_of(repository))[1].digest
    demote(repository, signer(), to=newest)
    assert versions(repository) == {"1.0-1", "1.1-1", "1.2-1", "1.0", "1.1", "1.2"}
    assert check(repository, deep=True).faults == []


def test_what_is_yanked_for_good_goes_before_the_releases_that_listed_it(
    tmp_path: Path, repository: Path, at: object
) -> None:
    assert callable(at)
    fill(tmp_path, repository, at, 10, 9)
    with at(8):
        remove(["hello=1.0"], repository, signer(), reason="broken")
    assert collect(repository, time.time() - 30 * DAY).files == 5
    assert len(list(log_of(repository))) == 3
    assert check(repository).faults == []


def test_other_channels_and_young_files_are_left_alone(
    tmp_path: Path, repository: Path, at: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(at)
    fill(tmp_path, repository, at, 100)
    with at(90):
        promote([], repository, signer(), "stable", "old")
        remove(["hello"], repository, signer())
    stray = repository / "apt/pool/main/h/hello/hello_9-1_amd64.deb"
    stray.write_bytes(b"on its way")
    monkeypatch.setattr(collection, "IN_FLIGHT", -1)
    done = collect(repository, time.time())
    # The rpm of the one channel; all else is the other's, too, and what is young may be on its way.
    assert done.files == 1
    assert stray.exists()
    assert versions(repository, "old") == {"1.0-1", "1.0"}
    assert check(repository).faults == []


def test_what_one_channel_gave_up_another_may_go_back_to(
    tmp_path: Path, repository: Path, at: object
) -> None:
    assert callable(at)
    fill(tmp_path, repository, at, 20)
    with at(19):
        promote([], repository, signer(), "stable", "other")
    with at(18):
        publish([package(tmp_path, "more")], repository, signer(), "other", PLATFORMS)
        remove(["more"], repository, signer(), "other", reason="broken")
        demote(repository, signer(), "other", to=list(log_of(repository, "other"))[-1].digest)
    with at(17):
        remove(["hello"], repository, signer(), reason="broken")
        publish([package(tmp_path, "new")], repository, signer(), platforms=PLATFORMS)
    collect(repository, time.time() - 30 * DAY)
    assert versions(repository, "other") == {"1.0-1", "1.0"}
    assert check(repository, deep=True).faults == []


def test_nothing_goes_while_hosts_see_another_state(
    tmp_path: Path, repository: Path, at: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, repository, at, 100)
    (repository / "state/shown.json").unlink()
    with pytest.raises(RepositoryError, match="somebody was killed"):
        collect(repository, time.time())


def test_indexes_of_older_states_stay_as_long_as_one_likes(
    tmp_path: Path, repository: Path, at: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnibuild.repository.apt.switch.KEPT_STATES", 0)
    monkeypatch.setattr("omnibuild.repository.yum.tree.KEPT_GENERATIONS", 0)
    fill(tmp_path, repository, at, 0.5, 0.4)
    keep_indexes(repository, signer(), DAY)
    with pytest.raises(UsageError):
        keep_indexes(repository, signer(), 60)
    before = indexes(repository)
    age(repository, 0.3)
    fill(tmp_path, repository, at, 0.5, 0.4, 0.2)
    assert before <= indexes(repository)
    # What they list stays, too.
    remove(["hello=1.0"], repository, signer())
    monkeypatch.setattr(collection, "IN_FLIGHT", -1)
    age(repository, 0.3)
    assert collect(repository, time.time()).files == 0
    keep_indexes(repository, signer(), DAY / 24)
    assert collect(repository, time.time()).files == 5
    publish([package(tmp_path, version="2.0")], repository, signer(), platforms=PLATFORMS)
    assert not before <= indexes(repository)
    assert check(repository, deep=True).faults == []


def indexes(repository: Path) -> set[Path]:
    places = ("apt/dists/*/main/*/by-hash/*/*", "yum/*/*/*/repodata/*.gz")
    return {path for place in places for path in repository.glob(place)}


def age(repository: Path, days: float) -> None:
    """Make all files so old."""
    for path in repository.rglob("*"):
        os.utime(path, (time.time() - days * DAY,) * 2)
