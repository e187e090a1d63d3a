"""From one state of a suite to the next, seen by readers at every moment of it."""

from __future__ import annotations

import gzip
import itertools
import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.repository.apt import switch
from omnibuild.repository.apt.packing import Piece
from omnibuild.repository.apt.release import (
    by_hash,
    release_date,
    rows_of,
    signed_text,
    undated,
)
from omnibuild.repository.apt.suite import Suite
from omnibuild.repository.apt.switch import FORMS, publish_suites
from omnibuild.repository.targets.directory import DirectoryTarget
from tests.unit.repository.samples import listing, signer

DATE = 1_700_000_000
DISTS = "apt/dists/stable"
INDEX = "main/binary-amd64/Packages"
SHELF = "main/binary-amd64/by-hash/SHA256"


def piece(text: bytes) -> Piece:
    return Piece(digests.of_bytes(text), lambda: text)


def publish(root: Path, content: str, now: int = DATE) -> bool:
    suite = Suite("stable", "Shop", ["amd64"], ["main"], {INDEX: [piece(content.encode())]})
    return publish_suites(DirectoryTarget(root), [suite], signer(), now)


def test_an_unchanged_suite_stays_as_it_is(tmp_path: Path) -> None:
    assert publish(tmp_path, "content\n")
    before = listing(tmp_path)
    assert not publish(tmp_path, "content\n", DATE + 100)
    assert listing(tmp_path) == before
    assert publish(tmp_path, "other\n", DATE + 200)
    before = listing(tmp_path)
    assert not publish(tmp_path, "other\n", DATE + 300)
    assert listing(tmp_path) == before


def test_the_forms_take_turns_and_all_are_served(tmp_path: Path) -> None:
    directory = tmp_path / DISTS
    listed = []
    for content in ("1\n", "2\n", "3\n", "4\n"):
        publish(tmp_path, content)
        release = (directory / "Release").read_bytes()
        assert signed_text((directory / "InRelease").read_bytes()) == release
        assert signer().has_signed(release, (directory / "Release.gpg").read_bytes())
        rows = rows_of(release)
        listed += [form for form in FORMS if f"{INDEX}{form}" in rows]
        assert rows[INDEX] == f"{digests.of_bytes(content.encode())} {len(content)}"
        assert not (directory / INDEX).exists(), "as in Debian"
        packed = {form: (directory / f"{INDEX}{form}").read_bytes() for form in FORMS}
        assert gzip.decompress(packed[".gz"]) == content.encode()
        assert lzma.decompress(packed[".xz"]) == content.encode()
    assert listed == [".gz", ".xz", ".gz", ".xz"]


@dataclass
class Moments:
    """All that readers could see, in order, and where publishers gave them time."""

    root: Path
    seen: list[dict[str, bytes]] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)

    def look(self) -> None:
        self.seen.append(
            {path.removeprefix(f"{DISTS}/"): data for path, data in listing(self.root).items()}
        )

    def windows(self) -> Iterator[tuple[int, int]]:
        """Yield from when to when one reader may be under way: no wait begins and ends in it."""
        for first, last in itertools.combinations_with_replacement(range(len(self.seen)), 2):
            if not any(first < wait < last for wait in self.waits):
                yield first, last


@pytest.fixture
def moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Moments:
    """Four publishings, one right after the other."""
    found = Moments(tmp_path)
    replace, remove = os.replace, DirectoryTarget.remove

    def seen_replace(source: str, target: Path) -> None:
        replace(source, target)
        found.look()

    def seen_remove(self: DirectoryTarget, path: str) -> None:
        remove(self, path)
        found.look()

    def outlast(self: DirectoryTarget, path: str, seconds: float) -> None:
        del self, path, seconds
        found.look()
        found.waits.append(len(found.seen) - 1)

    publish(tmp_path, "Package: 0\n")
    found.look()
    monkeypatch.setattr(os, "replace", seen_replace)
    monkeypatch.setattr(DirectoryTarget, "remove", seen_remove)
    monkeypatch.setattr(DirectoryTarget, "outlast", outlast)
    for number in range(1, 4):
        publish(tmp_path, "".join(f"Package: {n}\n" for n in range(number + 1)))
    assert len(found.waits) == 6
    return found


def listed_forms(release: bytes) -> dict[str, str]:
    return {path: row for path, row in rows_of(release).items() if path.endswith(FORMS)}


def is_there(files: dict[str, bytes], path: str, row: str) -> bool:
    data = files.get(path)
    return data is not None and row == f"{digests.of_bytes(data)} {len(data)}"


def test_each_moment_is_a_whole_repository(moments: Moments) -> None:
    for files in moments.seen:
        message, release = files["InRelease"], files["Release"]
        assert signer().has_signed_cleartext(message)
        for path, row in listed_forms(signed_text(message)).items():
            assert is_there(files, by_hash(path, row), row), "apt finds it by its digest"
        for text in (signed_text(message), release):
            assert listed_forms(text)
            for path, row in listed_forms(text).items():
                assert is_there(files, path, row), "mirror programs find it by its name"
    states = {signed_text(files["InRelease"]) for files in moments.seen}
    assert len(states) == 4, "no state besides those that were published"


def test_readers_of_inrelease_find_what_it_lists(moments: Moments) -> None:
    """As aptly and reprepro do."""
    for first, last in moments.windows():
        rows = listed_forms(signed_text(moments.seen[first]["InRelease"]))
        assert all(is_there(moments.seen[last], path, row) for path, row in rows.items())


