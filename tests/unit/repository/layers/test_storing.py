"""Layers in a repository: what is brought, what is taken as it is, what is said of them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from omnibuild.digests import of_file
from omnibuild.errors import PackageError, RepositoryError
from omnibuild.package.compression import LEVELS
from omnibuild.package.tar.parts import PART_LIST
from omnibuild.repository import layout
from omnibuild.repository.layers.division import SMALL
from omnibuild.repository.layers.listing import Row, read_layer_list
from omnibuild.repository.layers.storing import Layered
from omnibuild.repository.life.checking import check
from omnibuild.repository.publish import publish
from omnibuild.repository.targets.directory import DirectoryTarget
from omnibuild.repository.targets.headers import headers_of
from tests.unit.repository.samples import LINUX, PLATFORMS, layered_tarball, package, signer

PARTS = {"python-3.13": {"lib/os.py": "os" * SMALL}, "python:flask": {"lib/flask.py": "f" * SMALL}}


def parts(version: str) -> Mapping[str, Mapping[str, str]]:
    return {**PARTS, "python:hello": {"lib/hello.py": version}}


def into(repository: Path, *files: Path, channel: str = "stable") -> None:
    publish(files, repository, signer(), channel, PLATFORMS)


def layers(repository: Path) -> dict[str, int]:
    """Return the layers with what tells whether they were written again."""
    return {path.name: path.stat().st_mtime_ns for path in repository.glob("layers/*.tar.zst")}


def rows(repository: Path, channel: str = "stable") -> list[list[Row]]:
    """Return the layers that the list of tarballs names, of each tarball."""
    lines = (repository / f"downloads/{channel}.list").read_text().splitlines()
    said = [line.split()[2] for line in lines if line.startswith("layers ")]
    return [read_layer_list(DirectoryTarget(repository), digest) for digest in said]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with hello 1.0."""
    into(tmp_path / "repository", layered_tarball(tmp_path, "1.0", parts("1.0")))
    return tmp_path / "repository"


def test_the_signed_list_names_the_layers(repository: Path) -> None:
    lines = (repository / "downloads/stable.list").read_text().splitlines()
    tarball, layered = (line.split() for line in lines[3:5])
    assert layered[:2] == ["layers", tarball[4]]
    ((first, *others),) = rows(repository)
    assert [row.title for row in (first, *others)] == ["python-3.13", "flask", "hello", "hello"]
    for row in (first, *others):
        path = repository / layout.layer(row.digest)
        assert (of_file(path), path.stat().st_size) == (row.digest, row.size)
    assert first.unpacked == 2 * SMALL
    tar = ("tar", "-I", "zstd", "-tf", repository / layout.layer(first.digest))
    assert (
        subprocess.run(tar, check=True, capture_output=True).stdout == b"./\n./lib/\n./lib/os.py\n"
    )
    headers = headers_of(layout.layer(first.digest))
    assert headers["ContentType"] == "application/zstd"
    assert headers["CacheControl"] == headers_of(layout.layer_list(first.digest))["CacheControl"]
    assert "immutable" in headers["CacheControl"]


def test_only_what_changed_is_brought(repository: Path, tmp_path: Path) -> None:
    before = layers(repository)
    into(repository, layered_tarball(tmp_path, "1.1", parts("1.1")))
    after = layers(repository)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2
    first, second = rows(repository)
    assert first[:2] == second[:2]
    assert check(repository, deep=True).faults == []


def test_a_layer_is_taken_as_it_is_whoever_compressed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another libzstd makes other bytes of equal files; hosts need not fetch them again."""
    repository = tmp_path / "repository"
    with monkeypatch.context() as patch:
        patch.setitem(LEVELS["release"], "zstd", 1)
        into(repository, layered_tarball(tmp_path, "1.0", parts("1.0")))
    into(repository, layered_tarball(tmp_path, "1.1", parts("1.1")))
    into(tmp_path / "other", layered_tarball(tmp_path, "1.1", parts("1.1")))
    newest, before = rows(repository)
    (other,) = rows(tmp_path / "other")
    assert newest[0] == before[0]
    assert (newest[0].identity, newest[0].digest != other[0].digest) == (other[0].identity, True)


def test_a_layer_that_is_gone_or_cut_off_comes_back(repository: Path, tmp_path: Path) -> None:
    ((first, second, *_),) = rows(repository)
    (repository / layout.layer(first.digest)).unlink()
    (repository / layout.layer(second.digest)).write_bytes(b"half")
    whats = {fault.what for fault in check(repository).faults}
    assert whats == {"it is gone", f"it has 4 bytes, and had {second.size}"}
    into(repository, layered_tarball(tmp_path, "1.0", parts("1.0")))
    assert check(repository, deep=True).faults == []


def test_a_list_that_is_damaged_is_told_and_comes_back(repository: Path, tmp_path: Path) -> None:
    (path,) = repository.glob("layers/*.list")
    for content in ("layer", ""):
        path.write_text(content)
        (fault,) = check(repository).faults
        assert (fault.place, fault.what) == (
            str(path),
            "a list of layers is damaged" if content else "a list of layers is gone",
        )
        into(repository, layered_tarball(tmp_path, "1.0", parts("1.0")))
        assert check(repository, deep=True).faults == []


def test_bytes_that_differ_are_seen_by_a_deep_check(repository: Path) -> None:
    ((first, *_),) = rows(repository)
    path = repository / layout.layer(first.digest)
    path.write_bytes(bytes(path.stat().st_size))
    assert check(repository).faults == []
    (fault,) = check(repository, deep=True).faults
    assert fault.what.startswith("it is not what was published")


def test_a_layer_that_somebody_removed_meanwhile_is_no_silent_gap(tmp_path: Path) -> None:
    row = Row("0" * 64, 1, 1, "1" * 64, "zlib")
    with pytest.raises(RepositoryError, match="removed while"):
        Layered([row]).put(DirectoryTarget(tmp_path))


def test_tarballs_that_stay_whole_have_no_layers(repository: Path, tmp_path: Path) -> None:
    before = layers(repository)
    into(repository, package(tmp_path, "tool", platform=LINUX))
    assert layers(repository) == before
    lines = (repository / "downloads/stable.list").read_text().splitlines()
    assert [line.split()[0] for line in lines[3:6]] == ["tarball", "layers", "tarball"]


def test_a_list_of_parts_that_lies_harms_nobody(repository: Path, tmp_path: Path) -> None:
    """Whoever makes a tarball may write there what he likes."""
    listed = "part ../../x\n./../../etc/passwd\n./bin/hello\npart \n./\n"
    lying = {"python:hello": {"lib/hello.py": "2", PART_LIST: listed}}
    with pytest.raises(PackageError, match="two entries"):
        layered_tarball(tmp_path, "2.0", lying)
    path = tmp_path / "x/hello-2.0-linux-x86_64.tar.gz"
    tree = tmp_path / "x/hello-2.0"
    for name, content in {"bin/hello": "#!/bin/sh\n", PART_LIST: listed}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    subprocess.run(["tar", "-czf", path, "-C", tmp_path / "x", "hello-2.0"], check=True)
    into(repository, path)
    assert [row.title for row in rows(repository)[0]] == ["small parts", "hello"]
    assert check(repository, deep=True).faults == []
