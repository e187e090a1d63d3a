"""From channel to channel: names, bytes, identities."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError, SigningKeyError, UsageError
from omnibuild.events import Event, Warned, silent
from omnibuild.repository.life.history import log_of
from omnibuild.repository.life.inventory import inventories
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.publish import Published, remove
from tests.unit.repository.life.conftest import Publish
from tests.unit.repository.samples import DEBIAN_11, EL9, PLATFORMS, listing, package, signer


def up(repository: Path, *names: str, emit: object = silent) -> Published:
    assert callable(emit)
    return promote(names, repository, signer(), "testing", "stable", emit)


def held(repository: Path, channel: str = "stable") -> list[tuple[str, str, str]]:
    (found,) = inventories(repository, channel)
    return sorted((each.name, each.version, each.place) for each in found.items)


def test_all_of_a_channel_comes_byte_for_byte(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    files = [package(tmp_path, platform=each) for each in PLATFORMS]
    into("testing", *files)
    done = up(repository)
    assert (done.changed, len(done.added)) == (True, 4)
    assert held(repository) == [
        ("hello", "1.0", "downloads"),
        ("hello", "1.0-1", "el9"),
        ("hello", "1.0-1", "stable"),
        ("hello", "1.0-1~deb11", "stable-deb11"),
    ]
    rpms = [
        next((repository / f"yum/{channel}/el9/x86_64/Packages/h").iterdir()).read_bytes()
        for channel in ("stable", "testing")
    ]
    assert rpms[0] == rpms[1]
    suite = repository / "apt/dists/stable-deb11/main/binary-amd64/Packages.gz"
    assert b"Version: 1.0-1~deb11\n" in gzip.decompress(suite.read_bytes())
    assert "hello-1.0" in (repository / "downloads/stable.list").read_text()
    logged = next(log_of(repository, "stable"))
    assert logged.release.author.action == "promote"
    assert logged.release.origin == next(log_of(repository, "testing")).digest
    # Publishing them there as well is nothing new: signed again they would differ.
    before = listing(repository)
    assert not into("stable", *files).changed
    assert listing(repository) == before


def test_again_is_nothing_new(tmp_path: Path, repository: Path, into: Publish) -> None:
    into("testing", package(tmp_path), package(tmp_path, platform=EL9))
    up(repository)
    before = listing(repository)
    again = up(repository)
    assert (again.changed, again.added) == (False, ())
    assert listing(repository) == before


@pytest.mark.parametrize(
    ("named", "come"),
    [
        ("hello", {"1.0-1", "1.1-1", "1.1-1~deb11"}),
        ("hello=1.1", {"1.1-1", "1.1-1~deb11"}),
        ("hello=1.1-1", {"1.1-1"}),
    ],
)
def test_what_is_named_comes_and_nothing_else(
    tmp_path: Path, repository: Path, into: Publish, named: str, come: set[str]
) -> None:
    old, new = package(tmp_path), package(tmp_path, version="1.1")
    new_11 = package(tmp_path, version="1.1", platform=DEBIAN_11)
    into("testing", old, new, new_11, package(tmp_path, "other"))
    into("stable", package(tmp_path, "there"))
    up(repository, named)
    rows = held(repository)
    assert {version for name, version, _ in rows if name == "hello"} == come
    assert {name for name, _, _ in rows} == {"hello", "there"}


def test_what_was_taken_out_comes_back_only_by_its_version(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    into("testing", package(tmp_path), package(tmp_path, "other"))
    up(repository)
    remove(["hello"], repository, signer())
    events: list[Event] = []
    for names in ([], ["hello"]):
        assert up(repository, *names, emit=events.append).added == ()
    messages = [event.message for event in events if isinstance(event, Warned)]
    assert len(messages) == 2
    assert "hello 1.0-1 (amd64) was taken out of stable" in messages[0]
    assert up(repository, "hello=1.0").added == ("hello 1.0-1 (amd64)",)


def test_words_may_mean_the_same(tmp_path: Path, repository: Path, into: Publish) -> None:
    into("testing", package(tmp_path))
    up(repository, "hello")
    remove(["hello=1.0", "hello=1.0"], repository, signer())
    assert up(repository, "hello=1.0", "hello").added == ("hello 1.0-1 (amd64)",)


@pytest.mark.parametrize(
    ("names", "said"),
    [(["none"], "holds no none"), (["hello=2"], "holds no hello=2"), (["hello="], "no package")],
)
def test_names_that_mean_nothing_are_refused(
    tmp_path: Path, repository: Path, into: Publish, names: list[str], said: str
) -> None:
    into("testing", package(tmp_path))
    before = listing(repository)
    with pytest.raises(UsageError, match=said):
        up(repository, *names)
    assert listing(repository) == before


def test_channels_that_cannot_be_are_refused(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    into("testing", package(tmp_path))
    for source, to in (("none", "stable"), ("testing", "testing"), ("testing", "No Name")):
        with pytest.raises(UsageError):
            promote([], repository, signer(), source, to)
    with pytest.raises(SigningKeyError):
        promote([], repository, signer("Other <other@shop.example>"), "testing", "stable")
    with pytest.raises(RepositoryError, match="no repository"):
        promote([], tmp_path / "none", signer(), "testing", "stable")


@pytest.mark.parametrize("damage", ["gone", "other"])
def test_an_rpm_that_is_not_what_was_published_goes_nowhere(
    tmp_path: Path, repository: Path, into: Publish, damage: str
) -> None:
    into("testing", package(tmp_path), package(tmp_path, platform=EL9))
    into("stable", package(tmp_path))
    (rpm,) = repository.glob("yum/testing/el9/x86_64/Packages/h/*.rpm")
    rpm.unlink() if damage == "gone" else rpm.write_bytes(b"other")
    with pytest.raises(RepositoryError, match="not what was published"):
        up(repository)
    assert [place for _, _, place in held(repository)] == ["stable"]


def test_a_deb_that_is_gone_goes_nowhere(tmp_path: Path, repository: Path, into: Publish) -> None:
    into("testing", package(tmp_path))
    (deb,) = repository.glob("apt/pool/main/h/hello/*.deb")
    deb.unlink()
    with pytest.raises(RepositoryError, match="gone"):
        up(repository)


def test_a_version_is_one_of_a_list(tmp_path: Path, repository: Path, into: Publish) -> None:
    into("testing", *(package(tmp_path, version="2.0", revision=each) for each in "12"))
    with pytest.raises(UsageError, match="several versions") as refused:
        up(repository, "hello=2.0")
    assert "hello=2.0-2" in str(refused.value.hint)
    assert up(repository, "hello=2.0-1").added == ("hello 2.0-1 (amd64)",)


def test_no_suite_is_of_two_channels(tmp_path: Path, repository: Path, into: Publish) -> None:
    into("testing", package(tmp_path), package(tmp_path, platform=EL9))
    before = listing(repository)
    with pytest.raises(UsageError, match="both would have the suite testing-deb11"):
        into("testing-deb11", package(tmp_path, "other"))
    with pytest.raises(UsageError, match="both would have the suite testing-deb11"):
        promote([], repository, signer(), "testing", "testing-deb11")
    assert listing(repository) == before
