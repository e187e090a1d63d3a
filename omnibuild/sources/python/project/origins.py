"""Packages that no index has: directories beside a project, members of its workspace, others' git.

What is said is read from the project, from the root of its uv workspace, and from each directory
that they lead to; nothing is looked up before a resolution needs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from omnibuild.errors import DefinitionError
from omnibuild.recipe import located
from omnibuild.recipe.located import Document, Fault
from omnibuild.recipe.positions import Path as Keys
from omnibuild.sources.python.project.declared import Choice, document_of
from omnibuild.sources.python.project.sources import concerns, sources

_WORKSPACE: Keys = ("tool", "uv", "workspace")


@dataclass(frozen=True)
class Origin:
    """Where a package is.

    Args:
        directory: its source tree.
    """

    directory: Path


def read_origins(project: Path, choice: Choice, python: str) -> dict[str, Origin]:
    """Return where packages are, by their normalised names, as a project and what it leads to say.

    Args:
        project: its directory.
        choice: extras and groups that are taken.
        python: series of CPython.

    Raises :class:`DefinitionError` when two of them say different things, or nonsense.
    """
    found: dict[str, Origin] = {}
    waiting, seen = [project], set[str]()
    while waiting:
        directory = waiting.pop(0)
        if (real := os.path.realpath(directory)) in seen:
            continue
        seen.add(real)
        for document, path, name, origin in _said(directory, choice, python):
            known = found.setdefault(name, origin)
            if os.path.realpath(known.directory) != os.path.realpath(origin.directory):
                what = f"{name} is {origin.directory} here, and {known.directory} elsewhere"
                raise document.error([Fault(path, what, "let both be the same directory")])
            if origin.directory.is_dir():
                waiting.append(origin.directory)
        choice = Choice()  # extras and groups are the project's own
    return found


def workspace_root(project: Path) -> Path | None:
    """Return the root of the uv workspace that a project is a member of, none without one."""
    real = project.resolve()
    for directory in (real, *real.parents):
        path = directory / "pyproject.toml"
        if path.is_file() and located.value_at(located.read(path).data, *_WORKSPACE) is not None:
            inside = directory == real or real in _members(directory).values()
            return directory if inside else None
    return None


def _members(root: Path) -> dict[str, Path]:
    """Return the members of a workspace by their normalised names; its root is one."""
    document = document_of(root)
    said = located.table_at(document.data if document else {}, *_WORKSPACE)
    globs, without = (
        [each for each in said.get(key) or () if isinstance(each, str)]
        for key in ("members", "exclude")
    )
    out = {path for pattern in without for path in _matching(root, pattern)}
    found: dict[str, Path] = {}
    for directory in (root, *(path for pattern in globs for path in _matching(root, pattern))):
        member = document_of(directory) if directory not in out else None
        name = located.value_at(member.data, "project", "name") if member else None
        if isinstance(name, str):
            found[canonicalize_name(name)] = directory
    return found


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    if Path(pattern).is_absolute():
        return
    # A pattern may begin above the root, which globs of pathlib do not.
    base = root
    parts = list(Path(pattern).parts)
    while parts and parts[0] == "..":
        base, parts = base.parent, parts[1:]
    for path in sorted(base.glob(str(Path(*parts)))) if parts else [base]:
        if (path / "pyproject.toml").is_file():
            yield path.resolve()


def _said(
    directory: Path, choice: Choice, python: str
) -> Iterator[tuple[Document, Keys, str, Origin]]:
    """Yield what the tables of one directory say, and for its members those of a workspace."""
    root = workspace_root(directory)
    own = document_of(directory)
    places = [(directory, own)] if own else []
    if root and root != directory.resolve() and (document := document_of(root)):
        places.append((root, document))
    told = set[str]()
    for base, document in places:
        names = set[str]()
        for path, name, source in sources(document.data):
            if name in told or not concerns(source, choice, python):
                continue
            names.add(name)
            if origin := _origin(document, path, name, source, base, root):
                yield document, path, name, origin
        told |= names  # a member's own word goes before that of the root


def _origin(
    document: Document,
    path: Keys,
    name: str,
    source: Mapping[str, Any],
    base: Path,
    root: Path | None,
) -> Origin | None:
    if source.get("workspace") is True:
        member = _members(root).get(name) if root else None
        if member is None:
            what = f"no member of the workspace is called `{name}`"
            raise _wrong(document, path, what, "add its directory to [tool.uv.workspace]")
        return Origin(member)
    place = source.get("path")
    if not isinstance(place, str):
        return None
    directory = base / place
    if directory.is_file():
        what = f"`{name}` is a file, and only directories and indexes are obeyed"
        raise _wrong(document, path, what, "let an index have it")
    return Origin(directory)


def _wrong(document: Document, path: Keys, what: str, hint: str) -> DefinitionError:
    return document.error([Fault(path, what, hint)])
