"""Measure packaged web servers beside the same ones on Debian 13's own Python, in turns.

For each server the page of the certification is packaged and installed on one Debian 13. There it
is started as its runner starts it; then the same command line is started with Debian's python3.13
and the same versions of the index (uWSGI and Apache: with Debian's own programs). `wrk` asks both,
round by round, without a proxy. Prints medians of requests per second and their ratio, and that of
the processor time that a request takes, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.acceptance.hosts import ChrootHost, HostPool, eventually  # noqa: E402 - beside this
from tests.acceptance.products import omnibuild  # noqa: E402
from tests.acceptance.steps import answers  # noqa: E402
from tests.certification.stacks.test_servers import PAGE, PORT, PROJECT, RECIPE, Served  # noqa: E402

SERVED = (
    Served("gunicorn", "wsgi"),
    Served("waitress", "wsgi"),
    Served("uwsgi", "wsgi"),
    Served("apache", "wsgi"),
    Served("twisted", "wsgi"),
    Served("uvicorn", "asgi"),
    Served("hypercorn", "asgi"),
)
OWN = "/opt/page/bin/python3.13"
SITE = "/opt/page/lib/python3.13/site-packages"
VENV = "/srv/venv"
# Debian's are other programs, so the index has nothing that is asked for.
ELSEWHERE = ("apache", "uwsgi")
URL = f"http://127.0.0.1:{PORT}/"
DEBIAN = ("python3", "python3-venv", "uwsgi-core", "uwsgi-plugin-python3")
APACHE = ("apache2-bin", "libapache2-mod-wsgi-py3")
DEBIANS_HTTPD = "/usr/sbin/apache2"
# Debian's Apache has some modules built in, and does not serve as root; its mod_wsgi lies where the
# packaged starter looks.
DEBIANS_APACHE = f"""\
site={VENV}/lib/python3.13/site-packages
mkdir -p $site/mod_wsgi/server
touch $site/mod_wsgi/__init__.py
ln -sf /usr/lib/apache2/modules/mod_wsgi.so $site/mod_wsgi/server/mod_wsgi-py313.so
sed -e 's|"${{HTTPD_ROOT}}" locale|{VENV} locale|' -e 's|lib/httpd/|/usr/lib/apache2/modules/|' \
    -e '/mod_unixd\\|mod_log_config/d' -e 's/fd:3/127.0.0.1:{PORT}/' -e 's/User #0/User nobody/' \
    -e 's/Group #0/Group nogroup/' /opt/page/etc/httpd.conf > /srv/httpd.conf
"""
# Servers that take the socket that systemd keeps find it as the third file. Some tell their parent
# that they are there.
LISTENER = f"""\
import os, signal, socket, subprocess, sys
kept = socket.create_server(("127.0.0.1", {PORT}), backlog=2048)
kept.setblocking(False)
os.dup2(kept.fileno(), 3)
signal.signal(signal.SIGRTMIN, signal.SIG_IGN)
server = subprocess.Popen(sys.argv[1:], pass_fds=[3])
signal.signal(signal.SIGTERM, lambda *_: server.terminate())
sys.exit(server.wait())
"""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Rounds:
    """What each round found."""

    per_second: list[float] = field(default_factory=list)
    """Requests."""
    costs: list[float] = field(default_factory=list)
    """Microseconds of processor time for one request."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", help="which ones; all when omitted")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--release", action="store_true", help="as hosts are to get it")
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt install wrk")
    chosen = [one for one in SERVED if not arguments.servers or one.server in arguments.servers]
    titles = ("requests/s", "with Debian's", "ratio", "µs of processor", "with Debian's", "ratio")
    print(f"| server | {' | '.join(titles)} |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for served in chosen:
        own, other = measured(served, arguments)
        columns = []
        for mine, theirs in ((own.per_second, other.per_second), (own.costs, other.costs)):
            ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            columns += [f"{statistics.median(mine):.0f}", f"{statistics.median(theirs):.0f}"]
            columns += [f"{ratio:.2f}"]
        print(f"| {served} | {' | '.join(columns)} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


def measured(served: Served, arguments: argparse.Namespace) -> tuple[Rounds, Rounds]:
    """Return what was found: packaged, and with Debian's Python."""
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name, HostPool() as pool:
        base = Path(name)
        base.chmod(0o755)
        package(served, base, arguments.release)
        apache = served.server == "apache"
        host = pool.debian("trixie", packages=DEBIAN + APACHE * apache, binds={base: "/bench"})
        host.shell("dpkg --install /bench/dist/*.deb")
        wheels(host, served, base / "wheels")
        host.run("python3", "-m", "venv", VENV)
        if served.server not in ELSEWHERE:
            host.shell(f"{VENV}/bin/pip install --quiet --no-index /bench/wheels/*.whl")
        host.run("cp", f"{SITE}/page.py", f"{VENV}/lib/python3.13/site-packages/")
        if apache:
            host.shell(DEBIANS_APACHE)
        own, other = Rounds(), Rounds()
        # One process: how connections fall to several of them is chance.
        alone = {"WEB_CONCURRENCY": "1"}
        with started(host, ["/opt/page/bin/page-run", "--state", "/srv/state"], alone):
            line, variables = command_line(host)
        for _ in range(arguments.rounds):
            for words, found in ((line, own), (translated(line), other)):
                with started(host, [*listening(words), *words], variables) as process:
                    load(host, process, arguments.seconds, found)
        return own, other


def package(served: Served, base: Path, release: bool) -> None:
    """Build the page for the server."""
    (base / "project").mkdir()
    (base / "project/pyproject.toml").write_text(PROJECT)
    (base / "project/page.py").write_text(PAGE)
    recipe = RECIPE.format(
        server=served.server, interface=served.interface, port=PORT, words=served.words
    )
    (base / "omnibuild.toml").write_text(recipe)
    omnibuild("lock", "-C", base)
    effort = ["--release"] if release else []
    omnibuild("build", "-C", base, "-p", "debian-13", "-o", base / "dist", *effort)


def wheels(host: ChrootHost, served: Served, target: Path) -> None:
    """Fetch the versions that are packaged, as the index has them."""
    target.mkdir()
    if served.server in ELSEWHERE:
        return
    names = host.shell(f"ls {SITE}").stdout
    pins = re.findall(r"^([A-Za-z0-9_.]+)-([0-9][^-]*)\.dist-info$", names, re.MULTILINE)
    wanted = [f"{name}=={version}" for name, version in pins if name != "page"]
    subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--dest",
                str(target),
            ),
            *("--only-binary=:all:", "--python-version=3.13", "--platform=manylinux_2_28_x86_64"),
            *("--platform=manylinux2014_x86_64", *wanted),
        ],
        check=True,
    )


