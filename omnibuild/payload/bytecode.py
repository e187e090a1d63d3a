"""Modules without sources: ``x.pyc`` where ``x.py`` was, as CPython imports them (PEP 3147)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec.structs import replace

from omnibuild.tree import Entry, Kind, Tree

# What is compiled for an interpreter that optimizes has another suffix, and is nobody's default.
_BYTECODE = re.compile(
    r"(?P<package>lib/python3\.[0-9]+/(?:.+/)?)__pycache__/(?P<module>[^/]+)\.cpython-[0-9]+\.pyc"
)


def bytecode_alone(tree: Tree, root: Path) -> Tree:
    """Put the bytecode of modules in place of their sources.

    A source without bytecode stays, as one does that other names link to. What lies elsewhere than
    where modules are installed is not touched: people run those files by their paths.

    Args:
        tree: what is in ``root``, relative to an app's prefix.
        root: a scratch directory, which is changed.

    Returns:
        the tree of ``root`` as it is then.
    """
    linked = {entry.target for entry in tree.entries if entry.kind is Kind.HARDLINK}
    moved: dict[str, str] = {}
    for entry in tree.files():
        found = _BYTECODE.fullmatch(entry.path)
        if not found or entry.path in linked:
            continue
        module = f"{found['package']}{found['module']}"
        source = tree.by_path.get(f"{module}.py")
        if source and source.kind is Kind.FILE and source.path not in linked:
            moved[entry.path] = f"{module}.pyc"
    gone = {f"{path[:-1]}" for path in moved.values()}
    for path in gone:
        os.unlink(root / path)
    for path, module in moved.items():
        os.rename(root / path, root / module)
    entries = [_moved(entry, moved) for entry in tree.entries if entry.path not in gone]
    return Tree.of(_without_empty_caches(entries, root))


def _moved(entry: Entry, moved: dict[str, str]) -> Entry:
    return replace(entry, path=moved[entry.path]) if entry.path in moved else entry


def _without_empty_caches(entries: list[Entry], root: Path) -> list[Entry]:
    filled = {os.path.dirname(entry.path) for entry in entries}
    kept = []
    for entry in entries:
        cache = entry.kind is Kind.DIRECTORY and os.path.basename(entry.path) == "__pycache__"
        if cache and entry.path not in filled:
            os.rmdir(root / entry.path)
        else:
            kept.append(entry)
    return kept
