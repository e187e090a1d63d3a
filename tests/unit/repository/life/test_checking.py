"""What is wrong with a repository is told: all of it, and nothing else."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError
from omnibuild.events import silent
from omnibuild.repository import layout
from omnibuild.repository.apt import switch
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.publish import publish
from omnibuild.repository.targets import open_target
from tests.unit.repository.samples import PLATFORMS, listing, package, signer

GONE = "the list of an rpm's files is gone or damaged"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a history in two channels, made once: tests get copies."""
    base = tmp_path_factory.mktemp("published")
    root = base / "repository"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(switch, "PAIR_SECONDS", 0)
        patch.setattr(switch, "INDEX_SECONDS", 0)
        for version in ("1.0", "1.1"):
            files = [package(base, version=version, platform=each) for each in PLATFORMS]
            publish(files, root, signer(), "testing", PLATFORMS, "https://pkg.shop.example")
        promote(["hello=1.0"], root, signer(), "testing", "stable")
        promote(["hello=1.1"], root, signer(), "testing", "stable")
        demote(root, signer())
    return root


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Path:
    """That repository, for one test."""
    return shutil.copytree(published, tmp_path / "repository", symlinks=True)


def wrong(repository: Path, *, deep: bool = False) -> list[tuple[str, str]]:
    faults = check(repository, deep=deep).faults
    return [(str(Path(each.place).relative_to(repository)), each.what) for each in faults]


@pytest.mark.parametrize("deep", [False, True])
def test_nothing_is_wrong_and_nothing_changes(repository: Path, deep: bool) -> None:
    before = listing(repository)
    found = check(repository, deep=deep)
    assert found.faults == []
    assert found.releases == 5
    pool = [*repository.glob("apt/pool/**/*.deb"), *repository.glob("yum/*/*/*/Packages/*/*.rpm")]
    # What was demoted is there, and no channel lists it: it is not asked for.
    assert found.files == len(pool) - 1 + len(list(repository.glob("downloads/*.zst")))
    assert listing(repository) == before


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("apt/pool/main/h/hello/hello_1.0-1_amd64.deb", "it is gone"),
        ("yum/stable/el9/x86_64/Packages/h/hello-1.0-1.x86_64.rpm", "it is gone"),
        ("downloads/hello-1.0-linux-x86_64.tar.zst", "it is gone"),
        ("downloads/hello-1.0-linux-x86_64.tar.zst.sha256", "not the checksum"),
        ("downloads/stable.list", "not signed"),
        ("install.sh", "not signed"),
        ("keys/*.gpg", "not the repository's key"),
        ("apt/dists/stable/InRelease", "not signed"),
        ("apt/dists/stable/Release", "not what InRelease says"),
        ("apt/dists/stable/Release.gpg", "not signed"),
        ("yum/stable/el9/x86_64/mirrorlist", "names no metadata"),
        ("yum/stable/el9/x86_64/repodata/repomd.xml", "not signed"),
        ("yum/stable/el9/x86_64/gen-3/repodata/repomd.xml", "not signed"),
        ("state/shown.json", "not shown"),
    ],
)
def test_each_file_that_is_gone_or_other_is_told(repository: Path, pattern: str, said: str) -> None:
    (path,) = repository.glob(pattern)
    path.unlink()
    ((place, what),) = wrong(repository)
    assert place == str(path.relative_to(repository))
    assert said in what
    path.write_bytes(b"other")
    ((place, what),) = wrong(repository)
    assert place == str(path.relative_to(repository))


@pytest.mark.parametrize(
    "path",
    [
        "install.sh",
        "yum/stable/el9/x86_64/repodata/repomd.xml",
        "downloads/hello-1.0-linux-x86_64.tar.zst",
    ],
)
def test_a_signature_that_is_gone_is_told(repository: Path, path: str) -> None:
    (repository / f"{path}.asc").unlink()
    ((place, _),) = wrong(repository)
    assert place.removesuffix(".asc") == path


def test_other_bytes_of_the_same_size_are_told_by_a_deep_check(repository: Path) -> None:
    changed = []
    for pattern in ("apt/pool/**/*_1.0-1_amd64.deb", "yum/stable/**/*.rpm", "downloads/*1.0*.zst"):
        path = sorted(repository.glob(pattern))[0]
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        changed.append(str(path.relative_to(repository)))
    assert wrong(repository) == []
    found = wrong(repository, deep=True)
    assert {place for place, _ in found} == set(changed)
    assert all("expected" in what or "not signed" in what for _, what in found)


def old_leaf(repository: Path) -> Path:
    """Return a leaf that only an earlier release names."""
    head = json.loads((repository / "state/head.json").read_text())
    now = "".join(
        (repository / f"state/releases/{each}.json").read_text()
        for each in head["releases"].values()
    )
    return next(each for each in repository.glob("state/leaves/*") if each.stem not in now)


def present_leaf(repository: Path) -> Path:
    """Return a leaf that a channel's present release names."""
    head = json.loads((repository / "state/head.json").read_text())
    release = repository / f"state/releases/{head['releases']['stable']}.json"
    contents = json.loads(release.read_text())["contents"]
    return repository / f"state/leaves/{contents['downloads'][0][1]}.zst"


def present_release(repository: Path) -> Path:
    head = json.loads((repository / "state/head.json").read_text())
    return repository / f"state/releases/{head['releases']['stable']}.json"


@pytest.mark.parametrize("choose", [old_leaf, present_leaf, present_release])
def test_damage_of_the_state_is_told(repository: Path, choose: Callable[[Path], Path]) -> None:
    path = choose(repository)
    path.unlink()
    found = wrong(repository)
    assert str(path.relative_to(repository)) in {place for place, _ in found}


def test_indexes_of_another_state_are_told(repository: Path) -> None:
    """What was signed once is put back: its signature is good, its content is not."""
    files = [path for path in repository.glob("apt/dists/stable/**/*") if path.is_file()]
    kept = {path: path.read_bytes() for path in files}
    promote(["hello=1.1"], repository, signer(), "testing", "stable")
    for path, data in kept.items():
        path.write_bytes(data)
    found = wrong(repository)
    what = "main/binary-amd64/Packages: it does not say what the repository holds"
    assert ("apt/dists/stable/InRelease", what) in found


def test_a_head_that_is_damaged_is_an_error(repository: Path) -> None:
    (repository / "state/head.json").write_bytes(b"{")
    with pytest.raises(RepositoryError, match="cannot be read"):
        check(repository)


def test_what_is_wrong_only_while_somebody_shows_is_not_told(repository: Path) -> None:
    """Who shows has its lock, and has emptied the record of what is shown."""
    target, begun = open_target(repository), threading.Event()
    paths = ("state/shown.json", "apt/dists/stable/InRelease")
    kept = {path: target.read(path) for path in paths}

    def show() -> None:
        with target.locked(layout.SHOWING, silent):
            target.put("state/shown.json", b"")
            target.remove("apt/dists/stable/InRelease")
            begun.set()
            time.sleep(1.5)
            target.put_all(kept)

    thread = threading.Thread(target=show)
    thread.start()
    begun.wait()
    assert wrong(repository, deep=True) == []
    thread.join()


def test_a_list_of_files_that_is_damaged_is_told(repository: Path) -> None:
    path = sorted(repository.glob("state/filelists/*"))[0]
    path.write_bytes(path.read_bytes()[:-5])
    ((place, what),) = wrong(repository)
    assert (place, what) == (str(path.relative_to(repository)), GONE)
