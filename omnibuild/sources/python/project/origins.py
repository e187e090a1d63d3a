"""Packages that no index has: directories beside a project, members of its workspace, others' git.

What is said is read from the project, from the root of its uv workspace, and from each directory
that they lead to; nothing is looked up before a resolution needs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from omnibuild.errors import DefinitionError
from omnibuild.patterns import regex
from omnibuild.recipe import located
from omnibuild.recipe.located import Document, Fault
from omnibuild.recipe.positions import Path as Keys
from omnibuild.sources.git.checkout import REVISION, is_repository
from omnibuild.sources.python.project.declared import Choice, document_of
from omnibuild.sources.python.project.sources import concerns, sources
from omnibuild.transfer.credentials import without_login

_FILES = (".whl", ".tar.gz", ".zip")
# As git has it for ssh, and Poetry with it: ``git@example.org:team/lib.git``.
_SHORT_FOR_SSH = regex(r"((?:[\w.-]+@)?[\w.-]+):(?!/)([^:]+)")
_WORKSPACE: Keys = ("tool", "uv", "workspace")


@dataclass(frozen=True)
class Origin:
    """Where a package is: in a directory, in a git repository, or in a file at an address.

    Args:
        directory: its source tree.
        repository: address of the repository.
        revision: of it; empty for the repository's own choice.
        subdirectory: of the repository.
        address: of a wheel or a source distribution.
        sha256: of that file; empty where nobody says it.
        error: why it is nowhere; for who needs the package.
    """

    directory: Path | None = None
    repository: str = ""
    revision: str = ""
    subdirectory: str = ""
    address: str = ""
    sha256: str = ""
    error: DefinitionError | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if self.directory:
            return str(self.directory)
        part = f" in {self.subdirectory}" if self.subdirectory else ""
        at = f" at {self.revision}" if self.revision else ""
        return without_login(self.repository or self.address) + at + part

    @property
    def short(self) -> str:
        """The revision as people say it."""
        return self.revision.removeprefix("refs/tags/").removeprefix("refs/heads/")

    def allows(self, pinned: Origin) -> bool:
        """Tell whether this, which somebody says, can be what a lock has for it."""
        if self.error or self.directory or self.address:
            return bool(self.error) or self.identity == pinned.identity
        same = self.repository.removesuffix(".git") == pinned.repository.removesuffix(".git")
        word = not (self.revision and pinned.revision) or self.short == pinned.short
        return same and self.subdirectory == pinned.subdirectory and word

    @property
    def identity(self) -> tuple[str, ...]:
        """What two ways to say the same have in common."""
        return (os.path.realpath(self.directory),) if self.directory else (str(self),)


def origin_at(url: str) -> Origin | None:
    """Return what the address of a requirement means (PEP 440, PEP 610); none: nothing obeyed."""
    is_git = url.startswith("git+")
    try:
        parts = urlsplit(url.removeprefix("git+"))
        fragment = {key: values[0] for key, values in parse_qs(parts.fragment).items()}
    except ValueError:
        return None
    subdirectory = fragment.get("subdirectory", "")
    if is_git:
        path, _, revision = parts.path.partition("@")
        repository = urlunsplit(parts._replace(path=path, fragment=""))
        return git_origin(repository, revision, subdirectory)
    if subdirectory:
        return None
    if parts.scheme == "file" and os.path.isdir(place := unquote(parts.path)):
        return Origin(Path(place))
    bare = urlunsplit(parts._replace(fragment=""))
    if not (parts.scheme and is_package_file(bare)):
        return None
    return Origin(address=bare, sha256=fragment.get("sha256", ""))


def git_origin(repository: str, revision: str, subdirectory: str) -> Origin | None:
    """Return what is said of a git repository as an origin; none: nothing that is obeyed."""
    if short := _SHORT_FOR_SSH.fullmatch(repository):
        repository = f"ssh://{short[1]}/{short[2]}"
    inside = not Path(subdirectory).is_absolute() and ".." not in Path(subdirectory).parts
    valid = is_repository(repository) and (not revision or REVISION.fullmatch(revision))
    if not (valid and inside):
        return None
    return Origin(repository=repository, revision=revision, subdirectory=subdirectory)


def is_package_file(place: str) -> bool:
    """Tell whether an address, or a path, is that of a wheel or a source distribution."""
    try:
        scheme = urlsplit(place).scheme
    except ValueError:
        return False
    return scheme in ("https", "http", "file", "") and place.endswith(_FILES)


def read_origins(
    project: Path, choice: Choice, python: str, pinned: Mapping[str, Origin] = MappingProxyType({})
) -> dict[str, Origin]:
    """Return where packages are, by their normalised names, as a project and what it leads to say.

    Args:
        project: its directory.
        choice: extras and groups that are taken.
        python: series of CPython.
        pinned: directories that a file of pins names, for what nobody else says.

    Raises :class:`DefinitionError` when two of them say different things, or nonsense.
    """
    found: dict[str, Origin] = {}
    waiting = [project, *(each.directory for each in pinned.values() if each.directory)]
    seen = set[str]()
    while waiting:
        directory = waiting.pop(0)
        if (real := os.path.realpath(directory)) in seen:
            continue
        seen.add(real)
        for document, path, name, origin in _said(directory, choice, python):
            known = found.setdefault(name, origin)
            if known.identity != origin.identity:
                what = f"{name} is {origin} here, and {known} elsewhere"
                raise document.error([Fault(path, what, "let both be the same")])
            if origin.directory and os.path.isdir(origin.directory):
                waiting.append(origin.directory)
        choice = Choice()  # extras and groups are the project's own
    return {**pinned, **found}


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
            return _wrong(document, path, what, "add its directory to [tool.uv.workspace]")
        return Origin(member)
    said = {key: source[key] for key in ("path", "file", "git", "url") if key in source}
    if not said:
        return None
    (kind, place), *others = said.items()
    found = None
    if isinstance(place, str) and "\0" not in place and not others:
        if kind in ("path", "file"):
            path_there = base / place
            is_file = os.path.isfile(path_there)  # also of what no path can be
            found = origin_at(path_there.resolve().as_uri()) if is_file else None
            found = found or (None if is_file else Origin(path_there))
        elif kind == "git":
            revision = _revision(source)
            found = git_origin(place, revision, str(source.get("subdirectory", "")))
        else:
            found = origin_at(place) if "subdirectory" not in source else None
    if found is None:
        what = f"`{name}` comes from where nothing is obeyed"
        hint = "take a directory, git by https or ssh, or the URL of a file"
        return _wrong(document, path, what, hint)
    return found


def _revision(source: Mapping[str, Any]) -> str:
    """Return the revision that a source names, as git calls it."""
    for key, before in (("rev", ""), ("tag", "refs/tags/"), ("branch", "refs/heads/")):
        if isinstance(source.get(key), str):
            return before + str(source[key])
    return ""


def _wrong(document: Document, path: Keys, what: str, hint: str) -> Origin:
    return Origin(error=document.error([Fault(path, what, hint)]))
