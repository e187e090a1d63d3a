"""CPython's own tests with packaged interpreters: on three Debians, in place and moved.

`OMNIBUILD_SERIES="3.11 3.14"` tests these. The tests are those of the interpreter's own pinned
source, laid into its tree on the host only; nobody ships them. An ordinary user runs them.
"""

from __future__ import annotations

import os
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.recipe.definitions import Definitions
from omnibuild.settings import default_cache
from omnibuild.store.store import Store
from tests.acceptance.hosts import Host, HostPool
from tests.acceptance.products import CHECKOUT, omnibuild

SERIES = os.environ.get("OMNIBUILD_SERIES", "3.13").split()
SUITES = ("bullseye", "bookworm", "trixie")
MOVED = "/home/alice/my äpps/tiny"
SECONDS = 4 * 3600
RECIPE = """\
[app]
name = "tiny"
version = "1.0"
summary = "An interpreter"
license = "MIT"
maintainer = "Tester <tester@example.com>"
[source]
path = "."
[python]
version = "VERSION"
[commands]
tiny = "python -m tiny"
"""
# What of the library is left out on Linux, and why. All else is there.
MISSING = {
    "_tkinter": "windows: tkinter, idlelib, turtle",
    "tkinter": "windows: tkinter, idlelib, turtle",
    "idlelib": "windows: tkinter, idlelib, turtle",
    "turtle": "windows: tkinter, idlelib, turtle",
    "turtledemo": "windows: tkinter, idlelib, turtle",
    "nis": "links libnsl, which hosts no longer have (3.11 alone has it)",
}
ELSEWHERE = {
    *("_msi", "_overlapped", "_scproxy", "_winapi", "_wmi", "msilib", "msvcrt", "nt", "winreg"),
    *("winsound", "ossaudiodev", "_android_support", "_apple_support", "_ios_support"),
    *("_aix_support", "_osx_support"),
}
IMPORTS = """\
import importlib, sys
for name in sorted(sys.stdlib_module_names - {"antigravity", "this"}):
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name)
"""
# Tests that a packaged interpreter cannot pass, and why: files, and patterns of single ones.
LEFT_OUT = {
    "test_getpath": "reads Modules/getpath.py of the source tree",
}
EXPLAINED = {
    "test_get_makefile_filename": "the Makefile of the build is not packaged",
    "test_srcdir": "nor is the directory that it is in",
}
# In the directory that it is moved to, whose name has a space and a letter beyond ASCII.
OF_MOVED = {
    "test_external_inspection": "3.14 takes file names of another process for UTF-8",
    "test_create_subprocess_env_shell": "gives a shell the path of Python without quotes",
    "test_synthesize": "3.11 takes what is before a space for the name of a browser",
}
# Of one series: what its own sources are older than.
OF_SERIES = {
    "3.11": {
        "test_variable_tzname": "Debian 13 has Europe/Kiev in tzdata-legacy alone",
        "test_simple_xml": "expat 2.6 and later tell the last element later",
        "test_wrong_cert_tls13": "OpenSSL 3.5 tells a connection that was reset otherwise",
    },
    "3.14": {
        "test_base_interpreter": "build-details.json says it relative to itself",
        "test_c_api": "build-details.json says it relative to itself, and no .pc is packaged",
        "test_sysconfigdata_json": "the twin of sysconfig in JSON is not packaged",
    },
}
# What tests expect of any host: names of services, time zones, compilers.
PACKAGES = ("netbase", "tzdata", "gcc", "g++", "libc6-dev")
# Modules that tests need and nobody ships: compiled on the host, against the packaged headers.
OF_TESTS = """\
set -eu
cd /modules
for first in _test*.c xxlimited*.c xxsubtype.c _xxtestfuzz/_xxtestfuzz.c _ctypes/_ctypes_test.c; do
    name=$(basename "$first" .c)
    name=${name%module}
    more=
    for source in "$name"/*.c; do
        [ ! -e "$source" ] || [ "$source" = "$first" ] || more="$more $source"
    done
    gcc -shared -fPIC -I"$1" -I"$1/internal" -I. "$first" $more -o "$2/$name.so" -lm
done
"""
TOTAL = re.compile(r"^(?:Total test|Result:|Tests result:|\d+ tests OK).*", re.MULTILINE)


