from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import PackageError
from omnibuild.package.members import (
    archive_members,
    below,
    check_config_files,
    check_names,
    content,
)
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


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("opt/" + "n" * 246, True),
        ("opt/" + "n" * 247, False),
        ("opt/" + "ä" * 123, True),
        ("opt/" + "ä" * 124, False),
        ("d" * 247 + "/x", False),
        ("/".join(["d" * 240] * 17), False),
    ],
)
def test_names_that_hosts_cannot_unpack_are_refused(path: str, fits: bool) -> None:
    if fits:
        check_names([file(path)])
        return
    with pytest.raises(PackageError, match="no host can unpack"):
        check_names([file(path)])


@pytest.mark.parametrize(("name", "fits"), [("n" * 245, True), ("n" * 246, False), ("n ", False)])
def test_names_of_configuration_files(name: str, fits: bool) -> None:
    members = [file(f"etc/{name}")]
    if fits:
        check_config_files([f"/etc/{name}"], members)
        return
    with pytest.raises(PackageError, match="no host can unpack"):
        check_config_files([f"/etc/{name}"], members)
