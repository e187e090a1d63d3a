"""Measure what an update of a tarball host costs: whole, and in layers.

An app of this checkout is built, and built again with nothing changed but itself; with a number of
megabytes as argument, it brings that much more, which does not change, and cannot be compressed.
Both are published; printed are the CPU seconds of each publishing, and the bytes that a web server
sends to `install.sh --user` for the first version, for the next one, and for all of it as one
tarball.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.acceptance.products import (  # noqa: E402 - it is beside this
    copied,
    next_version,
    omnibuild,
)


class Counting(http.server.SimpleHTTPRequestHandler):
    """Serves files, and adds up their bytes."""

    sent = 0

    def copyfile(self, source: IO[bytes], outputfile: Any) -> None:
        data = source.read()
        Counting.sent += len(data)
        outputfile.write(data)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name:
        base = Path(name)
        key, repository, home = base / "key", base / "repository", base / "home"
        home.mkdir()
        omnibuild("key", "create", key, "--user", "Bench <bench@example.com>")
        print("| | CPU s of publishing | bytes that a host fetches |")
        print("|---|---|---|")
        workspaces = {
            "first": copied(base / "copy"),
            "app-only change": next_version(base / "next"),
        }
        for workspace in workspaces.values():
            pad(workspace, int(sys.argv[1]) if len(sys.argv) > 1 else 0)
        with served(repository) as url:
            for title, workspace in workspaces.items():
                dist = base / title.split()[0]
                omnibuild("build", "hello", "-C", workspace, "-p", "linux", "-o", dist)
                taken = published(dist, repository, key)
                print(f"| {title} | {taken:.1f} | {installed(url, repository, home):,} |")
        (tarball,) = (base / "app-only").glob("*.tar.zst")
        print(f"| the same as one tarball | | {tarball.stat().st_size:,} |")
        print(f"| published again | {published(base / 'app-only', repository, key):.1f} | |")
    return 0


def pad(workspace: Path, megabytes: int) -> None:
    """Have hello bring files that look like nothing, a megabyte each."""
    directory = workspace / "recipes/noise"
    directory.mkdir()
    for number in range(megabytes):
        (directory / str(number)).write_bytes(hashlib.shake_256(b"%d" % number).digest(1 << 20))
    if megabytes:
        with (workspace / "recipes/hello.toml").open("a") as recipe:
            recipe.write('\n[files]\n"/opt/hello/share/noise" = "noise"\n')


def published(dist: Path, repository: Path, key: Path) -> float:
    """Publish what was built; return the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    omnibuild("publish", *sorted(dist.iterdir()), "--repo", repository, "--key", key)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def installed(url: str, repository: Path, home: Path) -> int:
    """Install the newest version; return how many bytes that took, lists and all."""
    Counting.sent = 0
    command = ["sh", repository / "install.sh", "--url", url, "--user", "hello"]
    environment = {**os.environ, "HOME": str(home)}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return Counting.sent


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory; yields its address."""
    handler = functools.partial(Counting, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    raise SystemExit(main())
