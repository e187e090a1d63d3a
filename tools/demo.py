"""From a recipe to a running host: build, publish, install on a clean server, ask for its page.

Run by `make demo`. The server is a Debian 12 that boots its own systemd; starting it needs root,
so without it only that part is run by sudo.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

DIST, REPOSITORY = CHECKOUT / "dist", CHECKOUT / "repo"
KEY = CHECKOUT / ".omnibuild" / "demo.key"
PAGE = "http://127.0.0.1:8080/"


def main() -> int:
    if sys.argv[1:] == ["--host"]:
        return show_host()
    times: dict[str, float] = {}
    step("building hello for every platform", times, "build", build)
    step("publishing a signed repository", times, "publish", publish)
    started = time.monotonic()
    print("\n== installing on a clean Debian 12 with systemd, by its own curl | sh", flush=True)
    host = run_as_root([sys.executable, __file__, "--host"])
    times["install and run"] = time.monotonic() - started
    summary(times, json.loads(host))
    return 0


def step(title: str, times: dict[str, float], name: str, work: object) -> None:
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    work()  # type: ignore[operator]
    times[name] = time.monotonic() - started


def omnibuild(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "omnibuild", *map(str, words)], check=True, cwd=CHECKOUT)


def build() -> None:
    omnibuild("build", "hello", "--output", DIST)


def publish() -> None:
    if not KEY.exists():
        KEY.parent.mkdir(exist_ok=True)
        omnibuild("key", "create", KEY, "--user", "Demo <demo@example.com>")
    omnibuild("publish", *sorted(DIST.glob("hello*")), "--repo", REPOSITORY, "--key", KEY)


def run_as_root(command: list[str]) -> str:
    if os.geteuid():
        command = ["sudo", *command]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    return done.stdout.splitlines()[-1]


def show_host() -> int:
    """Boot a server, install hello from the repository, and print what it answers as JSON."""
    from tests.acceptance.hosts import HostPool, eventually, serve

    with HostPool() as pool:
        server = pool.booted(binds={REPOSITORY: "/repo"})
        with serve(server, REPOSITORY) as url:
            server.shell(f"curl -fsS {url}/install.sh | sh -s -- --url {url} hello")
        eventually(lambda: server.fetch(PAGE).status == 200, "the page", seconds=60)
        report = {
            "system": server.shell(". /etc/os-release; echo $PRETTY_NAME").stdout.strip(),
            "package": server.shell("dpkg-query -W hello").stdout.strip(),
            "page": server.fetch(PAGE).status,
            "health": server.fetch(f"{PAGE}health").body,
            "services": server.shell(
                "systemctl list-units --no-legend --plain 'hello*' | awk '$3 {print $1, $3}'"
            ).stdout.splitlines(),
        }
    print(json.dumps(report))
    return 0


def summary(times: dict[str, float], host: dict[str, object]) -> None:
    print("\n== summary")
    print("built:")
    for path in sorted(DIST.glob("hello*")):
        if not path.name.endswith((".sha256", ".json")):
            print(f"  {path.relative_to(CHECKOUT)}  {path.stat().st_size / 1e6:.1f} MB")
    print(f"installed on: {host['system']}: {host['package']}")
    print(f"its page answered: {host['page']}; its health check: {host['health']}")
    for service in host["services"]:  # type: ignore[attr-defined]
        print(f"  {service}")
    print("times:")
    for name, seconds in times.items():
        print(f"  {name}: {seconds:.1f} s")
    print(f"repository: {REPOSITORY.relative_to(CHECKOUT)}/  (open index.html)")
    print("next, try:")
    print("  . .venv/bin/activate")
    print("  omnibuild build hello --platform ubuntu-22.04   # nothing to do: all is in the store")
    print("  omnibuild build httpbin                         # compiles nothing that hello did")
    print("  make test                                       # what CI runs")


if __name__ == "__main__":
    sys.exit(main())
