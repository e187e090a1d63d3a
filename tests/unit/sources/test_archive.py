from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from omnibuild import tree
from omnibuild.errors import ArchiveError
from omnibuild.sources.archive import unpack
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Kind
from tests.unit.sources.archives import (
    COMPRESSORS,
    TIME,
    Member,
    directory,
    file,
    hard_link,
    symlink,
    tar,
    zipped,
)

HONEST = [
    directory("pkg-1"),
    file("pkg-1/configure", b"#!/bin/sh\n", mode=0o4711),
    file("pkg-1/src/a.c", b"int a;\n" * 1000, mode=0o600),
    file("pkg-1/empty", b""),
    symlink("pkg-1/src/link", "../configure"),
]


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "archive"
    path.write_bytes(data)
    return path


def unpacked(tmp_path: Path, data: bytes, limits: Limits | None = None) -> Path:
    target = tmp_path / "out" / "target"
    unpack(write(tmp_path, data), target, limits=limits or Limits())
    return target


def refused(tmp_path: Path, data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(ArchiveError) as caught:
        unpacked(tmp_path, data, limits)
    assert os.listdir(tmp_path / "out") == []
    assert caught.value.where is not None
    return str(caught.value)


def check_honest(target: Path) -> None:
    modes = {entry.path: (entry.kind, entry.mode) for entry in tree.scan(target).entries}
    assert modes == {
        "configure": (Kind.FILE, 0o755),
        "empty": (Kind.FILE, 0o644),
        "src": (Kind.DIRECTORY, 0o755),
        "src/a.c": (Kind.FILE, 0o644),
        "src/link": (Kind.SYMLINK, 0o777),
    }
    assert target.stat().st_mode & 0o777 == 0o755
    assert (target / "src/a.c").read_bytes() == b"int a;\n" * 1000
    assert (target / "src/link").resolve() == target.resolve() / "configure"
    assert {(target / name).stat().st_mtime for name in ("configure", "src/a.c")} == {TIME}
    assert (target / "configure").stat().st_uid == os.geteuid()


@pytest.mark.parametrize("compression", COMPRESSORS)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_every_format_of_tar(tmp_path: Path, compression: str, form: int) -> None:
    check_honest(unpacked(tmp_path, COMPRESSORS[compression](tar(HONEST, form))))


def test_zip(tmp_path: Path) -> None:
    check_honest(unpacked(tmp_path, zipped(HONEST)))


def test_several_streams_of_one_compression_are_one_archive(tmp_path: Path) -> None:
    data = tar(HONEST)
    for name, compress in COMPRESSORS.items():
        target = tmp_path / name
        unpack(write(tmp_path, compress(data[:700]) + compress(data[700:])), target)
        check_honest(target)


def test_the_umask_does_not_count(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        check_honest(unpacked(tmp_path, tar(HONEST)))
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([file("a"), file("b")], ["a", "b"]),
        ([file("only")], ["only"]),
        ([file("d/a"), file("e/b")], ["d", "d/a", "e", "e/b"]),
        ([file("d/a"), symlink("l", "d")], ["d", "d/a", "l"]),
        ([file("./d/a"), file("d//b")], ["a", "b"]),
        ([directory("."), file("./d/a")], ["a"]),
        ([directory("d")], []),
        ([], []),
    ],
)
def test_only_a_lone_top_directory_is_stripped(
    tmp_path: Path, members: list[Member], expected: list[str]
) -> None:
    # An archive without any member is all zeros: only a zip says what it is.
    data = tar(members) if members else zipped(members)
    assert [entry.path for entry in tree.scan(unpacked(tmp_path, data)).entries] == expected


def test_of_equal_names_the_last_one_counts(tmp_path: Path) -> None:
    members = [
        file("d/a", b"1"),
        hard_link("d/b", "d/a"),
        file("d/a", b"2"),
        symlink("d/c", "a"),
        file("d/c", b"3"),
        file("d/e"),
        symlink("d/e", "a"),
    ]
    target = unpacked(tmp_path, tar(members))
    assert [(target / name).read_bytes() for name in "abce"] == [b"2", b"1", b"3", b"2"]
    assert (target / "e").is_symlink()


def test_hard_links(tmp_path: Path) -> None:
    members = [
        file("d/a"),
        hard_link("d/b", "./d/a"),
        symlink("d/c", "a"),
        hard_link("d/e", "d/c"),
    ]
    target = unpacked(tmp_path, tar(members))
    assert (target / "a").samefile(target / "b")
    assert os.readlink(target / "e") == "a"


