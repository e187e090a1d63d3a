"""Components as people write them: build systems, versions, variants, git commits, one beside ours.

Each is compiled for one app, whose programs run on a host that has nothing else.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance.hosts import ChrootHost, HostPool
from tests.acceptance.products import omnibuild, replace
from tests.unit.transfer.server import Server, content, running

RECIPE = """\
[app]
name = "shapes"
version = "1.0"
summary = "Shapes"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[software]
made = { variants = ["loud"] }
configured = {}
drawn = "1.5"
committed = {}
pcre2 = "10.42"
asking = {}
"""
COMMON = 'license = "MIT"\nlicense-files = ["LICENSE"]\n'
SQUARE_H = "int square(int side);\n"
SQUARE_C = '#include "square.h"\nint square(int side) { return side * side; }\n'
SAYS = '#include <stdio.h>\nint main(void) { puts("%s"); return 0; }\n'

# A Makefile of its own, which asks for the variable that a variant sets.
MADE = {
    "LICENSE": "MIT",
    "Makefile": (
        "made: made.c\n\t$(CC) $(CPPFLAGS) $(CFLAGS) $(FLAGS) made.c -o made $(LDFLAGS)\n"
        "install: made\n\tinstall -D made $(PREFIX)/bin/made\n"
    ),
    "made.c": (
        '#include <stdio.h>\n#ifndef SAID\n#define SAID "quiet"\n#endif\n'
        "int main(void) { puts(SAID); return 0; }\n"
    ),
}
MADE_TOML = f"""\
name = "made"
version = "1.0"
{COMMON}
steps = [{{ make = ['PREFIX="$PREFIX"', 'FLAGS="${{FLAGS-}}"'] }}, {{ tidy = [] }}]
test = 'made'

[variants.loud]
about = "Says it louder"
environment = {{ FLAGS = '-DSAID=\\"LOUD\\"' }}
"""
# Two series of one library, in Meson; the older one extends the newer.
DRAWN = {
    "LICENSE": "MIT",
    "meson.build": (
        "project('drawn', 'c', version: '2.0', license: 'MIT')\n"
        "square = library('square', 'square.c', version: '2.0.0', install: true)\n"
        "install_headers('square.h')\n"
        "executable('drawn', 'drawn.c', link_with: square, install: true)\n"
        "import('pkgconfig').generate(square, name: 'square')\n"
    ),
    "square.h": SQUARE_H,
    "square.c": SQUARE_C,
    "drawn.c": (
        '#include <stdio.h>\n#include "square.h"\n'
        'int main(void) { printf("%d\\n", square(7)); return 0; }\n'
    ),
}
DRAWN_TOML = f"""\
name = "drawn"
version = "2.0"
{COMMON}
steps = [{{ meson = [] }}, {{ tidy = [] }}]
test = 'test "$(drawn)" = 49'
provides = ["include/square.h", "lib/libsquare.so", "lib/pkgconfig/square.pc"]
prune = ["include", "lib/pkgconfig", "lib/libsquare.so"]
"""
OLDER_TOML = """\
name = "drawn-1.5"
extends = "drawn"
version = "1.5.2"
test = 'test "$(drawn)" = 50'
"""
# CMake over that library, wherever it is found.
CONFIGURED = {
    "LICENSE": "MIT",
    "CMakeLists.txt": (
        "cmake_minimum_required(VERSION 3.16)\nproject(configured C)\n"
        "find_package(PkgConfig REQUIRED)\npkg_check_modules(SQUARE REQUIRED square)\n"
        "add_executable(configured main.c)\n"
        "target_include_directories(configured PRIVATE ${SQUARE_INCLUDE_DIRS})\n"
        "target_link_directories(configured PRIVATE ${SQUARE_LIBRARY_DIRS})\n"
        "target_link_libraries(configured ${SQUARE_LIBRARIES})\n"
        "install(TARGETS configured)\n"
    ),
    "main.c": (
        "#include <stdio.h>\n#include <square.h>\n"
        'int main(void) { printf("%d\\n", square(9)); return 0; }\n'
    ),
}
CONFIGURED_TOML = f"""\
name = "configured"
version = "1.0"
{COMMON}
needs = ["drawn"]
steps = [{{ cmake = [] }}]
test = "configured"
"""
COMMITTED_TOML = f"""\
name = "committed"
version = "7"
{COMMON}
steps = [{{ make = ['PREFIX="$PREFIX"'], directory = "code" }}]
test = "committed"
"""
# As docs/guides/components.md has it.
PCRE2_TOML = """\
extends = "pcre2"
name = "pcre2-10.42"
version = "10.42"
license-files = ["LICENCE"]

