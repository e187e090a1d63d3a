"""Accounts inside an image: those of its base, and the app's own user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.package.formats.format import Base
from omnibuild.payload.model import Container, Payload
from omnibuild.tree import Entry

# Above those that distributions give. Its group is root's, as OpenShift wants it: whoever runs the
# image as any other user is in that group, and may write what the app may.
USER: Final = 10001
GROUP: Final = 0

PASSWD, GROUPS = "etc/passwd", "etc/group"
_ROOT = "root:x:0:0:root:/root:/bin/sh\n"
# Bytes; real ones have a few hundred.
LARGEST: Final = 1 << 20


@dataclass(frozen=True)
class Accounts:
    """Who there is.

    Args:
        users: name to number.
        groups: name to number.
        passwd: the file, with the app's user.
    """

    users: Mapping[str, int]
    groups: Mapping[str, int]
    passwd: bytes

    def numbers(self, path: str, user: str, group: str) -> tuple[int, int]:
        """Return the numbers of an owner; raises :class:`PackageError` for a stranger."""
        for name, known in ((user, self.users), (group, self.groups)):
            if name not in known:
                raise PackageError(
                    f"{path} belongs to {name}, and the image has nobody of that name",
                    hint="give it to root or to the app's user, or leave it out of images: say its"
                    " `formats`",
                )
        return self.users[user], self.groups[group]


def accounts(base: Base, container: Container) -> Accounts:
    """Return the accounts of an image; a base's own user of the app's name becomes the app's."""
    kept = [line for line in _lines(base, PASSWD) if not line.startswith(f"{container.user}:")]
    if not any(line.startswith("root:") for line in kept):
        kept.insert(0, _ROOT)
    home = container.directories[0]
    kept.append(f"{container.user}:x:{USER}:{GROUP}::{home}:/sbin/nologin\n")
    return Accounts(
        users=_numbers(kept),
        groups={"root": 0, **_numbers(_lines(base, GROUPS)), container.user: GROUP},
        passwd="".join(kept).encode("utf-8", "surrogateescape"),
    )


def owners(
    payload: Payload, entries: Mapping[str, Entry], known: Accounts
) -> dict[str, tuple[int, int]]:
    """Return the numbers of whom entries of a payload belong to, where that is not root."""
    return {
        path.lstrip("/"): known.numbers(path, user, group)
        for path, (user, group) in payload.owners.items()
        if path.lstrip("/") in entries
    }


def _lines(base: Base, path: str) -> list[str]:
    entry = base.tree.find(path)
    if entry is None or entry.size > LARGEST:
        return []
    data = (base.directory / entry.path).read_bytes()
    return data.decode("utf-8", "surrogateescape").splitlines(keepends=True)


def _numbers(lines: list[str]) -> dict[str, int]:
    found = {}
    for line in lines:
        name, _, number, *_ = [*line.split(":"), "", ""]
        if number.isdecimal():
            found[name] = int(number)
    return found
