"""A small repository with a history, and ways to damage a file of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omnibuild.repository.apt import switch
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.publish import publish
from tests.unit.repository.samples import PLATFORMS, listing, package, signer

WAYS = ("deleted", "truncated", "flipped")
_DATES = re.compile(rb"^Date: .*$|<(revision|timestamp)>\d+</|^date \d+$", re.MULTILINE)


def make(base: Path) -> Path:
    """Publish two versions, promote both to another channel, and take one back there."""
    root = base / "repository"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(switch, "PAIR_SECONDS", 0)
        patch.setattr(switch, "INDEX_SECONDS", 0)
        for version in ("1.0", "1.1"):
            files = [package(base, version=version, platform=each) for each in PLATFORMS]
            publish(files, root, signer(), "testing", PLATFORMS, "https://pkg.shop.example")
            promote([f"hello={version}"], root, signer(), "testing", "stable")
        demote(root, signer())
    return root


def damage(path: Path, way: str) -> None:
    data = bytearray(path.read_bytes())
    if way == "deleted":
        path.unlink()
    elif way == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif data:
        data[len(data) // 2] ^= 4
        path.write_bytes(data)


def told(root: Path) -> dict[str, bytes]:
    """Return what a repository says, but when, and by which signatures."""
    found = {}
    for path, data in listing(root).items():
        if path.endswith((".asc", ".gpg")) and not path.startswith("keys/"):
            continue
        text = data.partition(b"-----BEGIN PGP SIGNATURE-----")[0]
        found[path] = _DATES.sub(b"", text)
    return found