[source]
sha256 = "c33b418e3b936ee3153de2c61cc638e7e4fe3156022a5c77d0711bcbb9d64f1f"
places = ["debian:main/p/pcre2/pcre2_10.42.orig.tar.gz"]
"""
# Whatever needs pcre2 gets the version that the recipe chooses.
ASKING = {
    "LICENSE": "MIT",
    "Makefile": (
        "asking: asking.c\n\t$(CC) $(CPPFLAGS) $(CFLAGS) asking.c -o asking $(LDFLAGS) -lpcre2-8\n"
        "install: asking\n\tinstall -D asking $(PREFIX)/bin/asking\n"
    ),
    "asking.c": (
        "#include <stdio.h>\n#define PCRE2_CODE_UNIT_WIDTH 8\n#include <pcre2.h>\n"
        "int main(void) { char said[99]; pcre2_config(PCRE2_CONFIG_VERSION, said);"
        " puts(said); return 0; }\n"
    ),
}
ASKING_TOML = f"""\
name = "asking"
version = "1.0"
{COMMON}
needs = ["pcre2"]
steps = [{{ make = ['PREFIX="$PREFIX"'] }}]
test = "asking"
"""


@pytest.fixture(scope="module")
def sources() -> Iterator[Server]:
    with running() as server:
        yield server


def archive(name: str, files: Mapping[str, str]) -> bytes:
    """Return a source archive of one directory."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def define(
    software: Path, sources: Server, name: str, text: str, files: Mapping[str, str] | None = None
) -> None:
    """Write a definition, and serve its source."""
    if files is not None:
        data = archive(name, files)
        url = sources.serve(f"/{name}.tar.gz", content(data))
        digest = hashlib.sha256(data).hexdigest()
        text += f'\n[source]\nsha256 = "{digest}"\nplaces = ["{url}"]\n'
    (software / f"{name}.toml").write_text(text)


def committed(directory: Path) -> str:
    """Make a repository of two commits; return the name of the first."""
    (directory / "code").mkdir(parents=True)
    for path, text in MADE.items():
        (directory / ("LICENSE" if path == "LICENSE" else f"code/{path}")).write_text(text)
    main = directory / "code/made.c"
    main.write_text(SAYS % "the first commit")
    replace(directory / "code/Makefile", "bin/made", "bin/committed")

    def git(*words: str) -> str:
        who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        command = ["git", *who, *words]
        done = subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "1")
    first = git("rev-parse", "HEAD")
    main.write_text(SAYS % "the second commit")
    git("commit", "-qam", "2")
    return first


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, sources: Server) -> Path:
    base = tmp_path_factory.mktemp("components")
    for directory in (base, *base.parents[:2]):
        directory.chmod(0o755)
    software = base / "software"
    software.mkdir()
    define(software, sources, "made", MADE_TOML, MADE)
    define(software, sources, "drawn", DRAWN_TOML, DRAWN)
    older = {**DRAWN, "square.c": SQUARE_C.replace("side * side", "side * side + 1")}
    define(software, sources, "drawn-1.5", OLDER_TOML, older)
    define(software, sources, "configured", CONFIGURED_TOML, CONFIGURED)
    define(software, sources, "pcre2-10.42", PCRE2_TOML)
    define(software, sources, "asking", ASKING_TOML, ASKING)
    repository = base / "repository"
    pin = f'\n[source]\ngit = "{repository.as_uri()}"\ncommit = "{committed(repository)}"\n'
    define(software, sources, "committed", COMMITTED_TOML + pin)
    (base / "omnibuild.toml").write_text(RECIPE)
    return base


def built(workspace: Path, host: ChrootHost) -> dict[str, str]:
    """Build and unpack it; return what its programs say."""
    omnibuild("build", "-C", workspace, "-p", "linux", "-o", workspace / "dist")
    host.shell("rm -rf /srv/shapes*; tar -C /srv -xf /dist/shapes-1.0-linux-x86_64.tar.zst")
    programs = ("made", "drawn", "configured", "committed", "asking")
    return {name: host.run(f"/srv/shapes-1.0/bin/{name}").stdout.strip() for name in programs}


def test_each_is_what_the_recipe_chose(workspace: Path, module_hosts: HostPool) -> None:
    (workspace / "dist").mkdir()
    host = module_hosts.debian("bookworm", packages=("zstd",), binds={workspace / "dist": "/dist"})
    said = built(workspace, host)
    assert said.pop("asking").startswith("10.42 ")
    assert said == {
        "made": "LOUD",
        "drawn": "50",
        "configured": "82",
        "committed": "the first commit",
    }
    recipe = workspace / "omnibuild.toml"
    replace(recipe, 'made = { variants = ["loud"] }', "made = {}")
    replace(recipe, 'drawn = "1.5"', 'drawn = "2.0"')
    replace(recipe, 'pcre2 = "10.42"', 'pcre2 = "10.46"')
    said = built(workspace, host)
    assert (said["made"], said["drawn"], said["configured"]) == ("quiet", "49", "81")
    assert said["asking"].startswith("10.46 ")