def command_line(host: ChrootHost) -> tuple[list[str], dict[str, str]]:
    """Return how the packaged server was started: the first process of the app's programs."""
    script = (
        "for one in /proc/[0-9]*; do"
        " case $(readlink $one/exe) in /opt/page/*) echo ${one#/proc/};; esac; done | sort -n"
    )
    process = host.shell(script).stdout.split()[0]
    words, variables = (
        host.run("cat", f"/proc/{process}/{name}").stdout.rstrip("\0").split("\0")
        for name in ("cmdline", "environ")
    )
    pairs = (one.split("=", 1) for one in variables)
    return words, {name: value for name, value in pairs if name.startswith("HTTPD_")}


def listening(words: Sequence[str]) -> list[str]:
    """Return what listens for a server that does not do so itself."""
    if str(PORT) in " ".join(words):
        return []
    # Debian's Apache takes no socket: its starter passes on one that nobody asks.
    listener = LISTENER.replace(str(PORT), "0") if DEBIANS_HTTPD in words else LISTENER
    return ["/usr/bin/python3", "-I", "-c", listener]


def translated(words: Sequence[str]) -> list[str]:
    """Return the same command line for Debian's Python."""
    program, *rest = words
    if program.endswith("/uwsgi"):
        # Debian's program has no plugin built in, and looks for modules where it is told.
        own = ("--plugin=python3", f"--pythonpath={VENV}/lib/python3.13/site-packages")
        named = {"--py-programname", "--home"}
        pairs = zip(["", *rest], rest, strict=False)
        kept = [word for before, word in pairs if not {before, word} & named]
        return ["/usr/bin/uwsgi-core", *own, *kept]
    if program != OWN:
        raise SystemExit(f"the server is no program of Python: {words}")
    debians = {
        OWN: f"{VENV}/bin/python",
        "/opt/page/sbin/httpd": DEBIANS_HTTPD,
        "/opt/page/etc/httpd.conf": "/srv/httpd.conf",
    }
    return [debians.get(word, word) for word in words]


@contextlib.contextmanager
def started(host: ChrootHost, words: Sequence[str], variables: Mapping[str, str]) -> Iterator[int]:
    """Run a server until the block ends; says which process it is."""
    script = (
        "mkdir -p /srv/run ${HTTPD_RUNTIME:-}; cd /srv/run;"
        ' "$@" >/srv/log 2>&1 </dev/null & echo $!'
    )
    process = host.run("sh", "-c", script, "run", *words, environment=variables).stdout.strip()
    try:
        eventually(
            lambda: answers(host, URL) or not host.exists(f"/proc/{process}"),
            f"{words} answers",
        )
        if not host.exists(f"/proc/{process}"):
            raise SystemExit(f"{words} ended:\n{host.read('/srv/log')}")
        yield int(process)
    finally:
        host.shell(f"kill {process} 2>/dev/null || :")
        eventually(lambda: not host.exists(f"/proc/{process}"), f"{words[0]} has ended")
        time.sleep(0.5)


def load(host: ChrootHost, process: int, seconds: int, found: Rounds) -> None:
    """Ask by sixteen connections; a moment of it first, that counts nowhere."""
    words = ("wrk", "--threads=1", "--connections=16")
    host.on_network(*words, "--duration=1s", URL)
    before = processor_time(host, process)
    said = host.on_network(*words, f"--duration={seconds}s", URL).stdout
    taken = processor_time(host, process) - before
    # A server that closes each connection is no failure, but one that does not answer is.
    if "Non-2xx" in said or re.search(r"(connect|write|timeout) [1-9]", said):
        raise SystemExit(said)
    (rate,) = re.findall(r"Requests/sec:\s+([0-9.]+)", said)
    (number,) = re.findall(r"([0-9]+) requests in", said)
    found.per_second.append(float(rate))
    found.costs.append(taken / int(number) * 1e6)


def processor_time(host: ChrootHost, process: int) -> float:
    """Return the seconds that a process and all that come from it have taken."""
    parents, seconds = {}, {}
    for line in host.shell("cat /proc/[0-9]*/stat 2>/dev/null || :").stdout.splitlines():
        number, _, rest = line.partition(" (")
        words = rest.rpartition(") ")[2].split()
        parents[int(number)] = int(words[1])
        seconds[int(number)] = (int(words[11]) + int(words[12])) / TICKS
    chosen = {process}
    while more := {one for one, parent in parents.items() if parent in chosen} - chosen:
        chosen |= more
    return sum(seconds[one] for one in chosen)


if __name__ == "__main__":
    raise SystemExit(main())
