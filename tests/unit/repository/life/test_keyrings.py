"""The package of a repository's keys, through all that happens to packages of a channel."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from omnibuild.errors import UsageError
from omnibuild.repository import layout
from omnibuild.repository.keys import rotation
from omnibuild.repository.keys.package import keyring_release
from omnibuild.repository.life import collection
from omnibuild.repository.life.checking import NO_KEYS, check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.history import log_of
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.life.retention import Retention, retire, retired
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.head import load
from omnibuild.repository.targets import open_target
from omnibuild.signing.signer import load_signer
from tests.unit.repository.life.conftest import Publish
from tests.unit.repository.samples import DEBIAN_12, EL9, PLATFORMS, listing, package, signer
from tests.unit.repository.test_rotation import OLD, OTHER, announced, versions
from tests.unit.signing.keyring import keyring


def own(root: Path) -> str:
    """Return what the package is called."""
    record = load(open_target(root)).repository
    assert record
    return layout.keyring_package(record.name)


def serials(root: Path) -> set[str]:
    """Return the serials of all its files, which all formats and channels have."""
    found: list[set[str]] = []
    for pattern in ("apt/pool/**/*.deb", "yum/*/*/*/Packages/*/*.rpm"):
        names = {path.name.removeprefix(own(root)) for path in root.glob(pattern)}
        found.append({name[1] for name in names if name[0] in "_-"})
    assert all(each == found[0] for each in found)
    return found[0]


def fill(tmp_path: Path, into: Publish, channel: str = "stable", version: str = "1.0") -> None:
    into(channel, *(package(tmp_path, version=version, platform=each) for each in PLATFORMS))


@pytest.mark.parametrize("reason", ["", "broken"], ids=["remove", "yank"])
@pytest.mark.parametrize("version", ["", "=1", "=1-1"])
def test_it_is_not_taken_out(
    tmp_path: Path, repository: Path, into: Publish, reason: str, version: str
) -> None:
    fill(tmp_path, into)
    before = listing(repository)
    with pytest.raises(UsageError, match="brings the repository's keys to hosts") as caught:
        remove(["hello", own(repository) + version], repository, signer(), reason=reason)
    assert "omnibuild key drop" in caught.value.hint
    assert listing(repository) == before


def test_nobody_else_makes_it(tmp_path: Path, repository: Path, into: Publish) -> None:
    fill(tmp_path, into)
    name = own(repository)
    before = listing(repository)
    for file in (
        next(repository.glob(f"apt/pool/**/{name}_*.deb")),
        package(tmp_path, name, "9"),
        package(tmp_path, name, "9", platform=EL9),
    ):
        with pytest.raises(UsageError, match="is in each channel by itself"):
            into("stable", file)
    assert listing(repository) == before
    # That of another repository is a package as any.
    foreign = "other-packages-0a1b2c3d-archive-keyring"
    assert into("stable", package(tmp_path, foreign)).added
    assert remove([foreign], repository, signer()).removed


def test_it_is_in_each_channel_by_itself(tmp_path: Path, repository: Path, into: Publish) -> None:
    fill(tmp_path, into, "testing")
    with pytest.raises(UsageError, match="is in each channel by itself"):
        promote([own(repository)], repository, signer(), "testing", "stable")
    promote(["hello"], repository, signer(), "testing", "stable")
    assert versions(repository) == versions(repository, "testing") == {"1-1"}
    announced(repository)
    assert versions(repository) == versions(repository, "testing") == {"2-1"}
    promote([], repository, signer(), "testing", "stable")
    assert versions(repository) == {"2-1"}
    assert check(repository, deep=True).faults == []


def test_a_channel_never_goes_back_to_former_keys(
    tmp_path: Path, repository: Path, into: Publish
) -> None:
    fill(tmp_path, into)
    announced(repository)
    fill(tmp_path, into, version="1.1")
    # To the time when there was one key, too.
    first = list(log_of(repository))[-1].digest
    for to in ("", first):
        done = demote(repository, signer(), to=to)
        assert not any("keyring" in title for title in (*done.added, *done.removed))
        assert versions(repository) == {"2-1"}
    assert check(repository, deep=True).faults == []


def test_no_count_of_versions_is_about_it(tmp_path: Path, repository: Path, into: Publish) -> None:
    for version in ("1.0", "1.1"):
        fill(tmp_path, into, version=version)
    announced(repository)
    retention = Retention(1, time.time() + 1)
    told = retired(repository, "stable", retention)
    assert told
    assert all(title.startswith("hello") for title in told)
    assert retire(repository, signer(), "stable", retention).removed == tuple(told)
    assert versions(repository) == {"2-1"}


def test_present_keys_are_never_collected(
    tmp_path: Path, repository: Path, into: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, into)
    fill(tmp_path, into, "testing")
    announced(repository)
    rotation.drop(repository, OLD, signer(OTHER).fingerprint)
    assert serials(repository) == {"1", "2", "3"}
    # Somebody may be fetching the former ones.
    assert collect(repository, time.time()).files == 0
    monkeypatch.setattr(collection, "IN_FLIGHT", -1)
    monkeypatch.setattr(collection, "YOUNG", -1)
    done = collect(repository, time.time())
    # Of each a .deb, and an .rpm in each channel.
    assert done.files == 6
    assert serials(repository) == {"3"}
    assert versions(repository) == versions(repository, "testing") == {"3-1"}
    assert check(repository, deep=True).faults == []


@pytest.mark.parametrize("place", ["apt/dists/stable", "apt/dists/stable-deb11", "yum/stable/el9"])
def test_a_place_without_it_is_told(
    tmp_path: Path, repository: Path, into: Publish, place: str
) -> None:
    fill(tmp_path, into)
    state = load(open_target(repository))
    channel, record = state.channel("stable"), state.repository
    assert record
    name = place.rpartition("/")[2]
    if place.startswith("yum"):
        channel.trees[name].list("noarch").withdraw(*channel.trees[name].named(own(repository)))
    else:
        channel.suites[name].list("all").withdraw(*channel.suites[name].named(own(repository)))
    state.commit(record, {"stable": keyring_release(state, "stable")})
    told = [fault for fault in check(repository).faults if fault.what == NO_KEYS]
    assert [fault.place for fault in told] == [str(repository / place)]
    publish([], repository, signer(), platforms=PLATFORMS)
    assert check(repository).faults == []


def test_an_extended_end_reaches_hosts_of_all_channels(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    with keyring("rsa3072", end="100d") as ring:
        first = load_signer(ring.export(tmp_path / "first"))
        for channel in ("stable", "testing"):
            files = [package(tmp_path, platform=each) for each in (DEBIAN_12, EL9)]
            publish(files, root, first, channel, PLATFORMS)
        ring.gpg("--quick-set-expire", ring.fingerprint, "300d")
        extended = load_signer(ring.export(tmp_path / "extended"))
    publish([package(tmp_path, version="1.1")], root, extended, "testing", PLATFORMS)
    assert versions(root) == versions(root, "testing") == {"2-1"}
    assert check(root, deep=True).faults == []
    logged = next(log_of(root, "stable")).release
    assert (logged.author.action, logged.added, logged.removed) == ("key", (), ())
    # Nothing is left to do for the other channel.
    assert not publish([], root, extended, "stable", PLATFORMS).changed
