"""A channel goes back: what it holds then, and what stays known."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import IdentityConflictError, UsageError
from omnibuild.events import Event, Warned
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.history import log_of
from omnibuild.repository.publish import remove
from tests.unit.repository.life.conftest import Publish
from tests.unit.repository.life.test_promotion import held, up
from tests.unit.repository.samples import EL9, LINUX, package, signer


def cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def versions(repository: Path) -> list[str]:
    return sorted({version for _, version, _ in held(repository)})


def test_a_rollout_is_stopped(tmp_path: Path, repository: Path, into: Publish) -> None:
    platforms = (EL9, LINUX)
    into("stable", package(tmp_path), *(package(tmp_path, platform=each) for each in platforms))
    newer = [package(tmp_path, version="1.1", platform=each) for each in platforms]
    into("stable", package(tmp_path, version="1.1"), *newer)
    done = demote(repository, signer(), reason="logins fail")
    assert done.changed
    assert len(done.removed) == 3
    assert versions(repository) == ["1.0", "1.0-1"]
    now, failed, first = log_of(repository, "stable")
    assert now.release.before == failed.digest
    assert (now.release.origin, now.release.reason) == (first.digest, "logins fail")
    # Hosts have it: no other content may come under its version.
    with pytest.raises(IdentityConflictError):
        into("stable", package(tmp_path, version="1.1", content="other"))


def test_again_it_goes_back_further_and_to_any_release(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    for number in range(3):
        into("stable", package(tmp_path, version=f"1.{number}"))
    releases = [each.digest for each in log_of(repository, "stable")]
    demote(repository, signer())
    assert versions(repository) == ["1.0-1", "1.1-1"]
    demote(repository, signer())
    assert versions(repository) == ["1.0-1"]
    with pytest.raises(UsageError, match="no earlier release"):
        demote(repository, signer())
    done = demote(repository, signer(), to=releases[0][:12])
    assert versions(repository) == ["1.0-1", "1.1-1", "1.2-1"]
    assert done.added == ("hello 1.1-1 (amd64)", "hello 1.2-1 (amd64)")


def test_who_says_it_again_as_it_was_cut_off_goes_back_once(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    for number in range(3):
        into("stable", package(tmp_path, version=f"1.{number}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omnibuild.repository.publish.show", cut_off)
        with pytest.raises(KeyboardInterrupt):
            demote(repository, signer())
    assert check(repository).faults
    with pytest.raises(UsageError, match="hosts had not been shown it: now they are"):
        demote(repository, signer())
    assert versions(repository) == ["1.0-1", "1.1-1"]
    assert check(repository).faults == []
    demote(repository, signer())
    assert versions(repository) == ["1.0-1"]


def test_what_was_yanked_meanwhile_stays_out(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    into("stable", package(tmp_path), package(tmp_path, "other"))
    into("stable", package(tmp_path, version="1.1"))
    remove(["hello=1.0-1"], repository, signer())
    events: list[Event] = []
    demote(repository, signer(), emit=events.append)
    assert held(repository) == [("other", "1.0-1", "stable")]
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert "hello 1.0-1 (amd64) was taken out since then" in warned.message


def test_a_stopped_rollout_does_not_begin_again_unasked(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    into("testing", package(tmp_path))
    up(repository)
    into("testing", package(tmp_path, version="1.1"))
    up(repository)
    demote(repository, signer())
    assert up(repository).added == ()
    assert up(repository, "hello=1.1").added == ("hello 1.1-1 (amd64)",)


def test_other_releases_are_refused(tmp_path: Path, repository: Path, into: Publish) -> None:
    into("stable", package(tmp_path))
    into("testing", package(tmp_path))
    other = next(log_of(repository, "testing")).digest
    for to, said in ((other, "no release"), ("", "no earlier release"), ("zz", "no release")):
        with pytest.raises(UsageError, match=said):
            demote(repository, signer(), to=to)
    with pytest.raises(UsageError, match="no channel"):
        demote(repository, signer(), "none")
