"""Whatever an archive holds, nothing is written, read or left outside of the target."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omnibuild.errors import ArchiveError
from omnibuild.sources.archive import unpack
from omnibuild.sources.extraction import Limits
from tests.unit.sources.archives import (
    COMPRESSORS,
    Member,
    file,
    hard_link,
    symlink,
    tar,
    zipped,
)

LIMITS = Limits(size=1 << 20, entries=50)
CANARY = b"must stay as it is"

# Few names, so that members meet: this is where archives attack.
parts = st.sampled_from(["a", "b", "c", "..", ".", "", "canary"])
paths = st.lists(parts, min_size=1, max_size=5).map("/".join)
targets = paths | st.sampled_from(["/", "/etc/passwd", "../../../canary", "..", "."])
kinds = st.sampled_from(
    [tarfile.REGTYPE] * 4
    + [tarfile.SYMTYPE] * 4
    + [tarfile.LNKTYPE] * 2
    + [tarfile.DIRTYPE] * 2
    + [tarfile.FIFOTYPE]
)
members = st.builds(
    Member,
    name=paths,
    content=st.just(b""),
    kind=kinds,
    target=targets,
    mode=st.integers(0, 0o7777),
) | st.builds(file, name=paths, content=st.binary(max_size=20))
archives = st.lists(members, max_size=8)


def check(data: bytes) -> bool:
    """Unpack ``data``; prove what must hold either way; tell whether it was accepted."""
    with tempfile.TemporaryDirectory() as name:
        world = Path(name)
        (world / "canary").write_bytes(CANARY)
        archive = world / "archive"
        archive.write_bytes(data)
        home = world / "home"
        home.mkdir()
        (home / "canary").write_bytes(CANARY)
        accepted = True
        try:
            unpack(archive, home / "target", limits=LIMITS)
        except ArchiveError:
            accepted = False
        assert sorted(os.listdir(world)) == ["archive", "canary", "home"]
        expected = ["canary", "target"] if accepted else ["canary"]
        assert sorted(os.listdir(home)) == expected
        for canary in (world / "canary", home / "canary"):
            assert canary.read_bytes() == CANARY
            assert canary.stat().st_nlink == 1
        if accepted:
            check_inside(home / "target")
        return accepted


def check_inside(target: Path) -> None:
    real = Path(os.path.realpath(target))
    for directory, names, file_names in os.walk(target):
        for name in (*names, *file_names):
            path = Path(directory, name)
            assert Path(os.path.realpath(path)).is_relative_to(real), path
            if not path.is_symlink():
                assert path.stat().st_mode & 0o7777 in (0o644, 0o755)
                assert path.is_file() or path.is_dir()


@example([symlink("a/b", ".."), symlink("a/c", "b/../x"), file("a/x")])
@example([symlink("a/a", "../a")])
@example([file("a/x"), hard_link("a/y", "a/../canary")])
@given(archives)
def test_random_tars(some: Sequence[Member]) -> None:
    check(tar(some))


@given(archives.map(lambda some: [one for one in some if one.kind != tarfile.LNKTYPE]))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_random_zips(some: Sequence[Member]) -> None:
    check(zipped(some))


GOOD = [file("d/a", b"content " * 200), symlink("d/b", "a"), hard_link("d/c", "d/a")]
SEEDS = [compress(tar(GOOD)) for compress in COMPRESSORS.values()] + [
    tar([file("d/" + "long" * 60)], tarfile.GNU_FORMAT),
    zipped(GOOD[:2]),
]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 1 << 14), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_archives(seed: bytes, damage: list[tuple[int, int]]) -> None:
    data = bytearray(seed)
    for position, value in damage:
        data[position % len(data)] = value
    check(bytes(data))


@given(st.sampled_from(SEEDS), st.binary(max_size=200), st.integers(0, 1 << 14))
def test_rubbish_behind_a_good_start(seed: bytes, rubbish: bytes, cut: int) -> None:
    check(seed[: cut % len(seed)] + rubbish)


def test_the_seeds_are_good() -> None:
    assert all(check(seed) for seed in SEEDS)
