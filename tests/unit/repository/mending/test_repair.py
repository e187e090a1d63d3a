"""What is damaged is made again, or is told by its name; nothing else changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError, SigningKeyError
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.history import log_of
from omnibuild.repository.life.inventory import inventories
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import publish, remove
from tests.unit.repository.mending.damage import damage, make, told
from tests.unit.repository.samples import PLATFORMS, listing, package, signer


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("published"))


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "repository")


def present_leaf(root: Path) -> str:
    head = json.loads((root / "state/head.json").read_text())
    release = json.loads((root / f"state/releases/{head['releases']['stable']}.json").read_text())
    return f"state/leaves/{release['contents']['suites']['stable']['lists']['amd64'][0][1]}.zst"


def test_what_was_yanked_is_told_again_of_the_log(repository: Path) -> None:
    remove(["hello"], repository, signer(), reason="It broke hosts.")
    head = json.loads((repository / "state/head.json").read_text())
    release = repository / f"state/releases/{head['releases']['stable']}.json"
    leaf = json.loads(release.read_text())["contents"]["yanked"][0][1]
    before = listing(repository)
    path = repository / f"state/leaves/{leaf}.zst"
    path.write_bytes(b"damaged")
    assert [fault.place for fault in check(repository).faults] == [str(path)]
    assert [each.place for each in repair(repository, signer()).mended] == [str(path)]
    assert listing(repository) == before


def test_what_is_whole_stays_as_it_is(repository: Path) -> None:
    before = listing(repository)
    done = repair(repository, signer())
    assert (done.mended, done.lost, done.dropped, done.unlisted) == ([], [], [], [])
    assert listing(repository) == before


@pytest.mark.parametrize(
    ("pattern", "way"),
    [
        ("state/head.json", "deleted"),
        ("state/head.json", "flipped"),
        ("state/shown.json", "flipped"),
        ("state/catalogue.json", "truncated"),
        ("state/catalogue/*", "flipped"),
        ("state/filelists/*", "truncated"),
        ("state/packed/apt/stable/main/binary-amd64/*", "flipped"),
        ("apt/dists/stable/main/binary-amd64/Packages.gz", "flipped"),
        ("apt/dists/stable/main/binary-amd64/Packages.xz", "truncated"),
        ("apt/dists/stable/InRelease", "deleted"),
        ("apt/dists/stable/Release", "flipped"),
        ("apt/dists/stable/Release.gpg", "truncated"),
        ("apt/pool/main/s/*/*.deb", "flipped"),
        ("yum/stable/el9/x86_64/Packages/h/hello-1.0*.rpm", "flipped"),
        ("yum/stable/el9/x86_64/mirrorlist", "deleted"),
        ("yum/stable/el9/x86_64/repodata/repomd.xml.asc", "deleted"),
        ("downloads/hello-1.0-*.zst.asc", "flipped"),
        ("downloads/*1.1*.sha256", "deleted"),
        ("downloads/stable.list", "truncated"),
        ("install.sh", "flipped"),
        ("keys/*.gpg", "truncated"),
        ("index.html", "deleted"),
    ],
)
def test_what_can_be_made_again_is_the_same(
    published: Path, repository: Path, pattern: str, way: str
) -> None:
    path = sorted(repository.glob(pattern))[0]
    damage(path, way)
    done = repair(repository, signer())
    assert done.lost == []
    assert check(repository, deep=True).faults == []
    assert told(repository) == told(published)


def test_a_leaf_is_made_again_of_indexes_and_history_byte_for_byte(
    published: Path, repository: Path
) -> None:
    """It lists a package, and remembers one that was taken out."""
    leaf = repository / present_leaf(repository)
    damage(leaf, "truncated")
    done = repair(repository, signer())
    assert [(each.place, each.what) for each in done.mended] == [(str(leaf), "the same bytes")]
    assert listing(repository) == listing(published)


@pytest.mark.parametrize("lost", ["state/leaves", "state/releases", "state"])
def test_a_state_that_is_gone_is_read_from_what_hosts_see(
    published: Path, repository: Path, lost: str
) -> None:
    held = [(each.channel, each.items) for each in inventories(published)]
    shutil.rmtree(repository / lost)
    repair(repository, signer())
    assert check(repository, deep=True).faults == []
    assert [(each.channel, each.items) for each in inventories(repository)] == held
    seen, before = told(repository), told(published)
    assert {path for path in seen if not path.startswith("state/")} == {
        path for path in before if not path.startswith("state/")
    }
    assert all(seen[path] == before[path] for path in seen if not path.startswith("state/"))
    if lost != "state/leaves":
        actions = {each.release.author.action for each in log_of(repository) if each.current}
        assert actions == {"repair"}


def test_after_a_repair_a_publishing_is_as_if_nothing_had_happened(
    published: Path, repository: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(published, tmp_path / "other")
    damage(repository / present_leaf(repository), "flipped")
    damage(repository / "state/head.json", "deleted")
    repair(repository, signer())
    file = package(tmp_path, version="1.2")
    for root in (repository, other):
        publish([file], root, signer(), "testing", PLATFORMS)
    one, two = told(repository), told(other)
    assert [path for path in one if not path.startswith("state/")] == [
        path for path in two if not path.startswith("state/")
    ]
    assert inventories(repository)[1].items == inventories(other)[1].items


def test_earlier_releases_that_are_lost_leave_the_others(repository: Path) -> None:
    before = list(log_of(repository, "testing"))
    (repository / f"state/releases/{before[-1].digest}.json").write_bytes(b"{}")
    done = repair(repository, signer())
    assert [Path(each.place).stem for each in done.lost] == [before[-1].digest]
    assert check(repository, deep=True).faults == []
    now = list(log_of(repository, "testing"))
    assert [each.release.author for each in now] == [each.release.author for each in before[:-1]]


def test_a_package_that_is_lost_stays_listed_until_it_is_dropped(repository: Path) -> None:
    path = repository / "apt/pool/main/h/hello/hello_1.0-1_amd64.deb"
    data = path.read_bytes()
    damage(path, "flipped")
    done = repair(repository, signer())
    assert [each.place for each in done.lost] == [str(path)]
    assert [each.place for each in check(repository, deep=True).faults] == [str(path)]
    done = repair(repository, signer(), drop_lost=True)
    assert done.dropped == ["hello 1.0-1 (amd64)"]
    assert check(repository, deep=True).faults == []
    again = repository.parent / path.name
    again.write_bytes(data)
    assert publish([again], repository, signer(), platforms=PLATFORMS).added == (
        "hello 1.0-1 (amd64)",
    )
    assert check(repository, deep=True).faults == []


def test_without_a_state_a_lost_rpm_is_an_error_before_anything_is_changed(
    repository: Path,
) -> None:
    shutil.rmtree(repository / "state")
    for path in repository.glob("yum/*/el9/x86_64/Packages/h/hello-1.1-1.x86_64.rpm"):
        path.unlink()
    before = listing(repository)
    with pytest.raises(RepositoryError, match="packages are lost") as raised:
        repair(repository, signer())
    assert "hello-1.1-1.x86_64.rpm: it is listed" in raised.value.why
    assert listing(repository) == before
    done = repair(repository, signer(), drop_lost=True)
    assert any("hello-1.1-1.x86_64.rpm" in each.place for each in done.lost)
    assert check(repository, deep=True).faults == []


def test_a_dry_run_tells_the_same_and_changes_nothing(repository: Path) -> None:
    for path in (present_leaf(repository), "state/head.json", "install.sh.asc"):
        damage(repository / path, "deleted")
    damage(repository / "apt/dists/stable/InRelease", "flipped")
    before = listing(repository)
    told_before = repair(repository, signer(), dry_run=True)
    assert listing(repository) == before
    assert repair(repository, signer()) == told_before
    assert len(told_before.mended) >= 4


def test_what_no_index_lists_is_told_and_not_shown(repository: Path, tmp_path: Path) -> None:
    stray = package(tmp_path, "stray")
    place = repository / "apt/pool/main/s/stray" / stray.name
    place.parent.mkdir(parents=True)
    shutil.copy(stray, place)
    done = repair(repository, signer())
    assert done.unlisted == [str(place)]
    assert all(item.name != "stray" for each in inventories(repository) for item in each.items)


def test_another_key_repairs_nothing(repository: Path) -> None:
    other = signer("Somebody <else@example.com>")
    for lost in (None, "state"):
        if lost:
            shutil.rmtree(repository / lost)
        before = listing(repository)
        with pytest.raises((SigningKeyError, RepositoryError)):
            repair(repository, other)
        assert listing(repository) == before


def test_what_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="no repository"):
        repair(tmp_path, signer())
    assert list(tmp_path.iterdir()) == []
