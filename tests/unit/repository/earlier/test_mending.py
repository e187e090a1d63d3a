"""What is damaged of earlier states is found, and is whole again or gone: never other content."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.repository.life.checking import check
from omnibuild.repository.mending.repair import repair
from tests.unit.repository.mending.damage import damage, make, told
from tests.unit.repository.samples import listing, signer

TREE = "yum/stable/el9/x86_64"
SHELF = "apt/dists/stable/main/binary-amd64"
RPM = f"{TREE}/Packages/h/hello-1.1-1.x86_64.rpm"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("published"))


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "repository")


def old_index(root: Path) -> Path:
    present = (
        (root / SHELF / "Packages.gz").read_bytes(),
        (root / SHELF / "Packages.xz").read_bytes(),
    )
    shelf = sorted((root / SHELF / "by-hash/SHA256").iterdir())
    (found,) = [path for path in shelf if path.read_bytes() not in present]
    return found


def one(root: Path, pattern: str) -> Path:
    return sorted(root.glob(pattern))[0]


@pytest.mark.parametrize("way", ["truncated", "flipped"])
@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (f"{SHELF}/by-hash/SHA256/{{}}", "it is not what its name says"),
        (f"{TREE}/gen-2/repodata/*-primary.xml.gz", "it is not what its name says"),
        (f"{TREE}/gen-1/repodata/repomd.xml", "it is not signed by the repository's keys"),
        (f"{TREE}/gen-1/repodata/repomd.xml.asc", "it is not signed by the repository's keys"),
    ],
)
def test_what_is_lost_is_told_and_removed(
    repository: Path, pattern: str, what: str, way: str
) -> None:
    index = gzip.compress(b"Package: hello\n")
    (repository / SHELF / "by-hash/SHA256" / digests.of_bytes(index)).write_bytes(index)
    path = one(repository, pattern.format(digests.of_bytes(index)))
    before = told(repository)
    damage(path, way)
    path = path.with_name(path.name.removesuffix(".asc"))
    (fault,) = check(repository, deep=True).faults
    assert (fault.place, fault.what.startswith(what)) == (str(path), True)
    assert fault.what.endswith(": omnibuild repo repair")
    rehearsed = repair(repository, signer(), dry_run=True)
    assert path.exists()
    done = repair(repository, signer())
    assert done == rehearsed
    assert ([each.place for each in done.removed], done.mended, done.lost) == ([str(path)], [], [])
    assert not path.exists()
    assert any(
        line.startswith(f"removed: {path}: ") for line in done.lines(dropped=False, dry_run=False)
    )
    del before[str(path.relative_to(repository))]
    assert told(repository) == before
    assert check(repository, deep=True).faults == []
    assert repair(repository, signer()).removed == []


@pytest.mark.parametrize("path", ["", RPM, f"{TREE}/gen-1/repodata/*-other.xml.gz"])
def test_what_there_is_a_copy_of_is_whole_again(
    published: Path, repository: Path, path: str
) -> None:
    place = one(repository, path) if path else old_index(repository)
    damage(place, "flipped")
    assert [each.place for each in check(repository, deep=True).faults] == [str(place)]
    done = repair(repository, signer())
    assert [each.place for each in done.mended] == [str(place)]
    assert (done.removed, told(repository)) == ([], told(published))


def test_a_package_that_only_an_earlier_release_lists_is_removed(repository: Path) -> None:
    for path in (RPM, RPM.replace("stable", "testing", 1)):
        damage(repository / path, "flipped")
    done = repair(repository, signer())
    # What another channel holds now stays listed until somebody decides.
    assert [each.place for each in done.removed] == [str(repository / RPM)]
    assert ["/yum/testing/" in each.place for each in done.lost] == [True]


@pytest.mark.parametrize("way", ["deleted", "truncated", "flipped"])
def test_the_generation_that_hosts_are_at_stays_the_same(
    published: Path, repository: Path, way: str
) -> None:
    path = repository / TREE / "gen-3/repodata/repomd.xml"
    damage(path, way)
    done = repair(repository, signer())
    assert [(each.place, each.what) for each in done.mended] == [(str(path), "the same bytes")]
    assert listing(repository) == listing(published)


def test_a_generation_that_cannot_be_the_same_is_followed_by_another(repository: Path) -> None:
    # Nothing tells its date.
    for name in ("gen-3/repodata", "repodata"):
        damage(repository / TREE / name / "repomd.xml", "deleted")
    damage(repository / TREE / "gen-3/repodata/repomd.xml.asc", "truncated")
    (repository / TREE / "gen-3/repodata/repomd.xml").write_bytes(b"<repomd/>\n")
    assert repair(repository, signer()).lost == []
    assert (repository / TREE / "mirrorlist").read_text().endswith("/gen-4/\n")
    assert not (repository / TREE / "gen-3/repodata/repomd.xml").exists()
    assert check(repository, deep=True).faults == []
