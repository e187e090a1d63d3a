"""The file trees that hosts are cloned from: made by mmdebstrap once, then kept in a cache.

The cache is ``$XDG_CACHE_HOME/omnibuild-tests`` (``~/.cache/omnibuild-tests``); removing it is
always safe while no test runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild import digests
from omnibuild.errors import HostError
from omnibuild.files import commit_directory, remove_tree
from omnibuild.tools import Tool

APT_GET = Tool("apt-get", "apt")
MMDEBSTRAP = Tool("mmdebstrap", "mmdebstrap")

# Part of every cached tree's name: raise it when the way trees are finished changes.
SERIAL = 1


@dataclass(frozen=True)
class Base:
    """A Debian of variant minbase (essential packages and apt) and the packages added to it."""

    name: str
    suite: str
    packages: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name of the cached tree: readable, and different for different content."""
        content = [SERIAL, self.suite, sorted(self.packages)]
        return f"{self.name}-{digests.of_json(content)[:12]}"


def cache_directory() -> Path:
    """Return where base trees and the hosts' own files are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "omnibuild-tests"


def make_base(base: Base) -> Path:
    """Return the cached tree of ``base``; the first caller makes it (half a minute)."""
    tree = cache_directory() / base.key
    with cached(tree) as temporary:
        if temporary:
            packages = [f"--include={','.join(base.packages)}"] if base.packages else []
            MMDEBSTRAP.run(
                "--quiet", "--variant=minbase", *packages, base.suite, temporary, archive_url()
            )
            isolate(temporary)
    return tree


@contextlib.contextmanager
def cached(tree: Path) -> Iterator[Path | None]:
    """Yield an empty directory to make ``tree`` in, or None when it is there already.

    Another process that wants the same tree waits until this one has made it.
    """
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tree.with_name(f"{tree.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if tree.is_dir():
            yield None
            return
        temporary = Path(tempfile.mkdtemp(prefix=f".making-{tree.name}-", dir=tree.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            commit_directory(temporary, tree)
        finally:
            remove_tree(temporary)


def archive_url() -> str:
    """Return the URL of the Debian archive that this machine's apt is configured with."""
    listed = APT_GET.run("indextargets", "--format", "$(REPO_URI)").stdout.decode().split()
    for url in listed:
        if url.endswith("/debian/"):
            return url
    raise HostError(
        "apt on this machine knows no Debian archive",
        why="\n".join(sorted(set(listed))),
        hint="the acceptance tests need Debian, and one run of: apt-get update",
    )


def isolate(root: Path) -> None:
    """Take out of a fresh tree what belongs to the machine it was made on."""
    etc = root / "etc"
    # A host knows the repository under test and no other one, and it has no way out.
    for name in ("apt/sources.list", "resolv.conf", "hostname"):
        (etc / name).unlink(missing_ok=True)
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
