from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from omnibuild.recipe.models import TemplateStep
from omnibuild.recipe.software.templates import expanded, tools
from tests.unit.recipe.samples import GOLDEN, assert_golden

EVERY = (
    TemplateStep(autotools=("--disable-static", '--with-ssl="$PREFIX"')),
    TemplateStep(autotools=(), directory="sub/directory"),
    TemplateStep(cmake=("-DBUILD_TESTING=OFF",), directory="build/cmake"),
    TemplateStep(meson=("-Dtests=false",)),
    TemplateStep(make=('PREFIX="$PREFIX"',), directory="lib"),
    "echo shell stays as it is\n",
    TemplateStep(tidy=("bin/*", "share/it's man")),
)


def test_golden_texts() -> None:
    texts = expanded(EVERY)
    assert_golden(GOLDEN / "templates.txt", "\n--\n".join(texts))


def test_templates_bring_the_tools_that_they_run() -> None:
    assert tools(EVERY) == ("cmake", "meson", "ninja")
    assert tools(("make",)) == ()


class Tidied:
    """A prefix with a layer beneath, in which the shell text of ``tidy`` runs for real."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.prefix = directory, directory / "prefix"
        self.prefix.mkdir()
        self.write("bin/tool-of-a-layer", "share/man/man1/of-a-layer.1", "lib/beneath.a")
        self.texts: list[str] = []

    def write(self, *paths: str) -> None:
        for path in paths:
            (self.prefix / path).parent.mkdir(parents=True, exist_ok=True)
            (self.prefix / path).write_text("x")

    def run(self, *globs: str, installs: str = "") -> subprocess.CompletedProcess[str]:
        steps = ("true", installs, TemplateStep(tidy=globs))
        for text in expanded(steps):
            here = text.replace("/build/", f"{self.directory}/")
            done = subprocess.run(
                ["/bin/sh", "-eux", "-c", here],
                env={"PREFIX": str(self.prefix), "PATH": os.environ["PATH"], "LC_ALL": "C"},
                text=True,
                capture_output=True,
                check=False,
            )
            if done.returncode:
                return done
        return done

    def files(self) -> set[str]:
        return {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*")}


@pytest.fixture
def tidied(tmp_path: Path) -> Tidied:
    return Tidied(tmp_path)


def test_tidy_leaves_out_what_it_is_told_and_nothing_of_layers(tidied: Tidied) -> None:
    before = tidied.files()
    installs = """
        cd "$PREFIX"
        mkdir -p share/man/man3 share/doc/own "lib/a b" empty/below
        echo x > bin/own; echo x > "share/man/man3/own page.3"; echo x > share/doc/own/README
        echo x > lib/libown.a; echo x > "lib/a b/libown.la"; echo x > lib/kept.txt
        ln -s ../kept.txt lib/link
    """
    done = tidied.run("bin/*", "share/man", "share/doc", installs=installs)
    assert done.returncode == 0, done.stderr
    assert tidied.files() == before | {"lib/kept.txt", "lib/link"}


@pytest.mark.parametrize("glob", ["share/doc", "bin/tool-of-a-layer", "lib/*.so"])
def test_a_glob_that_covers_nothing_of_its_own_ends_the_step(tidied: Tidied, glob: str) -> None:
    done = tidied.run(glob, installs='echo x > "$PREFIX/lib/libown.la"')
    assert done.returncode == 1
    assert f"tidy: {glob} covers nothing that this component installed" in done.stderr
