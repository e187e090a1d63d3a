"""What operators do on a host with the packages, and what visitors and they see there."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild.repository.clients.commands import UNKNOWN_URL
from tests.acceptance.hosts import ChrootHost, Host, eventually

WEB = "http://127.0.0.1:8080"
CONFIG = "/etc/hello/hello.toml"

# The defaults of apt, and any trouble with a repository is an error.
STRICT_APT = """\
Acquire::Check-Valid-Until "true";
Acquire::Check-Date "true";
Acquire::AllowInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Update::Error-Mode "any";
"""
# The page is for people who are not root and have curl; a bare Debian has apt's own downloader.
PROGRAMS = """\
sudo() { "$@"; }
command -v curl >/dev/null || curl() {
    /usr/lib/apt/apt-helper download-file "$2" /tmp/downloaded >&2
    cat /tmp/downloaded
    rm /tmp/downloaded
}
"""
COMMANDS = re.compile(r'aria-label="Commands for apt"><code>(.*?)</code>', re.DOTALL)

MODULES = (
    *("ssl", "sqlite3", "ctypes", "readline", "curses", "lzma", "bz2", "zlib", "uuid"),
    *("dbm.gnu", "hashlib", "_decimal", "_uuid", "_ctypes", "pyexpat"),
)
GLIBC = re.compile(
    r"/(usr/)?lib(64|/x86_64-linux-gnu)/(gconv/[^/]+|"
    r"(ld|libBrokenLocale|libanl|libc|libdl|libm|libmvec|libnsl|libnss_(dns|files)|libpthread"
    r"|libresolv|librt|libutil)[.-][^/]*)"
)


@dataclass(frozen=True)
class Page:
    """The page of hello as a visitor sees it."""

    server: str
    title: str
    visits: int
    version: str


def visit(host: Host, url: str = WEB) -> Page:
    """Ask for the page, which counts it as a visit."""
    answer = host.fetch(f"{url}/", "--include", "--fail")
    found = {
        name: re.search(pattern, answer.body, re.MULTILINE)
        for name, pattern in {
            "server": r"^Server: (.*?)\r?$",
            "title": r"<h1>(.*)</h1>",
            "visits": r'id="visits">(\d+)<',
            "version": r"<footer>hello (.*)</footer>",
        }.items()
    }
    said = {name: match[1] if match else "" for name, match in found.items()}
    return Page(said["server"], said["title"], int(said["visits"]), said["version"])


def running_below(host: Host, directory: str) -> list[str]:
    """Return the command lines of all processes that run something of a directory."""
    # Minimal hosts have no program for that.
    script = 'for one in /proc/[0-9]*/cmdline; do tr "\\0" " " <"$one" && echo; done 2>/dev/null'
    lines = host.run("sh", "-c", script, check=False).stdout.splitlines()
    return [line for line in lines if f"{directory}/" in line]


def answers(host: Host, url: str) -> bool:
    """Tell whether a request succeeds."""
    words = ("curl", "--silent", "--fail", "--max-time", "10", "--output", "/dev/null", url)
    return host.on_network(*words, check=False).status == 0


def follow_the_page(
    host: Host, repository: Path, url: str, *, package: str = "hello", release: str = ""
) -> None:
    """Add the repository and install a package by hand, exactly as the landing page says.

    Args:
        host: a Debian.
        repository: where the page is.
        url: the address of the repository as the host sees it.
        package: what to install.
        release: the Debian, where the page names a suite for it.
    """
    page = (repository / "index.html").read_text()
    (found,) = COMMANDS.findall(page)
    commands = html.unescape(found).replace(UNKNOWN_URL, url)
    if release:
        suites = re.findall(rf"On {re.escape(release)} the suite is <code>(.*?)</code>", page)
        commands = commands.replace("Suites: stable\n", f"Suites: {suites[0]}\n")
    assert "Signed-By: " in commands
    host.write("/etc/apt/apt.conf.d/90strict", STRICT_APT)
    host.shell(PROGRAMS + re.sub(r"(install .*)\bhello\b", rf"\g<1>{package}", commands))


@contextlib.contextmanager
def running(
    host: ChrootHost, *command: str, user: str = "root", ready: str = f"{WEB}/health"
) -> Iterator[None]:
    """Run a program as in a terminal until the block ends; it ends at once when told to."""
    log = f"/tmp/run-{user}.log"
    script = '"$@" >"$log" 2>&1 </dev/null & echo $!'
    done = host.run("sh", "-c", f"log={log}; {script}", "run", *command, user=user)
    pid = done.stdout.strip()
    try:
        eventually(
            lambda: answers(host, ready) or not host.exists(f"/proc/{pid}"),
            f"{ready} answers",
            pause=0.2,
        )
        assert host.exists(f"/proc/{pid}"), host.read(log)
        yield
    finally:
        host.run("sh", "-c", f"kill {pid}", check=False)
        eventually(lambda: not host.exists(f"/proc/{pid}"), f"{command[0]} has ended")


def assert_self_contained(host: Host, app: str = "hello") -> None:
    """Check that the interpreter and what runs now load nothing but the app's own and glibc."""
    code = f"import {', '.join(MODULES)}; print(open('/proc/self/maps').read())"
    maps = host.run(f"/opt/{app}/bin/python3.13", "-I", "-B", "-c", code).stdout
    all_maps = host.shell(
        f"""
        for process in /proc/[0-9]*; do
            case $(readlink "$process/exe" || :) in
                /opt/{app}/*) cat "$process/maps" ;;
            esac
        done
        """
    ).stdout
    for name in ("bin/python3.13", "sbin/nginx"):
        assert f"/opt/{app}/{name}" in all_maps, f"{name} does not run"
    for lines in (maps, all_maps):
        mapped = {
            fields[5] for line in lines.splitlines() if len(fields := line.split(None, 5)) > 5
        }
        libraries = {path for path in mapped if ".so" in path}
        assert any(path.startswith(f"/opt/{app}/lib/libcrypto") for path in libraries)
        foreign = {path for path in libraries if not path.startswith(f"/opt/{app}/")}
        assert {path for path in foreign if not GLIBC.fullmatch(path)} == set()


def assert_account_is_locked(host: Host, name: str = "hello") -> None:
    """Check that nobody can log in by the app's account, which stays for ever."""
    shadow = {line.split(":")[0]: line.split(":")[1] for line in host.read("/etc/shadow").split()}
    assert shadow[name][0] in "!*"
    (account,) = re.findall(rf"^{name}:.*$", host.read("/etc/passwd"), re.MULTILINE)
    assert account.endswith("/nologin")
