"""Roots from archives that need not be harmless."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from omnibuild.errors import ArchiveError
from omnibuild.sources.extraction import Limits
from omnibuild.sources.roots.tree import MOUNT_POINTS, unpack_root


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o755
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


SHELL = entry("./bin/sh")


def archive(path: Path, *members: tarfile.TarInfo, mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for member in members:
            member.size = 4 if member.isreg() else 0
            tar.addfile(member, io.BytesIO(b"text") if member.isreg() else None)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_root_is_unpacked_with_places_to_mount_on(tmp_path: Path, mode: str) -> None:
    made = archive(tmp_path / "root.tar", SHELL, entry("etc/long/" + "x" * 200), mode=mode)
    unpack_root(made, tmp_path / "root")
    assert (tmp_path / "root/bin/sh").read_text() == "text"
    assert (tmp_path / "root/etc/long" / ("x" * 200)).exists()
    assert all((tmp_path / "root" / place).is_dir() for place in MOUNT_POINTS)
    assert {path.name for path in tmp_path.iterdir()} == {"root", "root.tar"}


def test_devices_special_bits_and_traces_of_engines_are_left_out(tmp_path: Path) -> None:
    made = archive(
        tmp_path / "root.tar",
        SHELL,
        entry("dev/null", tarfile.CHRTYPE),
        entry("srv/disk", tarfile.BLKTYPE),
        entry("srv/pipe", tarfile.FIFOTYPE),
        entry("usr/bin/su", mode=0o4755),
        entry("tmp", tarfile.DIRTYPE, mode=0o1777),
        entry(".dockerenv"),
        entry("etc/hosts"),
    )
    unpack_root(made, tmp_path / "root")
    root = tmp_path / "root"
    assert not (root / "srv").exists()
    assert list((root / "dev").iterdir()) == []
    assert stat.S_IMODE((root / "usr/bin/su").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / "tmp").stat().st_mode) == 0o777
    assert not (root / ".dockerenv").exists()
    assert not (root / "etc/hosts").exists()


def test_links_of_a_root_lead_to_nothing_of_this_machine(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "log").mkdir(parents=True)
    (outside / "log/precious").write_text("precious")
    made = archive(
        tmp_path / "root.tar",
        SHELL,
        entry("var", tarfile.SYMTYPE, str(outside)),
        entry("omb", tarfile.SYMTYPE, str(outside)),
        entry("build", tarfile.SYMTYPE, str(outside)),
        entry("proc", tarfile.SYMTYPE, "nowhere"),
    )
    unpack_root(made, tmp_path / "root")
    assert (outside / "log/precious").exists()
    assert {path.name for path in outside.iterdir()} == {"log"}
    assert all((tmp_path / "root" / place).is_dir() for place in MOUNT_POINTS)
    assert not (tmp_path / "root/build").is_symlink()


def test_an_archive_that_is_no_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no /bin/sh"):
        unpack_root(archive(tmp_path / "root.tar", entry("bin/bash")), tmp_path / "root")


def sparse(size: int) -> tarfile.TarInfo:
    """Return a file of nothing but a hole, as it is said in an archive."""
    hole = entry("hole")
    hole.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "hole",
        "GNU.sparse.realsize": str(size),
    }
    return hole


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (sparse(1 << 40), "holds more than 1000000 bytes, 'hole' exceeds them"),
        (entry("x" * 100), "has more than 1 entries"),
    ],
    ids=["a hole", "entries"],
)
def test_an_archive_that_holds_too_much_is_ended(
    tmp_path: Path, member: tarfile.TarInfo, said: str
) -> None:
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for one in (SHELL, member):
            one.size = 512
            # The list of a sparse file's pieces: there are none.
            tar.addfile(one, io.BytesIO(b"0\n".ljust(512, b"\0")))
    (tmp_path / "root").mkdir()
    limits = Limits(size=1_000_000, entries=1 if said.startswith("has") else 100)
    with pytest.raises(ArchiveError, match=said):
        unpack_root(path, tmp_path / "root", limits=limits)
    assert list((tmp_path / "root").iterdir()) == []


def test_a_header_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    long = entry("x")
    long.pax_headers = {"comment": "y" * (2 << 20)}
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(long)
    with pytest.raises(ArchiveError, match="has a header of"):
        unpack_root(path, tmp_path / "root")


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    made = archive(tmp_path / "root.tar", SHELL, entry("etc/passwd"))
    made.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    with pytest.raises(ArchiveError, match="damaged"):
        unpack_root(made, tmp_path / "root")
    (tmp_path / "text").write_text("no archive " * 100)
    with pytest.raises(ArchiveError):
        unpack_root(tmp_path / "text", tmp_path / "other")
