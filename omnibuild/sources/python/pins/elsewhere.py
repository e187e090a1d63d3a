"""Packages that no index has, as locks of other tools pin them, in the words of the standard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageVcs
from packaging.utils import canonicalize_name

from omnibuild.errors import LockError, Where
from omnibuild.recipe import located
from omnibuild.sources.git.checkout import is_commit
from omnibuild.sources.python.project.origins import git_origin, is_package_file

_SHA256 = "sha256:"


def of_poetry(path: Path, package: Mapping[str, Any]) -> Package | None:
    """Return a package of ``poetry.lock`` that has a source of its own; none of an index's.

    Raises :class:`LockError` when it has one that no digest or commit pins.
    """
    source = located.table_at(package.get("source"))
    kind, url = source.get("type", "legacy"), str(source.get("url", ""))
    name = str(package.get("name", ""))
    if kind == "legacy":
        return None
    if kind == "git":
        word = str(source.get("reference", "")).removeprefix("HEAD")
        commit = str(source.get("resolved_reference", ""))
        return _of_git(path, name, url, word, commit, str(source.get("subdirectory", "")))
    if kind == "directory":
        return _of_directory(name, url)
    if kind in ("url", "file") and not source.get("subdirectory"):
        hashes = [located.table_at(each).get("hash") for each in package.get("files") or ()]
        return _of_file(path, name, url, hashes)
    raise _elsewhere(path, name, kind)


def of_pipenv(path: Path, name: str, package: Mapping[str, Any]) -> Package | None:
    """Return a package of ``Pipfile.lock`` that has a source of its own; as of Poetry."""
    said = [(key, str(package[key])) for key in ("git", "path", "file") if key in package]
    if not said:
        return None
    kind, place = said[0]
    if kind == "git":
        inside = str(package.get("subdirectory", ""))
        return _of_git(path, name, place, "", str(package.get("ref", "")), inside)
    if "://" in place or is_package_file(place):
        return _of_file(path, name, place, package.get("hashes") or ())
    return _of_directory(name, place)


def _of_git(path: Path, name: str, url: str, word: str, commit: str, subdirectory: str) -> Package:
    origin = git_origin(url, word, subdirectory)
    if origin is None or not is_commit(commit):
        raise _elsewhere(path, name, f"{url} at {commit or 'no commit'}")
    vcs = PackageVcs(
        type="git",
        url=origin.repository,
        requested_revision=word or None,
        commit_id=commit,
        subdirectory=subdirectory or None,
    )
    return Package(name=canonicalize_name(name), vcs=vcs)


def _of_directory(name: str, place: str) -> Package:
    return Package(name=canonicalize_name(name), directory=PackageDirectory(path=place))


def _of_file(path: Path, name: str, place: str, hashes: Iterable[Any]) -> Package:
    digests = sorted(set(sha256_of(hashes)))
    if len(digests) != 1 or not is_package_file(place):
        raise _elsewhere(path, name, place)
    url = place if "://" in place else (path.parent / place).resolve().as_uri()
    archive = PackageArchive(url=url, hashes={"sha256": digests[0]})
    return Package(name=canonicalize_name(name), archive=archive)


def sha256_of(digests: Iterable[Any]) -> Iterator[str]:
    """Yield the hex digits of digests like ``sha256:…``; others tell nothing here."""
    for each in digests:
        if isinstance(each, str) and each.startswith(_SHA256):
            yield each.removeprefix(_SHA256).lower()


def _elsewhere(path: Path, name: str, origin: str) -> LockError:
    return LockError(
        f"{name} comes from where nothing pins it, says {path.name}: {origin}",
        where=Where(str(path)),
        hint="pin a commit of git, or a wheel or source distribution by its SHA-256 digest; or let"
        " your index serve a wheel of it",
    )
