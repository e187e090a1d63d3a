"""The changelog in a .deb: what can be read is, and nothing else is an error."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.documents.changelog import render_changelog
from omnibuild.package.deb.changelog import MOST_CHANGES, DebChange, newest_changes
from omnibuild.package.deb.reader import check_deb
from omnibuild.payload.model import Change
from tests.unit.repository.samples import package

DEBIAN = "usr/share/doc/hello/changelog.Debian.gz"
NATIVE = "usr/share/doc/hello/changelog.gz"
TEXT = """hello (2.10-3) unstable; urgency=medium

  [ Jane Doe ]
  * Say hello in more languages,
    also in Welsh. (Closes: #123)
    - and in Cornish

 -- Jane Doe <jane@debian.example>  Mon, 26 Dec 2022 16:30:00 +0100

hello (2.10-2) unstable; urgency=low

  * First.

 -- Santiago <s@debian.example>  once upon a time
"""


def read(text: str | bytes, path: str = DEBIAN) -> tuple[DebChange, ...]:
    data = text if isinstance(text, bytes) else gzip.compress(text.encode())
    return newest_changes({path.encode(): data}, "hello")


def test_entries_are_read_as_debian_writes_them() -> None:
    newest, first = read(TEXT)
    assert newest == DebChange(
        "2.10-3",
        1672068600,
        "Jane Doe",
        "[ Jane Doe ]\n* Say hello in more languages,\n  also in Welsh. (Closes: #123)\n"
        "  - and in Cornish",
    )
    # No date is better than a wrong one.
    assert first == DebChange("2.10-2", 0, "Santiago", "* First.")


def test_what_we_write_is_read(tmp_path: Path) -> None:
    change = Change("1.0-1", 1_700_000_000, "Shop team <team@shop.example>", ("First.", "Second."))
    (found,) = check_deb(package(tmp_path, changes=(change,))).changes
    assert found == DebChange("1.0-1", 1_700_000_000, "Shop team", "* First.\n* Second.")
    assert check_deb(package(tmp_path)).changes == ()


def test_of_many_the_newest_are_kept() -> None:
    changes = [Change(f"1.{n}-1", n, "A <a@b>", ("x",)) for n in range(9, 0, -1)]
    found = read(render_changelog("hello", changes))
    assert [each.version for each in found] == [f"1.{n}-1" for n in range(9, 9 - MOST_CHANGES, -1)]


def test_a_changelog_of_the_program_is_none_of_debian() -> None:
    assert read("Version 2.10\n\n* hello (1.0) is the best; version\n", NATIVE) == ()
    assert read(TEXT, NATIVE)[0].version == "2.10-3"


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", gzip.compress(bytes(10_000_000)), gzip.compress(TEXT.encode())[:40]],
    ids=["empty", "no gzip", "a bomb", "cut off"],
)
def test_what_is_damaged_or_hostile_says_nothing(data: bytes) -> None:
    assert read(data) == ()


def test_a_beginning_is_enough() -> None:
    """Files are cut off after some bytes; what was whole before is told."""
    assert read(gzip.compress(TEXT.encode(), compresslevel=0)[:300])[0].version == "2.10-3"


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    read(text)
    read(TEXT.replace("First.", text))


def test_an_endless_entry_is_cut() -> None:
    (found, _) = read(TEXT.replace("also in Welsh", "x" * 50_000))
    assert len(found.text) < 5000
