"""Rules of the loader; ``tests/integration/elf/test_loader.py`` asks the real one."""

import pytest

from omnibuild.elf import Elf
from omnibuild.elf.loader import EntangledError, Found, Loader, Missing, start_all


def shared(*needed, soname="", rpath="", runpath=None, kind="shared"):
    inherits, runpath = runpath is None, runpath or ""
    tables = {"rpath": rpath, "runpath": runpath, "inherits": inherits}
    return Elf(kind, "x86-64", soname=soname, needed=needed, **tables)


def loader(files):
    """A loader over files; other things than ELF stand for themselves."""

    def find(path):
        found = files.get(path)
        return Found(path, found) if isinstance(found, Elf) else found

    return Loader(find, frozenset({"libc.so.6"}))


def loaded(files, start="/x/start"):
    return loader(files).load(start, files[start])


# As auditwheel leaves it: the libraries find each other by the path of who loads them.
REPAIRED = {
    "/x/start": shared("liba.so", "libc.so.6", rpath="$ORIGIN/../x.libs"),
    "/x/../x.libs/liba.so": shared("libb.so", soname="liba.so"),
    "/x/../x.libs/libb.so": shared("liba.so", soname="libb.so"),
}


def test_libraries_inherit_the_rpath_of_who_loads_them():
    found = loaded(REPAIRED)
    assert (len(found.files), found.missing) == (3, ())
    assert found.providers["/x/../x.libs/liba.so", "libb.so"] == "/x/../x.libs/libb.so"


def test_a_runpath_is_for_the_file_alone_even_when_it_is_empty():
    for runpath in ("$ORIGIN/nowhere", ""):
        files = REPAIRED | {"/x/../x.libs/liba.so": shared("libb.so", runpath=runpath)}
        (missing,) = loaded(files).missing
        assert (missing.path, missing.name) == ("/x/../x.libs/liba.so", "libb.so")


def test_a_runpath_of_who_loads_it_is_not_inherited():
    files = REPAIRED | {"/x/start": shared("liba.so", runpath="$ORIGIN/../x.libs")}
    searched = ()
    assert loaded(files).missing == (
        Missing("/x/../x.libs/liba.so", "libb.so", searched, "/x/start"),
    )


def test_what_is_loaded_already_is_found_by_both_its_names():
    files = {
        "/x/start": shared("libreal.so", "libuser.so", runpath="$ORIGIN"),
        "/x/libreal.so": shared(soname="libother.so"),
        "/x/libuser.so": shared("libother.so", "libreal.so"),
    }
    assert loaded(files).missing == ()
    files["/x/start"] = shared("libuser.so", "libreal.so", runpath="$ORIGIN")
    assert loaded(files).missing == (), "its own needs come before those of its libraries"


def test_the_path_by_which_a_library_was_found_is_its_origin():
    real = shared("libb.so", rpath="$ORIGIN")
    files = {
        "/x/start": shared("liba.so", runpath="$ORIGIN/links"),
        "/x/links/liba.so": Found("/x/real/liba.so.1", real),
        "/x/links/libb.so": shared(),
    }
    assert loaded(files).files == ("/x/start", "/x/real/liba.so.1", "/x/links/libb.so")


def test_libraries_for_other_processors_are_passed_over_and_rubbish_is_the_end():
    files = {
        "/x/start": shared("liba.so", runpath="$ORIGIN/one:$ORIGIN/two"),
        "/x/one/liba.so": Found("/x/one/liba.so", foreign=True),
        "/x/two/liba.so": shared(),
    }
    assert loaded(files).missing == ()
    assert loaded(files | {"/x/one/liba.so": Elf("shared", "aarch64")}).missing == ()
    (missing,) = loaded(files | {"/x/one/liba.so": Found("/x/one/liba.so")}).missing
    assert missing.searched == ("/x/one", "/x/two")


def test_only_what_starts_at_the_file_itself_is_searched():
    files = {"/x/start": shared("l", "/x/l", rpath="/x:$ORIGINAL:x::${ORIGIN}/y"), "/x/l": shared()}
    assert [(m.name, m.searched) for m in loaded(files).missing] == [
        ("l", ("/x/y",)),
        ("/x/l", ("/x/y",)),
    ]


def starts(files):
    return [loading.files[0] for loading in start_all(loader(files), files)]


def test_what_others_need_does_not_start_alone():
    libraries = {f"/x/{name}": shared(f"lib{other}.so") for name, other in ("ab", "ba")}
    files = {"/x/start": shared("liba.so", rpath="$ORIGIN/libs"), **libraries}
    places = {"/x/libs/liba.so": "/x/a", "/x/libs/libb.so": "/x/b"}
    found = Loader(lambda place: Found(places[place], files[places[place]]), frozenset())
    (loading,) = start_all(found, files)
    assert (loading.files, loading.missing) == (("/x/start", "/x/a", "/x/b"), ())


def test_programs_start_even_when_others_need_them_and_cycles_do_somewhere():
    files = {
        "/x/a": shared("b", runpath="$ORIGIN"),
        "/x/b": shared("a", runpath="$ORIGIN"),
        "/x/c": shared("p", runpath="$ORIGIN"),
        "/x/o": shared("gone", kind="object"),
        "/x/p": shared(kind="executable"),
    }
    assert starts(files) == ["/x/c", "/x/p", "/x/a"]


def test_entangled_files_come_to_an_end():
    names = [f"l{number}" for number in range(100)]
    files = {f"/x/{name}": shared(*names, runpath="$ORIGIN") for name in names}
    entangled = loader(files)
    entangled.steps = 100_000
    with pytest.raises(EntangledError):
        list(start_all(entangled, files))
