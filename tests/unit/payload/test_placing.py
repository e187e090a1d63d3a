import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests, elf
from omnibuild.errors import DefinitionError, RelocationError
from omnibuild.payload.placing import (
    LOGICAL_PREFIX,
    References,
    check_capture,
    check_prefix,
    is_text,
    place_file,
    place_tree,
    references,
)
from omnibuild.tree import Kind, scan
from tests.programs import RUNPATH, compiled, greet_program

PREFIX = LOGICAL_PREFIX.encode()
APP = "/opt/hello"
PADDED = APP.encode().ljust(64, b"/")


def write(root, files):
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())


def captured(root):
    tree = scan(root)
    check_capture(root, tree)
    return tree


def test_the_prefix_is_64_bytes():
    assert len(LOGICAL_PREFIX) == 64


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", References()),
        (b"nothing here", References()),
        (PREFIX, References(whole=(0,))),
        (b"ab" + PREFIX + b"/lib\0" + PREFIX, References(whole=(2, 71))),
        (PREFIX + PREFIX, References(whole=(0, 64))),
        (PREFIX + b"/openssl", References(whole=(0,))),
        (b"xx" + PREFIX[:60] + b"yy", References(fragments=(2,))),
        (b"x" + b"mb/omb/o" + b"x", References(fragments=(1,))),
        (b"b/omb/om", References(fragments=(0,))),
        (PREFIX + PREFIX[:12], References(whole=(0,), fragments=(64,))),
        (b"/ombudsman and catacomb/omicron", References()),
        (elf.MAGIC + b"/omb", References(fragments=(4,))),
        (b"!<arch>\n..../omb", References(fragments=(12,))),
        (elf.MAGIC + PREFIX + b"/omega", References(whole=(4,))),
    ],
)
def test_references(data, found):
    assert references(data) == found


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("length", [8, 9, 10, 11, 16, 63])
def test_every_rotation_of_a_piece_is_found(turn, length):
    piece = (b"/omb" * 20)[turn : turn + length]
    assert references(b"-" + piece + b"-") == References(fragments=(1,))


def test_text_is_utf_8_without_nul():
    assert is_text("prefix=größe".encode())
    assert not is_text(b"a\0b")
    assert not is_text("größe".encode("latin-1"))


def test_text_gets_the_plain_prefix():
    data = b"#!" + PREFIX + b"/bin/python3\nhome = '" + PREFIX + b"'\n"
    assert place_file(data, APP, "bin/x") == b"#!/opt/hello/bin/python3\nhome = '/opt/hello'\n"


def test_binaries_keep_their_length():
    data = b"\1\0" + PREFIX + b"/etc\0rest"
    assert place_file(data, APP, "x.pyc") == b"\1\0" + PADDED + b"/etc\0rest"


def test_text_of_another_encoding_keeps_its_length():
    data = PREFIX + b"/share/gr\xf6\xdfe\n"
    assert len(place_file(data, APP, "share/man/x.1")) == len(data)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("lib/pkgconfig/z.pc", "${pcfiledir}/../.."),
        ("lib/x86_64/pkgconfig/z.pc", "${pcfiledir}/../../.."),
        ("z.pc", "${pcfiledir}/."),
    ],
)
def test_pkg_config_files_find_the_prefix_themselves(path, expected):
    data = b"prefix=" + PREFIX + b"\nlibdir=" + PREFIX + b"/lib\n"
    placed = place_file(data, APP, path).decode()
    assert placed == f"prefix={expected}\nlibdir={expected}/lib\n"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("bin/hello", "$ORIGIN/../lib"),
        ("lib/libx.so", "$ORIGIN"),
        ("lib/python3.13/lib-dynload/x.so", "$ORIGIN/../.."),
        ("hello", "$ORIGIN/lib"),
    ],
)
def test_runpaths_start_from_the_file(path, expected):
    data = greet_program()
    placed = place_file(data, APP, path)
    found = elf.parse(placed)
    assert found.runpath == expected
    assert len(placed) == len(data)
    assert not references(placed)
    assert PADDED + b"/share/data" in placed


