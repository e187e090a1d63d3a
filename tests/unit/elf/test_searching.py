"""What search paths of prebuilt files become, so that they find an app's libraries."""

import posixpath

import pytest

from omnibuild.elf.loader import Found
from omnibuild.elf.searching import settled_paths
from tests.unit.elf.test_loader import shared

SITE = "/lib/python3.13/site-packages"


def settled(files, provided=("libz.so.1", "libgcc_s.so.1")):
    def find(path):
        path = posixpath.normpath(path)
        return Found(path, files[path]) if path in files else None

    return settled_paths(files, find, frozenset({"libc.so.6"}), provided, "/lib")


def test_files_that_need_an_apps_library_get_the_way_to_it():
    needing = shared("libgcc_s.so.1", "libc.so.6")
    assert settled({f"{SITE}/x/_x.so": needing, "/bin/x": needing, "/lib/libx.so": needing}) == {
        f"{SITE}/x/_x.so": "$ORIGIN/../../..",
        "/bin/x": "$ORIGIN/../lib",
        "/lib/libx.so": "$ORIGIN",
    }


def test_what_needs_nothing_of_the_app_stays_as_it_is():
    assert settled({"/lib/x.so": shared("libc.so.6", rpath="$ORIGIN/x.libs")}) == {}


def test_what_nobody_else_brings_may_be_a_component_of_the_app():
    odbc = f"{SITE}/pyodbc.so"
    assert settled({odbc: shared("libodbc.so.2")}) == {odbc: "$ORIGIN/../.."}
    # Here another distribution may bring it; if none does, the audit tells.
    path = "$ORIGIN:$ORIGIN/../nvidia/cudnn/lib"
    torch = {f"{SITE}/torch/lib/libtorch.so": shared("libcudnn.so.9", rpath=path)}
    assert settled(torch) == {}
    torch = {f"{SITE}/torch/lib/libtorch.so": shared("libgcc_s.so.1", rpath=path)}
    assert list(settled(torch).values()) == [f"{path}:$ORIGIN/../../../.."]


def test_a_path_is_added_to_what_a_file_has():
    (path,) = settled({"/lib/x.so": shared("libz.so.1", runpath="$ORIGIN/x.libs")}).values()
    assert path == "$ORIGIN/x.libs:$ORIGIN"


def test_libraries_of_a_wheel_come_before_those_of_the_app_and_inherit():
    files = {
        f"{SITE}/x.so": shared("liba.so", rpath="$ORIGIN/x.libs"),
        f"{SITE}/x.libs/liba.so": shared("libgcc_s.so.1", "libb.so"),
        f"{SITE}/x.libs/libb.so": shared("libgcc_s.so.1"),
    }
    own = {f"{SITE}/x.libs/libgcc_s.so.1": shared(soname="libgcc_s.so.1")}
    assert settled(files | own) == {}
    assert set(settled(files)) == set(files) - {f"{SITE}/x.so"}


@pytest.mark.parametrize(
    "entry", ["/usr/local/lib", "lib", "", "$ORIGIN/../../../..", "$LIB", "$ORIGINAL/x"]
)
def test_entries_that_lead_out_of_the_app_are_left_out(entry):
    kept = "$ORIGIN/../../.."
    wanted = {f"{SITE}/x.so": kept, f"{SITE}/y.so": ""}
    rpath = f"{entry}:{kept}:{kept}"
    files = {f"{SITE}/x.so": shared(rpath=rpath), f"{SITE}/y.so": shared(runpath=entry)}
    assert settled(files) == {path: text for path, text in wanted.items() if entry or text}
