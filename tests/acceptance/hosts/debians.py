"""apt of three Debians, each in a tree of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.hosts.bases import Base, make_base
from tests.integration.repository.clients import Apt, Done, run

DEBIANS = {"bullseye": "Debian 11", "bookworm": "Debian 12", "trixie": "Debian 13"}


@dataclass(frozen=True)
class Chrooted(Apt):
    """apt of another Debian, in a tree of that Debian; it sees ``shown`` as /srv.

    What it is told of files is as it sees them.
    """

    tree: Path = Path("/")
    shown: Path = Path("/")

    def run(self, *arguments: str) -> Done:
        inside = Path("/", self.root.relative_to(self.tree))
        words = self.command(inside, *arguments)
        script = 'mount --bind "$1" "$2/srv"; shift; exec chroot "$@"'
        return run("unshare", "--mount", "sh", "-euc", script, "sh", self.shown, self.tree, *words)


def copies(directory: Path) -> dict[str, Path]:
    """Return a tree of each Debian that a test may change."""
    directory.mkdir(exist_ok=True)
    trees = {suite: directory / suite for suite in DEBIANS}
    for suite, tree in trees.items():
        made = make_base(Base(f"debian-{suite}", suite))
        assert run("cp", "--archive", "--reflink=auto", made, tree).returncode == 0
    return trees
