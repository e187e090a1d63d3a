import contextlib
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild import elf
from omnibuild.audit import glibc
from omnibuild.elf.tables import Image
from omnibuild.payload.placing import LOGICAL_PREFIX
from tests.programs import LIBRARY, RUNPATH, compiled, greet_library, greet_program, linked


def parsed(data: bytes) -> elf.Elf:
    found = elf.parse(data)
    assert found is not None
    return found


def test_a_program_says_what_it_needs():
    found = parsed(greet_program())
    assert (found.kind, found.interpreter) == ("executable", "/lib64/ld-linux-x86-64.so.2")
    assert found.needed == ("libgreet.so.1", "libc.so.6")
    assert found.runpath == f"{LOGICAL_PREFIX}/lib"
    assert found.search_path == (f"{LOGICAL_PREFIX}/lib",)
    assert found.rpath == ""
    assert found.versions is not None
    assert "GLIBC_2.2.5" in found.versions["libc.so.6"]


def test_a_library_has_a_soname():
    found = parsed(greet_library())
    assert (found.kind, found.soname, found.interpreter) == ("shared", "libgreet.so.1", "")


def test_the_runpath_is_where_the_offset_says():
    data = greet_program()
    offset, length = parsed(data).runpath_offset
    assert data[offset : offset + length + 1] == f"{LOGICAL_PREFIX}/lib\0".encode()


@pytest.mark.parametrize("flags", [("-no-pie",), ("-static",), ("-static-pie",), ("-s",)])
def test_every_kind_of_program_is_one(flags):
    found = parsed(compiled("int main(void) { return 0; }", *flags))
    assert found.kind == "executable"
    assert (found.interpreter == "") == ("static" in flags[0])


def test_objects_have_no_tables():
    assert parsed(compiled(LIBRARY, "-c")) == elf.Elf("object", "x86-64")


def test_the_old_rpath_is_told_apart():
    found = parsed(compiled(LIBRARY, "-shared", RUNPATH, "-Wl,--disable-new-dtags"))
    assert (found.runpath, found.rpath) == ("", f"{LOGICAL_PREFIX}/lib")
    assert found.runpath_offset is not None


def test_other_files_are_none():
    assert elf.parse(b"") is None
    assert elf.parse(b"#!/bin/sh\n") is None
    assert elf.parse(elf.MAGIC + b"\x01\x01" + bytes(60)) is None, "32 bits"
    core = bytearray(greet_library())
    core[16] = 4
    assert elf.parse(bytes(core)) is None


def test_machines_are_told_from_the_first_bytes():
    data = bytearray(greet_library()[:20])
    assert elf.machine_of(data) == "x86-64"
    data[18] = 183
    assert elf.machine_of(data) == "aarch64"
    assert elf.machine_of(data[:10]) is None


def test_the_highest_glibc_version_counts_as_a_number():
    versions = {"libc.so.6": ("GLIBC_2.9", "GLIBC_2.17"), "libm.so.6": ("GLIBC_2.2.5",)}
    assert glibc.needed_version(elf.Elf("shared", "x86-64", versions=versions)) == (2, 17)
    assert glibc.needed_version(elf.Elf("shared", "x86-64")) == ()


def test_packed_relocations_need_the_glibc_that_knows_them():
    assert glibc.version_of("GLIBC_ABI_DT_RELR") == (2, 36)
    assert glibc.version_of("GLIBC_PRIVATE") is None


def test_a_symbol_that_ends_the_runpath_is_noticed():
    plain = greet_library()
    assert not elf.runpath_is_shared(plain, parsed(plain))
    merged = compiled("int lib(void) { return 1; }", "-shared", RUNPATH)
    assert elf.runpath_is_shared(merged, parsed(merged))


def test_an_imported_symbol_that_ends_the_runpath_is_noticed():
    source = "extern int ib(void); int f(void) { return ib(); }"
    merged = compiled(source, "-shared", "-fPIC", RUNPATH)
    assert elf.runpath_is_shared(merged, parsed(merged))


def test_a_file_without_runpath_shares_none():
    data = compiled(LIBRARY, "-shared")
    assert not elf.runpath_is_shared(data, parsed(data))


def test_the_interpreter_that_runs_this_test_can_be_read():
    found = parsed(Path(sys.executable).resolve().read_bytes())
    assert found.kind == "executable"
    assert any(name.startswith("libc.so") for name in found.needed)


def read_all(data: bytes) -> None:
    """Read everything there is; only ElfError may come of it."""
    with contextlib.suppress(elf.ElfError):
        found = elf.parse(data)
        if found is not None:
            elf.runpath_is_shared(data, found)
            glibc.needed_version(found)


samples = st.sampled_from(["library", "program"]).map(
    lambda name: greet_library() if name == "library" else greet_program()
)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(samples, st.data())
def test_cut_off_files_are_read_or_refused(data, draw):
    read_all(data[: draw.draw(st.integers(0, len(data)))])


@unhurried
@given(samples, st.data())
def test_changed_bytes_are_read_or_refused(data, draw):
    changed = bytearray(data)
    # Most of what is read is in the first 4 KiB: headers, names, symbols.
    places = st.integers(0, 4095) | st.integers(0, len(data) - 9)
    values = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 8, bytes(8)])
    for offset, value in draw.draw(st.lists(st.tuples(places, values), min_size=1, max_size=20)):
        changed[offset : offset + len(value)] = value
    read_all(bytes(changed))


@unhurried
@given(samples, st.integers(0, 400), st.integers(0, 2**64 - 1))
def test_changed_entries_of_the_dynamic_table_are_read_or_refused(data, index, value):
    image = Image(data)
    offset, size = image._segments[2]
    place = offset + (index * 8) % size
    read_all(data[:place] + value.to_bytes(8, "little") + data[place + 8 :])


def test_versions_of_symbols_are_read():
    script = b"G_1 { global: a; }; G_2 { global: b; } G_1; G_3 { global: c; };"
    flags = ("-shared", "-fPIC", "-Wl,--version-script,script")
    library = linked("int a, b, c;", *flags, beside={"script": script})
    assert parsed(library).defines == ("G_1", "G_2", "G_3")
    source = "extern int a, b; int *f[] = {&a, &b};"
    user = linked(source, "-shared", "-fPIC", "-l:lib.so", beside={"lib.so": library})
    assert parsed(user).versions["lib.so"] == ("G_1", "G_2")
    hashed = struct.pack("<I", (ord("G") << 8) + (ord("_") << 4) + ord("2"))
    assert user.count(hashed + bytes(2)) == 1
    # The loader does without weak ones.
    weak = parsed(user.replace(hashed + bytes(2), hashed + b"\2\0"))
    assert weak.versions["lib.so"] == ("G_1",)


def test_an_empty_runpath_is_one():
    library = greet_library()
    offset, length = parsed(library).runpath_offset
    found = parsed(library[:offset] + bytes(length) + library[offset + length :])
    assert (found.runpath, found.inherits, found.search_path) == ("", False, ())
    assert parsed(compiled(LIBRARY, "-shared")).inherits