HOSTILE = {
    "parent": [file("../evil")],
    "hidden parent": [file("d/../../evil")],
    "absolute": [file("/tmp/evil")],
    "absolute directory": [directory("/tmp/evil")],
    "absolute symlink": [symlink("d/evil", "/etc/passwd")],
    "escaping symlink": [file("d/a"), symlink("d/evil", "../../etc/passwd")],
    "symlink out of the stripped directory": [file("d/a"), symlink("d/evil", "../a")],
    "symlink by the name of the stripped directory": [file("d/a"), symlink("d/evil", "../d/a")],
    "symlink by the name of the target": [file("d/a"), symlink("d/evil", "../target/a")],
    "symlink by the name of the target, unstripped": [
        file("d/a"),
        file("b"),
        symlink("d/evil", "../../target/b"),
    ],
    "symlink to itself": [symlink("evil", "evil")],
    "circle of symlinks": [symlink("d/evil", "evil2/x"), symlink("d/evil2", "evil/y")],
    "empty symlink": [symlink("evil", "")],
    "escape by two symlinks": [
        symlink("d/e/f", ".."),
        symlink("d/evil", "e/f/../../x"),
        file("d/a"),
    ],
    "escape through a symlink to the top": [
        symlink("d/e/f/up", "../.."),
        symlink("d/evil", "e/f/up/../x"),
        file("d/a"),
    ],
    "writing through a symlink": [symlink("d/evil", "."), file("d/evil/x")],
    "writing beyond a file": [file("d/evil"), file("d/evil/x")],
    "directory where a symlink is": [symlink("d/evil", "."), directory("d/evil")],
    "symlink where a directory is": [directory("d/evil"), symlink("d/evil", ".")],
    "file where a directory is": [directory("d/evil"), file("d/evil")],
    "hard link outside": [hard_link("evil", "../../etc/passwd")],
    "absolute hard link": [hard_link("evil", "/etc/passwd")],
    "hard link to nothing": [hard_link("evil", "nothing")],
    "hard link to a directory": [directory("d"), hard_link("evil", "d")],
    "hard link to the top": [hard_link("evil", ".")],
    "moved symlink": [symlink("d/a", "../d"), hard_link("evil", "d/a"), file("x/y")],
    "character device": [Member("evil", kind=tarfile.CHRTYPE)],
    "block device": [Member("evil", kind=tarfile.BLKTYPE)],
    "fifo": [Member("evil", kind=tarfile.FIFOTYPE)],
    "unknown kind": [Member("evil", kind=b"Q")],
    "root as a file": [file(".")],
    "long name": [file("evil" * 100)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tar(tmp_path: Path, name: str) -> None:
    message = refused(tmp_path, tar(HOSTILE[name]))
    assert "evil" in message or name in ("root as a file", "empty symlink")


@pytest.mark.parametrize(
    "name",
    [
        "parent",
        "hidden parent",
        "absolute",
        "absolute symlink",
        "escaping symlink",
        "symlink by the name of the stripped directory",
        "escape through a symlink to the top",
        "writing through a symlink",
        "fifo",
        "long name",
    ],
)
def test_hostile_zip(tmp_path: Path, name: str) -> None:
    assert "evil" in refused(tmp_path, zipped(HOSTILE[name]))


def test_an_encrypted_zip(tmp_path: Path) -> None:
    data = bytearray(zipped([file("evil")]))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    assert "encrypted" in refused(tmp_path, bytes(data))


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_bombs(tmp_path: Path, compression: str) -> None:
    bomb = COMPRESSORS[compression](tar([file("evil", bytes(3_000_000))]))
    refused(tmp_path, bomb, Limits(size=1_000_000))
    crowd = COMPRESSORS[compression](tar([file(f"evil{n}") for n in range(20)]))
    refused(tmp_path, crowd, Limits(entries=19))


def test_zip_bombs(tmp_path: Path) -> None:
    refused(tmp_path, zipped([file("evil", bytes(3_000_000))]), Limits(size=1_000_000))
    refused(tmp_path, zipped([file(f"evil{n}") for n in range(20)]), Limits(entries=19))


def test_an_oversized_header(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    refused(tmp_path, info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))


def test_an_endless_row_of_headers(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 5
    refused(tmp_path, (info.tobuf(tarfile.GNU_FORMAT) + b"evil\0".ljust(512, b"\0")) * 3000)


def test_deep_directories(tmp_path: Path) -> None:
    refused(tmp_path, tar([file("d/" * 3000 + "evil")]))
    assert (unpacked(tmp_path, tar([file("d/" * 200 + "a"), file("b")])) / "b").exists()


@pytest.mark.parametrize("compression", [*COMPRESSORS, "zip"])
def test_a_cut_archive(tmp_path: Path, compression: str) -> None:
    members = [file("evil", os.urandom(20_000))]
    data = zipped(members) if compression == "zip" else COMPRESSORS[compression](tar(members))
    refused(tmp_path, data[:10_000])


@pytest.mark.parametrize("data", [b"", b"no archive", bytes(10240), b"#!/bin/sh\n" * 200])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    assert "neither" in refused(tmp_path, data)


def test_symlinks_within_are_kept_however_they_wind(tmp_path: Path) -> None:
    links = {
        "d/up": "../d2/./e/../e/x",
        "d/e/top": "../..",
        "d/chain": "e/top/d/up",
        "missing": "d/none/../none",
        "dir": "d2//e/",
    }
    members = [file("d2/e/x", b"here"), *(symlink(name, to) for name, to in links.items())]
    target = unpacked(tmp_path, tar(members))
    assert {name: os.readlink(target / name) for name in links} == links
    assert (target / "d/chain").read_bytes() == b"here"


def test_zip_times_that_no_calendar_has(tmp_path: Path) -> None:
    data = bytearray(zipped([file("a")]))
    for magic, offset in ((b"PK\x03\x04", 12), (b"PK\x01\x02", 14)):
        start = data.index(magic) + offset
        data[start : start + 2] = bytes(2)
    assert zipfile.is_zipfile(write(tmp_path, bytes(data)))
    assert (unpacked(tmp_path, bytes(data)) / "a").stat().st_mtime > 0


def test_an_unpacked_archive_is_kept_when_another_was_first(tmp_path: Path) -> None:
    target = unpacked(tmp_path, tar([file("a", b"first")]))
    unpacked(tmp_path, tar([file("a", b"second")]))
    assert (target / "a").read_bytes() == b"first"
    assert os.listdir(target.parent) == ["target"]
