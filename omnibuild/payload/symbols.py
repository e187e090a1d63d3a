"""Debug symbols: kept apart from the programs that they describe, which name them by a build-id.

Debuggers look below ``/usr/lib/debug/.build-id`` for the build-id of a program, wherever that is.
Placing changes the bytes of programs, so it changes build-ids, too: two apps with the same
component could not both have its symbols on one host otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from omnibuild import elf
from omnibuild.patterns import regex
from omnibuild.tree import Entry, Kind, Tree

# Below the prefix of what is built.
DIRECTORY: Final = "lib/debug"
_SUFFIX: Final = ".debug"
_HOST: Final = "usr/lib/debug/.build-id"

# Of NT_GNU_BUILD_ID: sizes of its name and of the build-id, its type, its name.
_NOTE: Final = regex(rb"\x04\0\0\0([\x08-\x40])\0\0\0\x03\0\0\0GNU\0")

Ids = Mapping[bytes, bytes]


def build_id(content: bytes) -> bytes:
    """Return the build-id of a program or library; empty for files that have none."""
    if elf.machine_of(content[:20]) is None or not (note := _NOTE.search(content)):
        return b""
    return content[note.end() : note.end() + note[1][0]]


def symbols_path(identity: bytes) -> str:
    """Return where the symbols of a build-id are kept, relative to the prefix."""
    return f"{DIRECTORY}/{identity.hex()}{_SUFFIX}"


def is_symbols(path: str) -> bool:
    """Tell whether a path below the prefix is of symbols."""
    return path.startswith(f"{DIRECTORY}/") and path.endswith(_SUFFIX)


def ids_in(tree: Tree, prefix: str) -> Ids:
    """Return the build-ids of which a tree has symbols, and what they are for an app.

    Args:
        tree: what is built.
        prefix: the app's directory on the host.
    """
    found = {}
    for entry in tree.files():
        if is_symbols(entry.path):
            old = _identity(entry)
            found[old] = hashlib.sha512(old + prefix.encode()).digest()[: len(old)]
    return found


def with_ids(content: bytes, ids: Ids) -> bytes:
    """Return the content of a program, or of its symbols, with the build-id for an app."""
    old = build_id(content) if ids else b""
    if old not in ids:
        return content
    at = content.index(b"GNU\0" + old) + len(b"GNU\0")
    return content[:at] + ids[old] + content[at + len(old) :]


def renamed(entry: Entry, ids: Ids) -> Entry:
    """Return the entry of symbols under the name of the build-id for an app."""
    return replace(entry, path=symbols_path(ids[_identity(entry)]))


def _identity(entry: Entry) -> bytes:
    """Return the build-id after which the entry of symbols is called."""
    return bytes.fromhex(entry.path.rpartition("/")[2].removesuffix(_SUFFIX))


def on_hosts(tree: Tree) -> Mapping[str, Entry]:
    """Return the symbols in a tree by where debuggers look for them, relative to ``/``."""
    found = {}
    for entry in tree.files():
        if is_symbols(entry.path):
            name = entry.path.rpartition("/")[2]
            path = f"{_HOST}/{name[:2]}/{name[2:]}"
            found[path] = replace(entry, path=path)
    return found


def build_ids_of(tree: Tree) -> tuple[str, ...]:
    """Return the build-ids, as hexadecimal digits, of what :func:`on_hosts` laid out."""
    return tuple(
        entry.path.removeprefix(f"{_HOST}/").removesuffix(_SUFFIX).replace("/", "")
        for entry in tree.entries
        if entry.kind is Kind.FILE and entry.path.startswith(f"{_HOST}/")
    )
