"""Measure packaged web servers beside the same ones on Debian 13's own Python, in turns.

For each server the page of the certification is packaged and installed on one Debian 13. There it
is started as its runner starts it; then the same command line is started with Debian's python3.13
and the same versions of the index (uWSGI: with Debian's own program and plugin). `wrk` asks both,
round by round, without a proxy. Prints medians of requests per second and their ratio.
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
from collections.abc import Iterator, Sequence
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
    Served("twisted", "wsgi"),
    Served("uvicorn", "asgi"),
    Served("hypercorn", "asgi"),
)
OWN = "/opt/page/bin/python3.13"
SITE = "/opt/page/lib/python3.13/site-packages"
VENV = "/srv/venv"
URL = f"http://127.0.0.1:{PORT}/"
# Servers that take the socket that systemd keeps find it as the third file.
LISTENER = f"""\
import os, socket, sys
kept = socket.create_server(("127.0.0.1", {PORT}), backlog=2048)
kept.setblocking(False)
os.dup2(kept.fileno(), 3)
os.set_inheritable(3, True)
os.execv(sys.argv[1], sys.argv[1:])
"""


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
    print("| server | packaged, requests/s | Debian's Python, requests/s | packaged / Debian's |")
    print("|---|---|---|---|", flush=True)
    for served in chosen:
        own, other = measured(served, arguments)
        ratio = statistics.median(own) / statistics.median(other)
        numbers = f"{statistics.median(own):.0f} | {statistics.median(other):.0f}"
        print(f"| {served} | {numbers} | {ratio:.2f} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


def measured(served: Served, arguments: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Return the requests per second of each round: packaged, and with Debian's Python."""
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name, HostPool() as pool:
        base = Path(name)
        base.chmod(0o755)
        package(served, base, arguments.release)
        debian = ("python3", "python3-venv", "uwsgi-core", "uwsgi-plugin-python3")
        host = pool.debian("trixie", packages=debian, binds={base: "/bench"})
        host.shell("dpkg --install /bench/dist/*.deb")
        wheels(host, served, base / "wheels")
        host.run("python3", "-m", "venv", VENV)
        if served.server != "uwsgi":
            host.shell(f"{VENV}/bin/pip install --quiet --no-index /bench/wheels/*.whl")
        host.run("cp", f"{SITE}/page.py", f"{VENV}/lib/python3.13/site-packages/")
        own: list[float] = []
        other: list[float] = []
        with started(host, ["/opt/page/bin/page-run", "--state", "/srv/state"]):
            line = command_line(host)
        for _ in range(arguments.rounds):
            for words, found in ((line, own), (translated(line), other)):
                with started(host, [*listening(line), *words]):
                    found.append(requests_per_second(host, arguments.seconds))
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
    if served.server == "uwsgi":
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


def command_line(host: ChrootHost) -> list[str]:
    """Return how the packaged server was started: the first process of the app's programs."""
    script = (
        "for one in /proc/[0-9]*; do"
        " case $(readlink $one/exe) in /opt/page/*) echo ${one#/proc/};; esac; done | sort -n"
    )
    process = host.shell(script).stdout.split()[0]
    return host.run("cat", f"/proc/{process}/cmdline").stdout.rstrip("\0").split("\0")


def listening(words: Sequence[str]) -> list[str]:
    """Return what listens for a server that does not do so itself."""
    return [] if str(PORT) in " ".join(words) else ["/usr/bin/python3", "-I", "-c", LISTENER]


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
    return [f"{VENV}/bin/python" if word == OWN else word for word in words]


@contextlib.contextmanager
def started(host: ChrootHost, words: Sequence[str]) -> Iterator[None]:
    """Run a server until the block ends."""
    script = 'mkdir -p /srv/run; cd /srv/run; "$@" >/srv/log 2>&1 </dev/null & echo $!'
    process = host.run("sh", "-c", script, "run", *words).stdout.strip()
    try:
        eventually(
            lambda: answers(host, URL) or not host.exists(f"/proc/{process}"),
            f"{words} answers",
        )
        if not host.exists(f"/proc/{process}"):
            raise SystemExit(f"{words} ended:\n{host.read('/srv/log')}")
        yield
    finally:
        host.shell(f"kill {process} 2>/dev/null || :")
        eventually(lambda: not host.exists(f"/proc/{process}"), f"{words[0]} has ended")
        time.sleep(0.5)


def requests_per_second(host: ChrootHost, seconds: int) -> float:
    """Ask by sixteen connections; a moment of it first, that counts nowhere."""
    load = ("wrk", "--threads=1", "--connections=16", f"--duration={seconds}s", URL)
    host.on_network("wrk", "--threads=1", "--connections=16", "--duration=1s", URL)
    said = host.on_network(*load).stdout
    # A server that closes each connection is no failure, but one that does not answer is.
    if "Non-2xx" in said or re.search(r"(connect|write|timeout) [1-9]", said):
        raise SystemExit(said)
    (found,) = re.findall(r"Requests/sec:\s+([0-9.]+)", said)
    return float(found)


if __name__ == "__main__":
    raise SystemExit(main())
