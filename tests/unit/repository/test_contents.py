"""Contents: off at first, whole when they are on, and gone when they are off again."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError
from omnibuild.package.deb import reader
from omnibuild.repository.apt import contents
from omnibuild.repository.apt.release import rows_of, signed_text
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.settings import set_contents
from omnibuild.repository.publish import publish, remove
from tests.unit.repository.samples import PLATFORMS, package, signer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def into(root: Path, *files: Path, component: str = "main") -> None:
    publish(files, root, signer(), platforms=PLATFORMS, component=component)


def listed(root: Path) -> set[str]:
    """Return the Contents that the suite lists, without their endings."""
    release = signed_text((root / "apt/dists/stable/InRelease").read_bytes())
    return {path.partition(".")[0] for path in rows_of(release) if "Contents" in path}


def lines(root: Path, component: str = "main") -> dict[str, str]:
    data = (root / f"apt/dists/stable/{component}/Contents-amd64.gz").read_bytes()
    rows = [line.rpartition(" ") for line in gzip.decompress(data).decode().splitlines()]
    return {path: place for path, _, place in rows if path.startswith("opt/")}


def test_they_are_off_at_first_and_can_be_turned_off(tmp_path: Path, root: Path) -> None:
    into(root, package(tmp_path))
    assert listed(root) == set()
    assert not list(root.glob("state/contents"))
    set_contents(root, signer(), wanted=True)
    assert listed(root) == {"main/Contents-amd64"}
    assert list(root.glob("apt/dists/stable/main/Contents-amd64.*"))
    assert check(root, deep=True).faults == []
    set_contents(root, signer(), wanted=False)
    assert listed(root) == set()
    assert not list(root.glob("apt/dists/stable/main/Contents-amd64.*"))
    assert check(root, deep=True).faults == []


def test_all_packages_are_in_them(tmp_path: Path, root: Path) -> None:
    into(root, package(tmp_path), package(tmp_path, version="1.1"))
    set_contents(root, signer(), wanted=True)
    into(root, package(tmp_path, "extra"), component="contrib")
    into(root, package(tmp_path, "shop"))
    assert lines(root) == {"opt/hello/bin/hello": "misc/hello", "opt/shop/bin/shop": "misc/shop"}
    assert lines(root, "contrib") == {"opt/extra/bin/extra": "misc/extra"}
    remove(["hello"], root, signer())
    assert lines(root) == {"opt/shop/bin/shop": "misc/shop"}
    assert check(root, deep=True).faults == []


def test_one_more_package_is_all_that_is_read(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def list_deb(path: Path) -> list[bytes]:
        read.append(path.name)
        return reader.list_deb(path)

    monkeypatch.setattr(contents, "list_deb", list_deb)
    into(root, package(tmp_path), package(tmp_path, "shop"))
    set_contents(root, signer(), wanted=True)
    assert {"hello_1.0-1_amd64.deb", "shop_1.0-1_amd64.deb"} <= set(read)
    read.clear()
    into(root, package(tmp_path, "extra"))
    assert read == ["extra_1.0-1_amd64.deb"]
    assert list(lines(root)) == ["opt/extra/bin/extra", "opt/hello/bin/hello", "opt/shop/bin/shop"]
    # What is damaged beside the state is read again.
    for shard in root.glob("state/contents/*"):
        shard.write_bytes(shard.read_bytes()[:-9])
    remove(["shop"], root, signer())
    assert list(lines(root)) == ["opt/extra/bin/extra", "opt/hello/bin/hello"]
    assert check(root, deep=True).faults == []


def test_a_package_that_is_gone_is_told(tmp_path: Path, root: Path) -> None:
    deb = package(tmp_path)
    into(root, deb)
    (root / "apt/pool/main/h/hello/hello_1.0-1_amd64.deb").unlink()
    with pytest.raises(RepositoryError, match="a package is gone") as error:
        set_contents(root, signer(), wanted=True)
    assert "publish the same file again" in error.value.hint
    assert any("it is gone" in fault.what for fault in check(root).faults)
    into(root, deb)
    assert lines(root) == {"opt/hello/bin/hello": "misc/hello"}
    assert check(root, deep=True).faults == []


def test_what_is_kept_of_packages_goes_with_them(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into(root, package(tmp_path), package(tmp_path, "shop"))
    set_contents(root, signer(), wanted=True)
    kept = {path.name for path in root.glob("state/contents/*")}
    remove(["shop"], root, signer())
    later = 4_000_000_000.0
    monkeypatch.setattr("time.time", lambda: later)
    collect(root, later)
    left = {path.name for path in root.glob("state/contents/*")}
    assert len(kept - left) == 1
    assert left < kept
