"""Programs compiled for the logical prefix run from wherever they are placed."""

import os
import shutil
from pathlib import Path

import pytest

from omnibuild import elf
from omnibuild.audit.audit import audit
from omnibuild.audit.component import check_component
from omnibuild.errors import RelocationError
from omnibuild.payload.model import Metadata, Payload
from omnibuild.payload.placing import LOGICAL_PREFIX, check_capture, place_tree, references
from omnibuild.tools import Tool
from omnibuild.tree import scan
from tests.programs import compiled, greet_library, greet_program

CUT_CONSTANT = f"""
#include <string.h>
void f(char *to) {{ strcpy(to, "{LOGICAL_PREFIX}/lib"); }}
"""


@pytest.fixture
def component(tmp_path) -> Path:
    """A component as a build leaves it: a program, its library and its links."""
    root = tmp_path / "component"
    for path, content in {
        "bin/hello": greet_program(),
        "lib/libgreet.so.1.0": greet_library(),
        "share/data": b"data\n",
        "bin/script": f"#!{LOGICAL_PREFIX}/bin/hello\n".encode(),
    }.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o755)
    (root / "lib/libgreet.so.1").symlink_to("libgreet.so.1.0")
    (root / "lib/libgreet.so").symlink_to(f"{LOGICAL_PREFIX}/lib/libgreet.so.1")
    return root


def place(component, target, prefix):
    tree = scan(component)
    check_component("hello", tree, component, {}, {})
    check_capture(component, tree)
    return place_tree(tree, component, target, prefix)


def output_of(program: Path) -> str:
    return Tool(program.name, "", (program,)).run().stdout.decode()


def test_a_moved_program_runs_from_a_path_with_a_space(component, tmp_path):
    target = tmp_path / "some where" / "else"
    place(component, target, "/opt/hello")
    shutil.rmtree(component)
    expected = "hello from " + "/opt/hello".ljust(64, "/") + "/share/data\n"
    assert output_of(target / "bin/hello") == expected
    assert os.readlink(target / "lib/libgreet.so") == "libgreet.so.1"


def test_scripts_run_by_the_placed_program(component, tmp_path):
    # Where it is placed is where it runs: the padded path leads to the file, too.
    target = Path("/tmp") / f"omnibuild-{os.getpid()}"
    try:
        place(component, target, str(target))
        padded = str(target).ljust(64, "/") + "/share/data"
        assert output_of(target / "bin/script") == f"hello from {padded}\n"
        assert Path(padded).read_text() == "data\n"
    finally:
        shutil.rmtree(target)


def test_a_placed_component_passes_the_audit(component, tmp_path):
    root = tmp_path / "payload"
    place(component, root / "opt/hello", "/opt/hello")
    metadata = Metadata("hello", "1", "1", "", "", "", "", "", "", 0)
    report = audit(Payload(metadata, root, scan(root), "/opt/hello"), "2.99", "amd64")
    assert report.findings == ()


@pytest.mark.parametrize("flags", [("-O2",), ("-O3",), ("-O2", "-mno-sse"), ("-O2", "-mavx2")])
def test_constants_that_the_compiler_takes_apart_are_found(tmp_path, flags):
    (tmp_path / "x.o").write_bytes(compiled(CUT_CONSTANT, "-c", *flags))
    with pytest.raises(RelocationError, match=r"x\.o: offset"):
        check_capture(tmp_path, scan(tmp_path))


def test_the_advice_against_it_helps(tmp_path):
    (tmp_path / "x.o").write_bytes(compiled(CUT_CONSTANT, "-c", "-Os"))
    check_capture(tmp_path, scan(tmp_path))


def test_stripped_programs_are_placed_like_others(tmp_path):
    root, target = tmp_path / "component", tmp_path / "target"
    (root / "bin").mkdir(parents=True)
    (root / "bin/hello").write_bytes(greet_program())
    Tool("strip", "binutils").run(root / "bin/hello")
    tree = scan(root)
    check_capture(root, tree)
    place_tree(tree, root, target, "/opt/hello")
    placed = (target / "bin/hello").read_bytes()
    assert elf.parse(placed).runpath == "$ORIGIN/../lib"
    assert not references(placed)
