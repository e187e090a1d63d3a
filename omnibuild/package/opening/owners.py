"""Who brought the files of a package that somebody else made, as far as it says so itself.

Installed Python distributions list their files in ``RECORD``, and packages of omnibuild say in
their manifest which distribution is the app's own project.
"""

from __future__ import annotations

import csv
import json
import posixpath
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from typing import Any

from packaging.utils import canonicalize_name

from omnibuild.audit.owners import Brings, Owner, Owners
from omnibuild.payload.model import Payload
from omnibuild.provenance.described import MANIFEST
from omnibuild.tree import Entry, Kind

INFO = ".dist-info"
# Bytes. Of a distribution with 100,000 files RECORD has 10 MB.
LARGEST_LIST = 1 << 26
CACHE = "/__pycache__/"


def owners_in(payload: Payload) -> Owners:
    """Return who brought which files."""
    found: dict[str, Owner] = {}
    own = _own_projects(payload)
    for entry in payload.tree.files():
        directory, name = posixpath.split(entry.path)
        if name == "RECORD" and directory.endswith(INFO) and entry.size <= LARGEST_LIST:
            owner = _owner(payload, directory, own)
            base = posixpath.dirname(directory)
            for path in _recorded(payload.read(entry)):
                found.setdefault(posixpath.normpath(posixpath.join(base, path)), owner)
    for entry in payload.tree.files():
        if CACHE in entry.path and entry.path not in found:
            module = _module(entry.path)
            if module in found:
                found[entry.path] = found[module]
    return Owners(found)


def installed_by_parts(payload: Payload) -> dict[str, int]:
    """Return how many bytes each part installs, as the manifest of a package of omnibuild says.

    Parts are called as in its plan: ``zlib``, ``python:flask``, ``recipe:steps``.
    """
    for manifest in _manifests(payload):
        said = manifest.get("installed")
        if isinstance(said, dict):
            return {name: size for name, size in said.items() if type(size) is int and size >= 0}
    return {}


def brought(payload: Payload, owners: Owners) -> Iterator[tuple[str, str]]:
    """Yield the components and distributions that a package holds: what they are, and version.

    Args:
        payload: its files.
        owners: what :func:`owners_in` says of them.
    """
    for manifest in _manifests(payload):
        for kind, key in (("component", "components"), ("npm", "npm")):
            for each in _list(manifest, key):
                if isinstance(each, dict):
                    yield f"{kind} {each.get('name', '')}", str(each.get("version", ""))
    for owner in dict.fromkeys(owners.known.values()):
        yield f"{owner.kind} {owner.name}", owner.version


def _manifests(payload: Payload) -> Iterator[Mapping[str, Any]]:
    """Yield what packages of omnibuild say of themselves; nothing of one that cannot be read."""
    for entry in payload.tree.files():
        if entry.path.endswith(f"/{MANIFEST}"):
            yield _json(payload, entry)


def _own_projects(payload: Payload) -> frozenset[str]:
    """Return the names of the distributions that the manifest calls the app's own."""
    names: set[str] = set()
    for manifest in _manifests(payload):
        for each in _list(manifest, "python"):
            if isinstance(each, dict) and not each.get("file") and each.get("name"):
                names.add(str(each["name"]))
    return frozenset(names)


def _owner(payload: Payload, directory: str, own: frozenset[str]) -> Owner:
    metadata = payload.tree.by_path.get(f"{directory}/METADATA")
    said = HeaderParser().parsestr(_text(payload, metadata))
    name = canonicalize_name(str(said.get("Name", "")))
    origin = payload.tree.by_path.get(f"{directory}/direct_url.json")
    local = "dir_info" in _json(payload, origin) if origin else False
    kind = Brings.PROJECT if local or name in own else Brings.DISTRIBUTION
    fallback = posixpath.basename(directory).removesuffix(INFO).partition("-")
    return Owner(kind, name or fallback[0], str(said.get("Version", fallback[2])))


def _recorded(content: bytes) -> Iterator[str]:
    lines = content.decode("utf-8", "replace").splitlines()
    try:
        yield from (row[0] for row in csv.reader(lines) if row and row[0])
    except csv.Error:
        return  # What follows belongs to somebody unknown.


def _module(path: str) -> str:
    """Return the source of bytecode: ``a/__pycache__/b.cpython-313.pyc`` is of ``a/b.py``."""
    directory, _, name = path.rpartition(CACHE)
    return f"{directory}/{name.partition('.')[0]}.py"


def _text(payload: Payload, entry: Entry | None) -> str:
    if entry is None or entry.kind is not Kind.FILE or entry.size > LARGEST_LIST:
        return ""
    return payload.read(entry).decode("utf-8", "replace")


def _json(payload: Payload, entry: Entry | None) -> Mapping[str, Any]:
    try:
        data = json.loads(_text(payload, entry) or "{}")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    return found if isinstance(found, list) else []
