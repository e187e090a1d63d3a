from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import MissingDependencyError, StepError, UndeclaredDependencyError
from omnibuild.layers.missing import explained, missed, note_missed
from omnibuild.recipe.definitions import Definitions

DEFINITIONS = Definitions(Path(__file__).resolve().parents[3])
VERSION = DEFINITIONS.software("openssl").software.version


SURE = {
    "a.c:3:10: fatal error: zlib.h: No such file or directory": "include/zlib.h",
    "a.c:3:10: fatal error: a/b.h: No such file or directory": "include/a/b.h",
    "/usr/bin/ld: cannot find -lpq": "lib/libpq.so",
    "/usr/bin/ld: cannot find -lpq: No such file or directory": "lib/libpq.so",
    "No package 'libpq' found": "lib/pkgconfig/libpq.pc",
    "Package cairo was not found in the pkg-config search path.": "lib/pkgconfig/cairo.pc",
    'meson.build:9:2: ERROR: Dependency "cairo" not found, tried it': "lib/pkgconfig/cairo.pc",
    "/bin/sh: 1: xml2-config: not found": "bin/xml2-config",
    "step.sh: line 3: tclsh: command not found": "bin/tclsh",
    "Rust not found, installing into a temporary directory": "bin/Rust",
}
PERHAPS = {
    "Error: pg_config executable not found.": "bin/pg_config",
    "FileNotFoundError: [Errno 2] No such file or directory: 'curl-config'": "bin/curl-config",
    "or ensure liblz4.pc is in PKG_CONFIG_PATH": "lib/pkgconfig/liblz4.pc",
}


@pytest.mark.parametrize("line", [*SURE, *PERHAPS, "error: 'zlib' undeclared (first use here)"])
def test_what_programs_say_that_they_miss(line: str) -> None:
    sure, perhaps = missed(f"gcc …\n{line}\nerror: command failed")
    assert sure == ((SURE[line],) if line in SURE else ())
    assert line not in PERHAPS or PERHAPS[line] in perhaps


def told(log: Path, text: str, component: str = "") -> StepError:
    log.write_text(text)
    error = StepError("building the wheel of lib failed", why="1\n2", hint="try another")
    note_missed(error, log, component)
    return explained(error, DEFINITIONS)


def test_who_has_it_and_what_to_write(tmp_path: Path) -> None:
    text = "fatal error: openssl/ssl.h: No such file or directory\nld: cannot find -lcrypto\n"
    error = told(tmp_path / "log", text)
    assert isinstance(error, MissingDependencyError)
    assert error.hint == (
        f'openssl has openssl/ssl.h and libcrypto.so; write under [software]: openssl = "{VERSION}"'
    )
    assert error.why == "1\n2"
    of_component = told(tmp_path / "log", text, "curl")
    assert of_component.hint.endswith('; add to its definition: needs = ["openssl"]')


def test_who_has_what_was_linked_of_the_build_root() -> None:
    error = UndeclaredDependencyError("it uses libraries", hint="switch that off")
    error.component, error.perhaps = "mine", ("lib/libcrypt.so",)
    told = explained(error, DEFINITIONS)
    assert told.code == "undeclared-dependency"
    assert told.hint == 'libxcrypt has libcrypt.so; add to its definition: needs = ["libxcrypt"]'
    error.perhaps = ("lib/libnsl.so",)
    assert explained(error, DEFINITIONS).hint == "switch that off"


@pytest.mark.parametrize(
    "line",
    [
        "configure: error: libncurses is required",
        "configure: error: libncurses or libncursesw is required to build it",
        "configure: error: the ncurses library is required.",
    ],
)
def test_a_library_that_configure_requires(tmp_path: Path, line: str) -> None:
    error = told(tmp_path / "log", line, "mine")
    assert error.hint == 'ncurses has libncurses.so; add to its definition: needs = ["ncurses"]'


def test_what_only_builds_is_needed_for_building(tmp_path: Path) -> None:
    text = "/build/step-1.sh: 1: bison: not found\nfatal error: zlib.h: No such file or directory\n"
    error = told(tmp_path / "log", text, "curl")
    assert error.hint.endswith('; add to its definition: needs = ["zlib"], build-needs = ["bison"]')
    error = told(tmp_path / "log", "step.sh: line 3: cmake: command not found", "curl")
    assert error.hint == 'cmake has cmake; add to its definition: build-needs = ["cmake"]'
    error = told(tmp_path / "log", "step.sh: line 3: pg_config: command not found", "curl")
    assert error.hint.endswith('needs = ["libpq"]')


def test_no_app_brings_a_tool_for_building(tmp_path: Path) -> None:
    error = told(tmp_path / "log", "step.sh: line 3: cmake: command not found")
    assert error.hint.startswith("no component has cmake")


def test_what_nobody_has_is_said(tmp_path: Path) -> None:
    error = told(tmp_path / "log", "fatal error: graphviz/cgraph.h: No such file or directory")
    assert error.hint == (
        "no component has graphviz/cgraph.h: write one, as docs/guides/components.md shows"
    )


def test_what_is_no_lack_stays_as_it_was(tmp_path: Path) -> None:
    for text in ("No such file or directory: 'README.md'", "Setting x.pc", "\xff error"):
        error = told(tmp_path / "log", text)
        assert (type(error), error.hint) == (StepError, "try another")


def test_a_glob_is_no_claim_to_everything(tmp_path: Path) -> None:
    """include/openssl/*.h has no header that is called like one of its own elsewhere."""
    error = told(tmp_path / "log", "fatal error: mine.h: No such file or directory")
    assert error.hint.startswith("no component has mine.h")


@pytest.mark.parametrize(
    "text", ["y", "-", "a.", "'a", "a-", "lib-", "lib a ", "fatal error: ", "pkg-config --exists "]
)
def test_a_flood_takes_no_longer_than_its_length(text: str) -> None:
    """The log of a step is anybody's: this took minutes, or did not end."""
    sure, _ = missed(text * ((1 << 18) // len(text)))
    assert not sure
