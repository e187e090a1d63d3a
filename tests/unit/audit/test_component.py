from pathlib import Path

import pytest

from omnibuild.audit.component import check_component
from omnibuild.errors import UndeclaredDependencyError
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.tree import scan
from tests.programs import LIBRARY, PROGRAM, RUNPATH, compiled, greet_library, greet_program
from tests.unit.recipe.samples import assert_golden

GREET = {"greet": {"libgreet.so.1", "libgreet.so"}}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/hello").write_bytes(greet_program())
    return tmp_path


def check(root, declared, others=()):
    check_component("hello", scan(root), root, declared, dict(others))


def test_declared_libraries_are_fine(root):
    check(root, GREET)


def test_own_libraries_are_fine(root):
    (root / "lib").mkdir()
    (root / "lib/libgreet.so.1.0").write_bytes(greet_library())
    check(root, {})


def test_own_libraries_are_known_by_their_symlinks(root):
    (root / "lib").mkdir()
    (root / "lib/libgreet-1.so").write_bytes(compiled(LIBRARY, "-shared", "-fPIC"))
    (root / "lib/libgreet.so.1").symlink_to("libgreet-1.so")
    check(root, {})


def test_an_undeclared_library_names_its_component(root):
    with pytest.raises(UndeclaredDependencyError) as caught:
        check(root, {"zlib": {"libz.so.1"}}, GREET)
    assert caught.value.why == "bin/hello needs libgreet.so.1, which greet provides"
    assert caught.value.hint == 'declare needs = ["greet", "zlib"]'


def test_a_library_of_the_build_root_is_told(root):
    with pytest.raises(UndeclaredDependencyError, match="from the build root") as caught:
        check(root, {})
    assert_golden(Path(__file__).parent / "golden/library-of-the-root.txt", str(caught.value))
    assert caught.value.perhaps == ("lib/libgreet.so",)


@pytest.mark.parametrize("flag", [(), ("-Wl,-rpath,/usr/lib",)])
def test_a_program_that_would_not_find_its_library_is_refused(root, flag):
    (root / "bin/hello").write_bytes(compiled(PROGRAM, "-lgreet", *flag))
    with pytest.raises(UndeclaredDependencyError, match=r"bin/hello has no runpath"):
        check(root, GREET)


def test_what_needs_only_glibc_needs_no_runpath(root):
    (root / "bin/hello").write_bytes(compiled("int main(void) { return 0; }"))
    check(root, {})


def test_other_files_are_of_no_interest(root):
    (root / "bin/script").write_text("#!/bin/sh\n")
    (root / "broken").write_bytes(greet_program()[:999])
    (root / "x.o").write_bytes(compiled(LIBRARY, "-c", RUNPATH))
    check(root, GREET)


def test_the_runpath_may_be_the_prefix_itself(root):
    program = compiled(PROGRAM, "-lgreet", f"-Wl,-rpath,{LOGICAL_PREFIX}")
    (root / "bin/hello").write_bytes(program)
    check(root, GREET)
