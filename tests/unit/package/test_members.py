from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import PackageError
from omnibuild.package.members import archive_members, below, content
from omnibuild.tree import Entry, Kind

DIGEST = digests.of_bytes(b"data")


def file(path: str, *, data: bytes = b"data") -> Entry:
    return Entry(path, Kind.FILE, 0o644, len(data), digests.of_bytes(data))


def link(path: str, target: str) -> Entry:
    return Entry(path, Kind.HARDLINK, 0o644, target=target)


def test_parents_are_added_and_come_first() -> None:
    members = archive_members([file("opt/a/b/file"), file("opt/a-b")])
    assert [member.path for member in members] == [
        "opt",
        "opt/a",
        "opt/a-b",
        "opt/a/b",
        "opt/a/b/file",
    ]
    assert members[0] == Entry("opt", Kind.DIRECTORY, 0o755)


def test_the_first_name_of_a_file_leads_its_hard_links() -> None:
    members = archive_members([file("z"), link("a", "z"), link("m", "z")])
    assert [(m.path, m.kind, m.target) for m in members] == [
        ("a", Kind.FILE, ""),
        ("m", Kind.HARDLINK, "a"),
        ("z", Kind.HARDLINK, "a"),
    ]
    assert members[0].digest == DIGEST


def test_below_a_directory_the_first_name_inside_leads() -> None:
    entries = [file("etc/a"), link("opt/x/b", "etc/a"), link("opt/x/c", "etc/a"), file("opt/y")]
    members = list(below(archive_members(entries), "opt/x"))
    assert [(m.path, m.kind, m.target) for m in members] == [
        ("b", Kind.FILE, ""),
        ("c", Kind.HARDLINK, "b"),
    ]


@pytest.mark.parametrize(
    "entries",
    [
        [file("/etc/passwd")],
        [file("../escape")],
        [file("a//b")],
        [file("a/./b")],
        [file("")],
        [file("a"), file("a")],
        [file("a"), file("a/b")],
        [file("line\nbreak")],
        [file("\ud800")],
        [link("a", "missing")],
        [Entry("d", Kind.DIRECTORY, 0o755), link("a", "d")],
        [link("a", "b"), link("b", "a")],
        [Entry("s", Kind.SYMLINK, 0o777, target="")],
        [Entry("s", Kind.SYMLINK, 0o777, target="a\0b")],
        [Entry("m", Kind.FILE, 0o100644)],
    ],
)
def test_impossible_entries_are_refused(entries: list[Entry]) -> None:
    with pytest.raises(PackageError):
        archive_members(entries)


def test_content_that_changed_since_the_scan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"atad")
    with pytest.raises(PackageError, match="not what it was"):
        list(content(tmp_path, file("file")))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot be read"):
        list(content(tmp_path, file("file")))