@pytest.fixture(scope="module", params=SERIES)
def packaged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    return Packaged(request.param, tmp_path_factory.mktemp(f"python-{request.param}"))


class Packaged:
    """An app that is little more than an interpreter of one series, and the tests of that."""

    def __init__(self, series: str, base: Path) -> None:
        self.series, self.dist, self.tests = series, base / "dist", base / "tests"
        project = base / "tiny"
        project.mkdir()
        (project / "omnibuild.toml").write_text(RECIPE.replace("VERSION", series))
        (project / "tiny.py").write_text("print('tiny')\n")
        (project / "requirements.txt").write_text("")
        omnibuild("lock", "-C", project)
        omnibuild("build", "-C", project, "-p", "debian-11", "-o", self.dist)
        software = Definitions(CHECKOUT).software(f"python-{series}").software
        with tarfile.open(Store(default_cache()).blob(software.source.sha256)) as source:
            source.extractall(self.tests, _tests_of(source), filter="data")

    def start(self, hosts: HostPool, suite: str) -> Host:
        """Start a host that has the package, and alice."""
        (source,) = self.tests.iterdir()
        binds = {self.dist: "/packages", source / "Lib": "/tests", source / "Modules": "/modules"}
        host = hosts.debian(suite, packages=PACKAGES, binds=binds)
        host.add_user("alice", "/home/alice")
        host.shell("dpkg --install /packages/*.deb")
        return host

    def compile_modules_of_tests(self, host: Host) -> None:
        """Lay the modules that only tests need beside those of the package."""
        python = f"python{self.series}"
        modules = f"/opt/tiny/lib/{python}/lib-dynload"
        host.run("sh", "-c", OF_TESTS, "compile", f"/opt/tiny/include/{python}", modules)


def tell(*lines: str) -> None:
    """Say something for the record."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _tests_of(source: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    wanted = re.compile(r"[^/]+/(Lib/((?!tkinter).+/)?tests?|Modules)/")
    return (member for member in source if wanted.match(member.name))


def test_all_of_the_library_is_there(hosts: HostPool, packaged: Packaged) -> None:
    host = packaged.start(hosts, "bullseye")
    python = f"/opt/tiny/bin/python{packaged.series}"
    absent = set(host.run(python, "-I", "-c", IMPORTS, user="alice").stdout.split()) - ELSEWHERE
    assert absent <= MISSING.keys(), absent - MISSING.keys()
    tell(f"python-{packaged.series}: missing of the library: {', '.join(sorted(absent))}")


@pytest.mark.parametrize("place", ["/opt/tiny", MOVED])
@pytest.mark.parametrize("suite", SUITES)
def test_its_own_tests_pass(hosts: HostPool, packaged: Packaged, suite: str, place: str) -> None:
    host = packaged.start(hosts, suite)
    packaged.compile_modules_of_tests(host)
    if place == MOVED:
        host.run("mkdir", str(Path(MOVED).parent), user="alice")
        host.shell(f"cp -a /opt/tiny '{MOVED}'; rm -r /opt/tiny; chown -R alice: '{MOVED}'")
    # Some packages have their tests beside them.
    host.run("cp", "-r", "/tests/.", f"{place}/lib/python{packaged.series}/")
    known = (EXPLAINED, OF_SERIES.get(packaged.series, {}), OF_MOVED if place == MOVED else {})
    explained = [pattern for patterns in known for pattern in patterns]
    host.write("/explained", "".join(f"{pattern}\n" for pattern in explained))
    done = host.run(
        *(f"{place}/bin/python{packaged.series}", "-m", "test", "-w", "-j2"),
        *("--timeout=1200", "--ignorefile=/explained", "--exclude", *LEFT_OUT),
        user="alice",
        directory="/home/alice",
        check=False,
        timeout=SECONDS,
    )
    tell(f"python-{packaged.series} on {suite} in {place}", *TOTAL.findall(done.stdout))
    assert done.status == 0, done.stdout[-20_000:]