def test_runpaths_keep_other_entries_and_lose_repeated_ones():
    flags = f"-Wl,-rpath,{LOGICAL_PREFIX}/lib:{LOGICAL_PREFIX}/lib/:$ORIGIN/x:{LOGICAL_PREFIX}"
    data = compiled("int x;", "-shared", flags)
    assert elf.parse(place_file(data, APP, "lib/l.so")).runpath == "$ORIGIN:$ORIGIN/x:$ORIGIN/.."


def test_old_rpaths_are_rewritten_too():
    data = compiled("int x;", "-shared", RUNPATH, "-Wl,--disable-new-dtags")
    assert elf.parse(place_file(data, APP, "lib/l.so")).rpath == "$ORIGIN"


def test_a_shared_runpath_is_refused():
    data = compiled("int lib(void) { return 1; }", "-shared", RUNPATH)
    with pytest.raises(RelocationError, match=r"lib/liblib\.so"):
        place_file(data, APP, "lib/liblib.so")


def test_a_runpath_that_ends_with_a_slash_is_never_shared():
    data = compiled("int lib(void) { return 1; }", "-shared", f"{RUNPATH}/")
    assert elf.parse(place_file(data, APP, "lib/liblib.so")).runpath == "$ORIGIN"


def test_a_runpath_that_does_not_fit_is_refused():
    data = compiled("int x;", "-shared", f"-Wl,-rpath,{LOGICAL_PREFIX}")
    with pytest.raises(RelocationError, match="in place"):
        place_file(data, APP, "a/" * 30 + "l.so")


def test_a_damaged_elf_file_is_refused():
    with pytest.raises(RelocationError, match="damaged"):
        place_file(greet_program()[:5000] + PREFIX, APP, "bin/x")


def test_objects_and_other_machines_are_plain_binaries():
    for data in (compiled(f'char *p = "{LOGICAL_PREFIX}";', "-c"), b"\x7fELF\1\1\0" + PREFIX):
        assert place_file(data, APP, "x.o") == data.replace(PREFIX, PADDED)


chunks = st.binary(max_size=40) | st.text("/ombx\n", max_size=12).map(str.encode)


@given(st.lists(chunks, min_size=1, max_size=6), st.from_regex(r"/[a-z]{1,60}", fullmatch=True))
def test_placing_keeps_the_length_of_binaries_and_leaves_no_trace(pieces, prefix):
    data = b"\0" + (b"\0" + PREFIX + b"/").join(piece.replace(b"/omb", b"-") for piece in pieces)
    placed = place_file(data, prefix, "share/data")
    assert len(placed) == len(data)
    assert not references(placed)


@pytest.mark.parametrize("prefix", ["opt/hello", "/opt/hello/", "/opt/../x", "/" + "a" * 64, ""])
def test_impossible_prefixes_are_refused(prefix):
    with pytest.raises(DefinitionError):
        check_prefix(prefix)


def test_a_prefix_may_have_64_bytes():
    longest = "/" + "a" * 63
    check_prefix(longest)
    assert place_file(b"\0" + PREFIX + b"/x", longest, "f") == b"\0" + longest.encode() + b"/x"


def test_capture_lists_every_piece(tmp_path):
    write(tmp_path, {"a": b"\0" + PREFIX[:20], "b": b"!<arch>\n/omb", "omb/omb/omb/c": ""})
    (tmp_path / "link").symlink_to(f"/stage{LOGICAL_PREFIX}/bin/x")
    with pytest.raises(RelocationError) as caught:
        captured(tmp_path)
    lines = caught.value.why.splitlines()
    assert lines[:2] == ["a: offset 0x1", "b: offset 0x8"]
    assert lines[2].startswith("link: ")
    assert lines[-1].startswith("omb/omb/omb/c: ")


