"""Debug symbols in packages of their own: a real gdb finds lines of the source by them.

The gdb is this machine's; it reads what the packages bring, where they bring it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.tools import Tool
from tests.acceptance.hosts import HostPool
from tests.acceptance.products import omnibuild, replace
from tests.acceptance.workspaces import Workspace, archive

GDB = Tool("gdb", "gdb")
DPKG_DEB = Tool("dpkg-deb", "dpkg")
RPM2CPIO = Tool("rpm2cpio", "rpm")
CPIO = Tool("cpio", "cpio")

CODE = {
    "tiny-1.0/fall.c": """\
#include <zlib.h>
int fall(const char *what) {
    volatile int *nowhere = (int *) crc32(0, 0, 0);
    return *nowhere + what[0];
}
""",
    "tiny-1.0/tiny.c": """\
int fall(const char *);
int main(int count, char **words) { return fall(words[0]) + count; }
""",
    "tiny-1.0/LICENSE": "Do what you like.\n",
}
# The program is stripped as many are, and the library as hardly any is: by nobody.
STEPS = (
    'mkdir -p "$PREFIX/bin" "$PREFIX/lib"',
    '$CC $CPPFLAGS $CFLAGS -fPIC -shared fall.c -o "$PREFIX/lib/libfall.so" $LDFLAGS -lz',
    "$CC $CFLAGS tiny.c -o tiny $LDFLAGS -lfall",
    'install -m 0555 -s tiny "$PREFIX/bin/"; ln "$PREFIX/bin/tiny" "$PREFIX/bin/twin"',
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of two apps with the same components, and in ``plain`` of one without symbols."""
    base = tmp_path_factory.mktemp("symbols")
    workspace = Workspace(
        base / "workspace",
        steps=STEPS,
        needs=("zlib",),
        data=archive(CODE),
        test="test -x $PREFIX/bin/tiny",
    ).write()
    recipe = workspace / "recipes/tiny.toml"
    command = ("-C", workspace, "-p", "debian-12")
    omnibuild("build", "tiny", *command, "-o", base / "packages/plain")
    recipe.write_text(f"{recipe.read_text()}\n[build]\nsymbols = true\n")
    omnibuild("build", "tiny", *command, "-p", "el9", "-p", "linux", "-o", base / "packages")
    recipe.rename(recipe.with_name("other.toml"))
    replace(recipe.with_name("other.toml"), 'name = "tiny"', 'name = "other"')
    omnibuild("build", "other", *command, "-o", base / "packages")
    return base / "packages"


def backtrace(root: Path, program: Path) -> str:
    """Let a program fall, and return what gdb says of where."""
    # Before everything else, where a debugger of the host would look by itself.
    symbols = ("-iex", f"set debug-file-directory {root}/usr/lib/debug")
    quiet = ("-nx", "-batch", "-iex", "set debuginfod enabled off")
    done = GDB.run(*quiet, *symbols, "-ex", "run", "-ex", "backtrace", program, check=False)
    return (done.stdout + done.stderr).decode()


def test_a_crash_is_resolved_to_lines(packages: Path, tmp_path: Path) -> None:
    for package in packages.glob("tiny*.deb"):
        DPKG_DEB.run("-x", package, tmp_path)
    said = backtrace(tmp_path, tmp_path / "opt/tiny/bin/tiny")
    assert "fall.c:4" in said
    (tmp_path / "else where").mkdir()
    moved = (tmp_path / "opt/tiny").rename(tmp_path / "else where/tiny")
    assert "fall.c:4" in backtrace(tmp_path, moved / "bin/twin")


def test_an_rpm_has_the_same(packages: Path, tmp_path: Path) -> None:
    for package in packages.glob("tiny-*.rpm"):
        cpio = RPM2CPIO.run(package).stdout
        CPIO.run("--extract", "--make-directories", "--quiet", "-D", tmp_path, data=cpio)
    assert "fall.c:4" in backtrace(tmp_path, tmp_path / "opt/tiny/bin/tiny")


def test_programs_are_as_large_as_without(packages: Path, tmp_path: Path) -> None:
    sizes = {}
    for package in (packages / "plain/tiny_1.0-1_amd64.deb", packages / "tiny_1.0-1_amd64.deb"):
        root = tmp_path / package.parent.name
        DPKG_DEB.run("-x", package, root)
        files = [path for path in root.rglob("*") if path.is_file() and "manifest" not in path.name]
        sizes[root.name] = {str(path.relative_to(root)): path.stat().st_size for path in files}
    assert sizes["plain"].keys() == sizes["packages"].keys()
    assert all(sizes["packages"][path] <= size for path, size in sizes["plain"].items())
    assert not (packages / "plain/tiny-dbgsym_1.0-1_amd64.deb").exists()


def test_symbols_of_two_apps_stand_side_by_side(packages: Path, hosts: HostPool) -> None:
    host = hosts.debian("bookworm", binds={packages: "/packages"})
    host.shell("apt-get install --yes /packages/tiny*.deb /packages/other*.deb")
    assert host.shell("dpkg --verify").stdout == ""
    done = host.run("apt-get", "purge", "--yes", "tiny")
    assert "tiny-dbgsym" in done.stdout, "symbols are for one version of their package"
    assert len(host.shell("find /usr/lib/debug -name '*.debug'").stdout.splitlines()) == 3
    host.run("apt-get", "purge", "--yes", "other")
    assert not host.exists("/usr/lib/debug/.build-id")


def test_they_are_built_again_elsewhere(packages: Path) -> None:
    workspace = packages.parent / "workspace"
    said = omnibuild("artifact", "rebuild", "other", "-C", workspace, "-p", "debian-12").stdout
    same = {line.split()[-1] for line in said.splitlines() if line.startswith("same ")}
    assert {
        "component:tiny-c@bullseye/amd64",
        "symbols:other/all@bullseye/amd64",
        "package:other/deb-symbols@bullseye/amd64",
    } <= same
