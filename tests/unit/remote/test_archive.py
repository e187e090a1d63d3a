"""Trees as archives: nothing is lost, and nothing gets out."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import files
from omnibuild.remote.archive import BadObjectError, pack, unpack
from omnibuild.tree import Kind, scan

from .samples import make_odd_files


def packed(root: Path) -> bytes:
    stream = io.BytesIO()
    pack(scan(root), root, stream)
    return stream.getvalue()


def test_what_is_easily_lost_survives(tmp_path: Path) -> None:
    make_odd_files(tmp_path / "a")
    unpack(io.BytesIO(packed(tmp_path / "a")), tmp_path / "b")
    assert scan(tmp_path / "b") == scan(tmp_path / "a")
    entries = scan(tmp_path / "b").by_path
    assert entries["tool"].mode == 0o4755
    assert entries["tool-again"].kind is Kind.HARDLINK
    assert entries["closed"].mode == 0o555
    sparse = (tmp_path / "b/sparse").stat()
    assert sparse.st_blocks * 512 < sparse.st_size / 4
    for root in ("a", "b"):
        files.remove_tree(tmp_path / root)


def test_equal_trees_give_equal_bytes_and_times(tmp_path: Path) -> None:
    make_odd_files(tmp_path / "a")
    unpack(io.BytesIO(packed(tmp_path / "a")), tmp_path / "b")
    assert packed(tmp_path / "a") == packed(tmp_path / "b")
    assert len({p.lstat().st_mtime for p in (tmp_path / "b").rglob("*")}) == 1


def test_a_damaged_file_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("good")
    tree = scan(tmp_path)
    for damage in ("evil", "longer", ""):
        (tmp_path / "x").write_text(damage)
        with pytest.raises(BadObjectError, match="damaged"):
            pack(tree, tmp_path, io.BytesIO())


NAMES = st.binary(min_size=1, max_size=300).filter(
    lambda name: len(name) < 256 and not {0, 0x2F} & set(name) and name not in (b".", b"..")
)
MODES = st.integers(0, 0o7777)
LEAVES = st.one_of(
    st.tuples(st.just("file"), st.binary(max_size=2000), MODES),
    st.tuples(st.just("sparse"), st.integers(0, 3 << 16), MODES),
    st.tuples(st.just("symlink"), NAMES, MODES),
    st.tuples(st.just("hardlink"), st.integers(0, 50), MODES),
)
CONTENTS = st.recursive(
    LEAVES,
    lambda children: st.tuples(
        st.just("directory"), st.dictionaries(NAMES, children, max_size=4), MODES
    ),
    max_leaves=12,
)


def make(path: bytes, node: tuple[str, object, int], made: list[bytes]) -> None:
    """Make what a strategy describes; root reads what nobody may, others must be able to."""
    kind, value, mode = node
    readable = mode | (0o700 if kind == "directory" else 0o400)
    if kind == "directory":
        os.mkdir(path)
        for name, child in value.items():
            make(path + b"/" + name, child, made)
    elif kind == "symlink":
        os.symlink(value, path)
        return
    elif kind == "hardlink" and made:
        os.link(made[value % len(made)], path)
        return
    else:
        with open(path, "wb") as stream:
            if isinstance(value, bytes):
                stream.write(value)
            else:
                stream.truncate(value)
        made.append(path)
    os.chmod(path, readable)


@given(st.dictionaries(NAMES, CONTENTS, max_size=6))
def test_every_tree_survives(children: dict[bytes, tuple[str, object, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        before, after = Path(name, "before"), Path(name, "after")
        make(os.fsencode(before), ("directory", children, 0o755), [])
        unpack(io.BytesIO(packed(before)), after)
        assert scan(after) == scan(before)
        assert packed(after) == packed(before)
        for root in (before, after):
            files.remove_tree(root)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o755
    return info


def tar_of(*members: tarfile.TarInfo, **options: object) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, **options) as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(b"evil"[: info.size]))
    return zstandard.compress(stream.getvalue())


def sized(info: tarfile.TarInfo, size: int) -> tarfile.TarInfo:
    info.size = size
    return info


D, L, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
HOSTILE = {
    "absolute": [member("/tmp/evil")],
    "above": [member("../evil")],
    "above from within": [member("a", D), member("a/../../evil")],
    "dots": [member("a", D), member("a/./b")],
    "nothing": [member("a", D), member("a//b")],
    "itself": [member(".", D)],
    "through a symlink": [member("a", L, ".."), member("a/evil")],
    "a symlink over a directory": [member("a", D), member("a", L, ".."), member("a/evil")],
    "a file over a symlink": [member("a", L, "../evil"), member("a")],
    "a directory over a symlink": [member("a", L, ".."), member("a", D), member("a/evil")],
    "a hard link out": [member("a", H, "../outside")],
    "an absolute hard link": [member("a", H, "/etc/passwd")],
    "a hard link to a symlink": [member("a", L, "../outside"), member("b", H, "a")],
    "a hard link through a symlink": [member("a", L, ".."), member("b", H, "a/outside")],
    "an empty symlink": [member("a", L, "")],
    "a device": [member("a", tarfile.CHRTYPE)],
    "a fifo": [member("a", tarfile.FIFOTYPE)],
    "a sparse file": [member("a", tarfile.GNUTYPE_SPARSE)],
    "a name that no file can have": [member("n" * 300)],
    "a name as large as memory": [member("n" * 100_000)],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_is_written_outside(tmp_path: Path, case: str) -> None:
    outside = tmp_path / "outside"
    outside.write_text("innocent")
    with pytest.raises(BadObjectError):
        unpack(io.BytesIO(tar_of(*HOSTILE[case])), tmp_path / "tree")
    assert set(os.listdir(tmp_path)) <= {"outside", "tree"}
    assert outside.read_text() == "innocent"
    assert outside.stat().st_nlink == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"no archive at all",
        lambda data: zstandard.compress(b"no tar" * 200),
        lambda data: data[: len(data) // 2],
        lambda data: data[:-100] + b"x" * 100,
        lambda data: zstandard.compress(sized(member("a"), 1 << 50).tobuf(tarfile.GNU_FORMAT)),
    ],
)
def test_what_is_no_archive_is_bad(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_bytes(os.urandom(100_000))
    with pytest.raises(BadObjectError):
        unpack(io.BytesIO(spoil(packed(tmp_path / "a"))), tmp_path / "b")


@given(st.binary(max_size=600), st.booleans())
def test_rubbish_is_bad_and_nothing_else(rubbish: bytes, framed: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        data = zstandard.compress(rubbish) if framed else rubbish
        try:
            unpack(io.BytesIO(data), Path(name, "tree"))
        except BadObjectError:
            return
        # tar takes leading zeros for an end.
        assert not any(rubbish[:512])


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_text("x")
    (tmp_path / "a/x").chmod(0o666)
    data = packed(tmp_path / "a")
    before = os.umask(0o077)
    try:
        unpack(io.BytesIO(data), tmp_path / "b")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b/x").stat().st_mode) == 0o666


def test_the_number_of_entries_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    for number in range(12):
        (tmp_path / "a" / str(number)).mkdir()
    archive = packed(tmp_path / "a")
    unpack(io.BytesIO(archive), tmp_path / "b")
    monkeypatch.setattr("omnibuild.remote.archive.MOST_ENTRIES", 10)
    with pytest.raises(BadObjectError, match="more than 10 entries"):
        unpack(io.BytesIO(archive), tmp_path / "c")
