"""Packages and Release as text, and the order in which a suite is written."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests
from omnibuild.package.deb.control import parse_paragraph
from omnibuild.repository import apt
from omnibuild.repository.state import Deb
from omnibuild.repository.target import Target
from tests.unit.repository.samples import assert_golden, listing, signer

DATE = 1_700_000_000
CONTROL = {
    "Package": "shop",
    "Version": "1.4-1",
    "Architecture": "amd64",
    "Maintainer": "Shop team <team@shop.example>",
    "Description": "The web shop\n Sells things.\n .\n  * and more",
}


def deb(**changes: str) -> Deb:
    control = {**CONTROL, **changes}
    path = f"pool/main/s/shop/shop_{control['Version']}_{control['Architecture']}.deb"
    return Deb(
        name=control["Package"],
        version=control["Version"],
        architecture=control["Architecture"],
        summary="The web shop",
        digest="ab" * 32,
        size=4711,
        path=path,
        stanza=apt.stanza(control, path=path, size=4711, digest="ab" * 32),
    )


def test_packages_text() -> None:
    assert_golden("Packages", apt.packages_index([deb(), deb(Version="1.5-1")]).decode())


def test_release_text() -> None:
    suite = apt.Suite("stable-deb11", "Shop packages", {"amd64": b"", "arm64": b""})
    files = {"main/binary-amd64/Packages": b"one\n", "main/binary-amd64/Packages.gz": b"two\n"}
    assert_golden("Release", suite.release(files, DATE).decode())


line = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
fields = st.dictionaries(
    st.from_regex(r"X-[A-Za-z0-9-]{1,12}", fullmatch=True),
    st.lists(line, min_size=1, max_size=4).map("\n ".join),
    max_size=5,
)


@given(fields)
def test_a_stanza_reads_back(extra: dict[str, str]) -> None:
    control = {**CONTROL, **extra}
    text = apt.stanza(control, path="pool/x", size=1, digest="00")
    assert parse_paragraph(text) == {
        **control,
        "Filename": "pool/x",
        "Size": "1",
        "SHA256": "00",
    }


def test_files_of_a_suite_agree() -> None:
    suite = apt.Suite("stable", "Shop", {"amd64": apt.packages_index([deb()])})
    files = suite.files()
    assert suite.files() == files
    plain, packed = files["main/binary-amd64/Packages"], files["main/binary-amd64/Packages.gz"]
    assert gzip.decompress(packed) == plain


def test_an_unchanged_suite_stays_as_it_is(tmp_path: Path) -> None:
    target = Target(tmp_path)
    suite = apt.Suite("stable", "Shop", {"amd64": b"content\n"})
    assert apt.publish_suite(target, suite, signer(), DATE)
    before = listing(tmp_path)
    assert not apt.publish_suite(target, suite, signer(), DATE + 100)
    assert listing(tmp_path) == before
    changed = apt.Suite("stable", "Shop", {"amd64": b"other\n"})
    assert apt.publish_suite(target, changed, signer(), DATE + 200)


def test_a_publisher_that_died_before_inrelease_is_completed(tmp_path: Path) -> None:
    target = Target(tmp_path)
    suite = apt.Suite("stable", "Shop", {"amd64": b"content\n"})
    apt.publish_suite(target, suite, signer(), DATE)
    (tmp_path / "apt/dists/stable/InRelease").unlink()
    assert apt.publish_suite(target, suite, signer(), DATE)
    assert (tmp_path / "apt/dists/stable/InRelease").exists()


def test_readers_in_flight_find_the_indexes_they_began_with(tmp_path: Path) -> None:
    target = Target(tmp_path)
    states = [f"state {number}\n".encode() for number in range(apt.KEPT_STATES + 3)]
    for number, state in enumerate(states):
        suite = apt.Suite("stable", "Shop", {"amd64": state})
        apt.publish_suite(target, suite, signer(), DATE + number)
    by_hash = tmp_path / "apt/dists/stable/main/binary-amd64/by-hash/SHA256"
    kept = {path.name for path in by_hash.iterdir()}
    assert {digests.of_bytes(state) for state in states} <= kept, "none is an hour old"
    for path in by_hash.iterdir():
        os.utime(path, (DATE, DATE + int(path.stat().st_mtime) % 1000))
    last = apt.Suite("stable", "Shop", {"amd64": b"last\n"})
    apt.publish_suite(target, last, signer(), DATE + 100)
    kept = {path.name for path in by_hash.iterdir()}
    assert digests.of_bytes(b"last\n") in kept
    assert digests.of_bytes(states[-1]) in kept, "it was current until now"
    assert digests.of_bytes(states[0]) not in kept
    assert len(kept) == 2 * (apt.KEPT_STATES + 1)


def test_the_current_state_stays_however_old_it_is(tmp_path: Path) -> None:
    target = Target(tmp_path)
    suites = [apt.Suite("stable", "Shop", {"amd64": b"%d\n" % n}) for n in range(12)]
    for number, suite in enumerate([*suites, suites[0]]):
        apt.publish_suite(target, suite, signer(), DATE + number)
        by_hash = tmp_path / "apt/dists/stable/main/binary-amd64/by-hash/SHA256"
        for path in by_hash.iterdir():
            os.utime(path, (DATE, DATE))
    apt.publish_suite(target, suites[0], signer(), DATE)
    assert digests.of_bytes(b"0\n") in {path.name for path in by_hash.iterdir()}


@pytest.mark.parametrize("now", [DATE, DATE - 3600, DATE + 3600])
def test_each_release_is_later_than_the_one_before(tmp_path: Path, now: int) -> None:
    target = Target(tmp_path)
    directory = tmp_path / "apt/dists/stable"
    apt.publish_suite(target, apt.Suite("stable", "Shop", {"amd64": b"1\n"}), signer(), DATE)
    before = {path: int(path.stat().st_mtime) for path in directory.rglob("*") if path.is_file()}
    apt.publish_suite(target, apt.Suite("stable", "Shop", {"amd64": b"2\n"}), signer(), now)
    release = (directory / "Release").read_bytes()
    assert apt.release_date(release) == max(now, DATE + 1)
    plain = ("InRelease", "Release", "Release.gpg")
    for name in (*plain, "main/binary-amd64/Packages", "main/binary-amd64/Packages.gz"):
        assert int((directory / name).stat().st_mtime) > before[directory / name], name


@pytest.mark.parametrize(
    "name", ["InRelease", "Release", "Release.gpg", "*/*/Packages", "*/*/Packages.gz", "*/*/*/*/*"]
)
@pytest.mark.parametrize("damage", [b"", b"-----BEGIN PGP SIGNATURE-----\n"], ids=["cut", "other"])
def test_what_is_damaged_is_written_again(tmp_path: Path, name: str, damage: bytes) -> None:
    target = Target(tmp_path)
    suite = apt.Suite("stable", "Shop", {"amd64": b"Package: x\n"})
    assert apt.publish_suite(target, suite, signer(), DATE)
    directory = tmp_path / "apt/dists/stable"
    whole = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert not apt.publish_suite(target, suite, signer(), DATE + 9)
    for path in directory.glob(name):
        path.write_bytes(damage + path.read_bytes()[5:-70])
    assert apt.publish_suite(target, suite, signer(), DATE + 9)
    found = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    release, message = found[directory / "Release"], found[directory / "InRelease"]
    assert signer().has_signed(release, found[directory / "Release.gpg"])
    assert signer().has_signed_cleartext(message)
    assert apt.signed_text(message) == release
    for path, content in whole.items():
        if "main" in path.parts:
            assert found[path] == content, path
