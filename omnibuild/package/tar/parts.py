"""Which part of an app brought which file: a list in its tarball, by which that can be divided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from omnibuild.package.members import name_bytes
from omnibuild.payload.assembly import paths_in
from omnibuild.tree import Tree

# Below the tarball's one directory.
PART_LIST: Final = "share/omnibuild/parts"

_PART, _PATH = b"part ", b"./"


def part_list(parts: Mapping[str, Tree], prefix: str, paths: Collection[str]) -> bytes:
    """Return the list: of each part its name, and below it the paths that it brought.

    Args:
        parts: the placed trees that the app was made of; of two that bring the same file, the first
            counts.
        prefix: the app's directory on hosts.
        paths: what is in the tarball, relative to the prefix, and is no directory.
    """
    base, left = f"{prefix.strip('/')}/", set(paths)
    lines: list[bytes] = []
    for name, tree in parts.items():
        own = {path.removeprefix(base) for path in paths_in(name, tree, prefix)} & left
        left -= own
        if own:
            lines.append(_PART + name.encode())
            lines += sorted(_PATH + name_bytes(path) for path in own)
    return b"".join(line + b"\n" for line in lines)


def read_part_list(data: bytes) -> dict[str, str]:
    """Return the part of each path, as far as the list says it: its maker need not be known."""
    found: dict[str, str] = {}
    name = ""
    for line in data.split(b"\n"):
        if line.startswith(_PART):
            name = line.removeprefix(_PART).decode(errors="replace")
        elif line.startswith(_PATH) and name:
            found[line.removeprefix(_PATH).decode("utf-8", "surrogateescape")] = name
    return found
