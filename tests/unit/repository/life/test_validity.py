"""Release files that end, and signing them again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError, SigningKeyError, UsageError
from omnibuild.events import Event, Warned
from omnibuild.repository import layout
from omnibuild.repository.apt.release import release_date, signed_text, valid_until
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.settings import resign
from tests.unit.repository.life.conftest import Publish
from tests.unit.repository.samples import DEBIAN_11, EL9, listing, package, signer

DAY = 24 * 3600
NOW = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


def span(repository: Path, suite: str = "stable") -> tuple[int, int]:
    release = signed_text((repository / f"apt/dists/{suite}/InRelease").read_bytes())
    return release_date(release), valid_until(release)


def test_nothing_ends_unless_asked_for(tmp_path: Path, repository: Path, into: Publish) -> None:
    into("stable", package(tmp_path))
    assert span(repository)[1] == 0
    assert resign(repository, signer()).days == 0
    assert "Valid-Until" not in (repository / "apt/dists/stable/Release").read_text()


def test_all_suites_are_signed_again_and_nothing_else_changes(
    tmp_path: Path, repository: Path, into: Publish, clock: Clock
) -> None:
    into("stable", package(tmp_path), package(tmp_path, platform=DEBIAN_11))
    into("testing", package(tmp_path, "other"), package(tmp_path, platform=EL9))
    done = resign(repository, signer(), 14)
    assert done.suites == ("stable", "stable-deb11", "testing", "testing-deb11")
    before = listing(repository)
    clock.now += 7 * DAY
    assert resign(repository, signer()).days == 14
    for suite in done.suites:
        assert span(repository, suite) == (clock.now, clock.now + 14 * DAY)
    after = listing(repository)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    names = ("InRelease", "Release", "Release.gpg")
    assert changed == {f"apt/dists/{suite}/{name}" for suite in done.suites for name in names}
    assert check(repository, deep=True).faults == []


def test_what_is_published_later_ends_too(
    tmp_path: Path, repository: Path, into: Publish, clock: Clock
) -> None:
    into("stable", package(tmp_path))
    resign(repository, signer(), 14)
    clock.now += DAY
    into("stable", package(tmp_path, "other"))
    assert span(repository) == (clock.now, clock.now + 14 * DAY)
    into("new", package(tmp_path, "other"))
    assert span(repository, "new") == (clock.now, clock.now + 14 * DAY)
    clock.now += DAY
    # Who publishes nothing new signs nothing again: only resign does.
    before = listing(repository)
    into("stable", package(tmp_path, "other"))
    assert listing(repository) == before
    resign(repository, signer(), 0)
    assert span(repository) == (clock.now, 0)


def test_checking_tells_before_the_end_and_after(
    tmp_path: Path, repository: Path, into: Publish, clock: Clock
) -> None:
    into("stable", package(tmp_path))
    resign(repository, signer(), 8)
    clock.now += 6 * DAY - 1
    done = check(repository)
    assert (done.faults, done.warnings) == ([], [])
    clock.now += 3
    done = check(repository)
    assert done.faults == []
    assert [each.place.rpartition("/")[2] for each in done.warnings] == ["InRelease"] * 2
    assert "from 2027-01-23 08:00 UTC on" in done.warnings[0].what
    clock.now += 2 * DAY
    done = check(repository)
    assert done.warnings == []
    assert len(done.faults) == 2
    assert "since 2027-01-23 08:00 UTC" in done.faults[0].what
    events: list[Event] = []
    resign(repository, signer(), emit=events.append)
    assert [type(event) for event in events] == [Warned, Warned]
    assert "clock is ahead" in str(events[0])
    assert check(repository).faults == []


def test_a_clock_that_is_behind_signs_nothing(
    tmp_path: Path, repository: Path, into: Publish, clock: Clock
) -> None:
    into("stable", package(tmp_path))
    resign(repository, signer(), 14)
    before = listing(repository)
    clock.now -= 3 * DAY
    with pytest.raises(RepositoryError, match="clock is 3 days behind"):
        resign(repository, signer(), 7)
    assert listing(repository) == before
    # An hour is a wrong time zone: dates go on from the last one.
    clock.now += 3 * DAY - 3600
    resign(repository, signer())
    assert span(repository)[0] > NOW
    assert check(repository).faults == []


def test_a_renewal_that_was_cut_off_is_completed(
    tmp_path: Path, repository: Path, into: Publish, clock: Clock
) -> None:
    into("stable", package(tmp_path))
    resign(repository, signer(), 14)
    clock.now += DAY
    # As a killed one leaves it: Release says what InRelease does not.
    release = repository / "apt/dists/stable/Release"
    release.write_bytes(release.read_bytes().replace(b"Label: ", b"Label:  "))
    (repository / "apt/dists/stable/Release.gpg").unlink()
    (repository / layout.SHOWN).write_bytes(b"")
    assert check(repository).faults
    resign(repository, signer())
    assert check(repository).faults == []
    assert span(repository)[0] == clock.now


@pytest.mark.parametrize("days", [-1, 3651])
def test_days_have_bounds(tmp_path: Path, repository: Path, into: Publish, days: int) -> None:
    into("stable", package(tmp_path))
    with pytest.raises(UsageError, match="days"):
        resign(repository, signer(), days)


def test_only_the_keys_of_a_repository_sign_it_again(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    with pytest.raises(RepositoryError, match="this is no repository"):
        resign(tmp_path, signer())
    into("stable", package(tmp_path))
    before = listing(repository)
    with pytest.raises(SigningKeyError):
        resign(repository, signer("Somebody <else@shop.example>"), 14)
    assert listing(repository) == before
