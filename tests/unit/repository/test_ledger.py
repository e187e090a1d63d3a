"""Sorted lists in leaves: what they hold, and how little a change writes."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import RepositoryError
from omnibuild.repository.state.entries import Download
from omnibuild.repository.state.ledger import LEAF, Leaf, Ledger
from omnibuild.repository.targets.directory import DirectoryTarget


class Memory(DirectoryTarget):
    """A target that is read and written in memory, and counts."""

    files: dict[str, bytes]

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        object.__setattr__(self, "files", {})

    def read(self, path: str) -> bytes:
        return self.files.get(path, b"")

    def exists(self, path: str) -> bool:
        return path in self.files

    def put(self, path: str, data: bytes) -> bool:
        self.files[path] = data
        return True


def item(name: str, digest: str = "") -> Download:
    return Download(name=name, digest=digest or name, size=1)


def written(
    target: DirectoryTarget, *items: Download, leaves: tuple[Leaf, ...] = ()
) -> tuple[Leaf, ...]:
    ledger = Ledger(target, Download, leaves)
    for each in items:
        ledger.put(each)
    return ledger.commit()


names = st.lists(st.sampled_from([f"{a}-{b}-linux-x.tar.gz" for a in "abc" for b in range(90)]))


@given(names, names, st.randoms(use_true_random=False))
def test_the_order_of_changes_makes_no_difference(
    first: list[str], second: list[str], order: random.Random
) -> None:
    target = Memory()
    leaves = written(target, *map(item, first))
    leaves = written(target, *map(item, second), leaves=leaves)
    everything = [*map(item, {*first, *second})]
    order.shuffle(everything)
    assert leaves == written(Memory(), *everything)
    found = list(Ledger(target, Download, leaves))
    assert [each.key for each in found] == sorted(each.key for each in everything)
    assert Ledger(target, Download, leaves).count == len(everything)
    for each in everything:
        assert Ledger(target, Download, leaves).get(each.key) == each
    for name in "abc":
        same = [each for each in everything if each.parts[0] == name]
        assert len(Ledger(target, Download, leaves).named(name)) == len(same)


def test_one_more_writes_one_leaf_of_many() -> None:
    target = Memory()
    leaves = written(target, *(item(f"n{number:05}-1.0-linux-x.tar.gz") for number in range(5000)))
    assert 5000 / LEAF / 2 < len(leaves) < 5000 / LEAF * 2
    before = set(target.files)
    more = written(target, item("n02500-1.1-linux-x.tar.gz"), leaves=leaves)
    assert len(set(target.files) - before) <= 2
    assert len(set(more) - set(leaves)) <= 2
    assert len(max(target.files.values(), key=len)) < 10_000


def test_what_is_taken_out_keeps_its_identity() -> None:
    target = Memory()
    leaves = written(target, item("a-1-linux-x.tar.gz", "one"), item("b-1-linux-x.tar.gz"))
    ledger = Ledger(target, Download, leaves)
    ledger.withdraw(ledger.named("a")[0])
    again = Ledger(target, Download, ledger.commit())
    assert [each.name for each in again] == ["b-1-linux-x.tar.gz"]
    assert again.get(item("a-1-linux-x.tar.gz").key) is None
    assert again.identity(item("a-1-linux-x.tar.gz").key) == "one"
    assert again.put(item("a-1-linux-x.tar.gz", "one"))
    assert again.commit() == leaves


def test_what_is_there_already_writes_nothing() -> None:
    target = Memory()
    leaves = written(target, item("a.tar.gz"))
    ledger = Ledger(target, Download, leaves)
    assert not ledger.put(item("a.tar.gz"))
    assert ledger.commit() == leaves
    assert Ledger(target, Download).commit() == ()


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_damaged_leaf_is_one_error(position: int, bit: int) -> None:
    target = Memory()
    leaves = written(target, item("a.tar.gz"), item("b.tar.gz"))
    (path,) = target.files
    damaged = bytearray(target.files[path])
    damaged[position % len(damaged)] ^= 1 << bit
    target.files[path] = bytes(damaged)
    with contextlib.suppress(RepositoryError):
        found = list(Ledger(target, Download, leaves))
        assert found == [item("a.tar.gz"), item("b.tar.gz")], "zstd has bits without a meaning"
    del target.files[path]
    with pytest.raises(RepositoryError, match="state cannot be read"):
        list(Ledger(target, Download, leaves))
