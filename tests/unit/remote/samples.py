"""Stores, trees and a remote cache in a directory, for tests."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild.events import Event, Warned
from omnibuild.remote.cache import RemoteCache, open_remote
from omnibuild.signing.signer import Signer
from omnibuild.store.results import Output
from omnibuild.store.store import Store

KEY = "ab" + "0" * 62


@dataclass
class Told:
    """Takes events, and gives the warnings."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned)]


def unseen(done: int, total: int) -> None:
    """Take note of nothing."""


def opened(
    url: str | Path,
    told: Told,
    *,
    writable: bool = False,
    trusted: tuple[Path, ...] = (),
    signer: Signer | None = None,
    most: int = 0,
) -> RemoteCache:
    return open_remote(
        str(url), emit=told, writable=writable, trusted=trusted, signer=signer, most=most
    )


def stored_tree(store: Store) -> Output:
    """Store a tree with everything that is easily lost on the way."""
    with store.scratch() as scratch:
        root = scratch / "tree" / "files"
        make_odd_files(root)
        return store.add_tree(scratch / "tree")


def make_odd_files(root: Path) -> None:
    (root / "empty").mkdir(parents=True)
    (root / "closed").mkdir()
    (root / "closed/secret").write_text("secret")
    (root / "closed/secret").chmod(0o600)
    (root / "tool").write_bytes(b"\x7fELF")
    (root / "tool").chmod(0o4755)
    os.link(root / "tool", root / "tool-again")
    os.mkdir(os.fsencode(root) + b"/caf\xe9 \n")
    (root / os.fsdecode(b"caf\xe9 \n") / ("n" * 200)).write_text("long")
    (root / "absolute").symlink_to("/etc/passwd")
    (root / "dangling").symlink_to("../../" + "x" * 300)
    with (root / "sparse").open("wb") as stream:
        stream.seek(1 << 20)
        stream.write(b"end")
        stream.truncate(8 << 20)
    (root / "closed").chmod(0o555)