def test_readers_of_release_get_what_fits_together(moments: Moments) -> None:
    """As debmirror does: Release, InRelease, Release.gpg, then what Release lists."""
    for first, last in moments.windows():
        begun, done = moments.seen[first], moments.seen[last]
        signature = done.get("Release.gpg")
        assert signature is None or signer().has_signed(begun["Release"], signature)
        rows = listed_forms(begun["Release"])
        assert rows.items() >= listed_forms(signed_text(done["InRelease"])).items(), (
            "whoever reads the mirror by this InRelease finds all there"
        )
        assert all(is_there(done, path, row) for path, row in rows.items())


def test_who_comes_after_a_killed_publisher_waits_for_its_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, "1\n")
    waited = []

    def outlast(self: DirectoryTarget, path: str, seconds: float) -> None:
        del self
        waited.append((path.rpartition("/")[2], seconds))
        if len(waited) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(switch, "PAIR_SECONDS", 3)
    monkeypatch.setattr(switch, "INDEX_SECONDS", 4)
    monkeypatch.setattr(DirectoryTarget, "outlast", outlast)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, "2\n")
    assert waited == [("Release", 3), ("InRelease", 4)]
    assert publish(tmp_path, "2\n")
    assert waited[2:] == [("InRelease", 4)]
    assert not publish(tmp_path, "2\n")
    assert len(waited) == 3, "all is as it shall be"


def test_a_first_state_has_no_readers_to_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DirectoryTarget, "outlast", None)
    assert publish(tmp_path, "content\n")


def test_suites_switch_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def suites(content: bytes) -> list[Suite]:
        return [
            Suite(name, "Shop", ["amd64"], ["main"], {INDEX: [piece(content)]})
            for name in ("stable", "stable-deb11")
        ]

    target, waited = DirectoryTarget(tmp_path), []
    publish_suites(target, suites(b"1\n"), signer(), DATE)
    monkeypatch.setattr(
        DirectoryTarget, "outlast", lambda _, path, __: waited.append(path.split("/")[3])
    )
    publish_suites(target, suites(b"2\n"), signer(), DATE)
    assert waited == [f"{name}" for name in ("Release", "Release", "InRelease", "InRelease")]


def test_a_publisher_that_died_before_inrelease_is_completed(tmp_path: Path) -> None:
    publish(tmp_path, "content\n")
    (tmp_path / DISTS / "InRelease").unlink()
    assert publish(tmp_path, "content\n")
    assert (tmp_path / DISTS / "InRelease").exists()


def test_readers_in_flight_find_the_indexes_they_began_with(tmp_path: Path) -> None:
    states = [f"state {number}\n" for number in range(switch.KEPT_STATES + 3)]
    for number, state in enumerate(states):
        publish(tmp_path, state, DATE + number)
    by_hashes = tmp_path / DISTS / SHELF
    kept = {path.name for path in by_hashes.iterdir()}
    assert len(kept) == len(states), "none is an hour old"
    current = listed(tmp_path)
    for path in by_hashes.iterdir():
        os.utime(path, (DATE, DATE + int(path.stat().st_mtime) % 1000))
    publish(tmp_path, "last\n", DATE + 100)
    left = {path.name for path in by_hashes.iterdir()}
    assert kept & left >= {current}, "it was current until now"
    assert len(left) == switch.KEPT_STATES + 1
    assert listed(tmp_path) in left


def listed(root: Path) -> str:
    """Return the name by which hosts ask for the index."""
    (row,) = listed_forms((root / DISTS / "Release").read_bytes()).values()
    return row.split()[0]


def test_the_current_state_stays_however_old_it_is(tmp_path: Path) -> None:
    by_hashes = tmp_path / DISTS / SHELF
    for number in [*range(12), 0]:
        publish(tmp_path, f"{number}\n", DATE + number)
        for path in by_hashes.iterdir():
            os.utime(path, (DATE, DATE))
    publish(tmp_path, "0\n")
    assert listed(tmp_path) in {path.name for path in by_hashes.iterdir()}


@pytest.mark.parametrize("now", [DATE, DATE - 3600, DATE + 3600])
def test_each_release_is_later_than_the_one_before(tmp_path: Path, now: int) -> None:
    directory = tmp_path / DISTS
    publish(tmp_path, "1\n")
    before = {path: int(path.stat().st_mtime) for path in directory.rglob("*") if path.is_file()}
    publish(tmp_path, "2\n", now)
    assert release_date((directory / "Release").read_bytes()) == max(now, DATE + 1)
    for name in ("InRelease", "Release", f"{INDEX}.gz", f"{INDEX}.xz"):
        assert int((directory / name).stat().st_mtime) > before[directory / name], name


@pytest.mark.parametrize(
    "name",
    ["InRelease", "Release", "Release.gpg", "*/*/*.gz", "*/*/*.xz", "*/*/*/*/*"],
)
@pytest.mark.parametrize("damage", [b"", b"-----BEGIN PGP SIGNATURE-----\n"], ids=["cut", "other"])
def test_what_is_damaged_is_written_again(tmp_path: Path, name: str, damage: bytes) -> None:
    assert publish(tmp_path, "Package: x\n")
    directory = tmp_path / DISTS
    whole = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert not publish(tmp_path, "Package: x\n", DATE + 9)
    damaged = list(directory.glob(name))
    assert damaged
    for path in damaged:
        path.write_bytes(damage + path.read_bytes()[5:-70])
    assert publish(tmp_path, "Package: x\n", DATE + 9)
    found = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    release, message = found[directory / "Release"], found[directory / "InRelease"]
    assert signer().has_signed(release, found[directory / "Release.gpg"])
    assert signer().has_signed_cleartext(message)
    assert signed_text(message) == release
    assert undated(release) == undated(whole[directory / "Release"])
    for path, content in whole.items():
        if "main" in path.parts:
            assert found[path] == content, path
