from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import LockError
from omnibuild.sources.roots.lock import LARGEST_LOCK, RootLock, RootPackage, load_root_lock

COMMITTED = Path(__file__).parents[4] / "roots" / "bullseye.lock.json"

words = st.text(min_size=1, max_size=8)
packages = st.builds(
    RootPackage,
    name=words,
    version=words,
    architecture=words,
    filename=st.from_regex(r"pool/[a-z]+\.deb", fullmatch=True),
    size=st.integers(0, 2**40),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)
locks = st.builds(
    RootLock,
    suite=words,
    architecture=words,
    packages=st.lists(packages, min_size=1, max_size=4).map(lambda some: tuple(sorted(some))),
)


@given(locks)
def test_a_lock_survives_its_file(lock: RootLock) -> None:
    assert RootLock.from_data(json.loads(lock.to_json())) == lock
    assert RootLock.from_data(lock.to_data()).identity == lock.identity


def test_the_committed_lock_is_whole_and_of_one_frozen_suite() -> None:
    lock = load_root_lock(COMMITTED)
    names = {package.name for package in lock.packages}
    assert {"libc6-dev", "gcc", "g++", "make", "python3", "apt", "dpkg", "perl"} <= names
    assert list(lock.packages) == sorted(lock.packages)
    assert all(package.filename.startswith("pool/main/") for package in lock.packages)
    assert COMMITTED.read_text() == lock.to_json()


def test_the_identity_is_golden() -> None:
    """A change here rebuilds every component of everybody: it must be meant."""
    assert load_root_lock(COMMITTED).identity == (
        "dd356e565e9ea253de30b5e1d283a8871959552ba13d83630bd8afa005919afe"
    )


def test_places_are_below_the_pool() -> None:
    first = load_root_lock(COMMITTED).packages[0]
    assert first.places == (f"debian:{first.filename.removeprefix('pool/')}",)


def broken(tmp_path: Path, change: Any) -> LockError:
    data = json.loads(COMMITTED.read_text())
    change(data)
    lock = RootLock(data.get("suite", ""), data.get("architecture", ""), ())
    rows = ",\n".join(json.dumps(item) for item in data["packages"])
    head = lock.to_json().partition("[")[0]
    path = tmp_path / "lock.json"
    path.write_text(f"{head}[\n{rows}\n]\n}}\n")
    with pytest.raises(LockError) as caught:
        load_root_lock(path)
    return caught.value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sha256", "abc"),
        ("sha256", None),
        ("size", "12"),
        ("size", True),
        ("filename", "/etc/passwd"),
        ("filename", "pool/../../x.deb"),
        ("surprise", 1),
    ],
)
def test_a_bad_field_is_named_with_its_line(tmp_path: Path, key: str, value: object) -> None:
    error = broken(tmp_path, lambda data: data["packages"][2].update({key: value}))
    assert key in error.why
    assert "autoconf" in error.why
    assert error.where is not None
    assert error.where.line == 7


@pytest.mark.parametrize("key", ["name", "version", "architecture", "filename", "size", "sha256"])
def test_a_missing_field_is_named(tmp_path: Path, key: str) -> None:
    error = broken(tmp_path, lambda data: data["packages"][2].pop(key))
    assert f"missing key `{key}`" in error.why


def test_all_faults_are_listed(tmp_path: Path) -> None:
    def change(data: Any) -> None:
        data["packages"][0]["sha256"] = ""
        data["packages"][5].pop("size")

    assert len(broken(tmp_path, change).why.splitlines()) == 2


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"packages": [1]}', '{"packages": []}', "\xff"])
def test_other_files_are_no_locks(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LockError) as caught:
        load_root_lock(path)
    assert caught.value.where is not None
    with pytest.raises(LockError):
        load_root_lock(tmp_path / "absent")


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"suite": ' + "1" * 5_000 + "}", " " * (LARGEST_LOCK + 1)],
    ids=["deep", "digits", "large"],
)
def test_locks_out_of_bounds(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(LockError):
        load_root_lock(tmp_path / "lock.json")


def test_a_directory_is_no_lock(tmp_path: Path) -> None:
    with pytest.raises(LockError):
        load_root_lock(tmp_path)