def test_capture_cuts_long_lists(tmp_path):
    write(tmp_path, {f"{n}": PREFIX[:20] for n in range(30)})
    with pytest.raises(RelocationError, match="and 10 more"):
        captured(tmp_path)


def test_a_tree_is_linked_where_it_can_and_rewritten_where_it_must(tmp_path):
    source, target = tmp_path / "source", tmp_path / "scratch" / "target"
    write(source, {"lib/same": "plain", "lib/conf": f"p={LOGICAL_PREFIX}", "empty/x": ""})
    (source / "lib/conf").chmod(0o750)
    (source / "empty/x").unlink()
    os.link(source / "lib/conf", source / "lib/conf2")
    os.link(source / "lib/same", source / "lib/same2")
    (source / "lib/abs").symlink_to(f"{LOGICAL_PREFIX}/share/x")
    (source / "top").symlink_to(LOGICAL_PREFIX)
    (source / "lib/rel").symlink_to("same")
    tree = captured(source)
    placed = place_tree(tree, source, target, APP)

    assert (target / "lib/conf").read_text() == "p=/opt/hello"
    assert (target / "lib/conf").stat().st_mode & 0o777 == 0o750
    assert (target / "lib/same").samefile(source / "lib/same")
    assert not (target / "lib/conf").samefile(source / "lib/conf")
    assert (target / "lib/conf").samefile(target / "lib/conf2")
    links = {name: os.readlink(target / name) for name in ("lib/abs", "lib/rel", "top")}
    assert links == {"lib/abs": "../share/x", "lib/rel": "same", "top": "."}
    assert placed == scan(target)
    assert placed.by_path["lib/conf"].digest == digests.of_bytes(b"p=/opt/hello")
    assert (source / "lib/conf").read_text() == f"p={LOGICAL_PREFIX}"


def test_a_hard_link_elsewhere_gets_a_runpath_of_its_own(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    write(source, {"bin/hello": greet_program(), "lib/deep/x": ""})
    os.link(source / "bin/hello", source / "bin/hi")
    os.link(source / "bin/hello", source / "lib/deep/hello")
    tree = captured(source)
    placed = place_tree(tree, source, target, APP)
    kinds = {path: placed.by_path[path].kind for path in ("bin/hi", "lib/deep/hello")}
    assert kinds == {"bin/hi": Kind.HARDLINK, "lib/deep/hello": Kind.FILE}
    assert elf.parse((target / "lib/deep/hello").read_bytes()).runpath == "$ORIGIN/.."
    assert placed == scan(target)


def test_directories_may_be_read_only(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    write(source, {"ro/file": LOGICAL_PREFIX})
    (source / "ro").chmod(0o555)
    tree = captured(source)
    placed = place_tree(tree, source, target, APP)
    assert placed.by_path["ro"].mode == (target / "ro").stat().st_mode & 0o777 == 0o555


def another_file_system(path):
    for directory in ("/dev/shm", "/var/tmp"):
        if os.path.isdir(directory) and os.stat(directory).st_dev != path.stat().st_dev:
            return directory
    return pytest.skip("needs a second file system")


def test_another_file_system_gets_copies(tmp_path):
    write(tmp_path, {"file": "plain"})
    (tmp_path / "file").chmod(0o755)
    tree = captured(tmp_path)
    with tempfile.TemporaryDirectory(dir=another_file_system(tmp_path)) as other:
        target = Path(other) / "target"
        assert place_tree(tree, tmp_path, target, APP) == tree == scan(target)
        assert not (target / "file").samefile(tmp_path / "file")


def test_a_long_prefix_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(DefinitionError, match="too long"):
        place_tree(scan(tmp_path), tmp_path, tmp_path / "target", "/opt/" + "x" * 60)
    assert not (tmp_path / "target").exists()
