"""What a lock says that an interpreter gets of a package: a file, or a source tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel

from omnibuild.recipe import located
from omnibuild.recipe.lockfile import name_of
from omnibuild.recipe.models.needs import NO_NEEDS, SourceNeeds, source_needs


@dataclass(frozen=True)
class LockedFile:
    """The file of a package that an interpreter gets.

    Args:
        package: normalised, as ``typing-extensions``.
        version: the package's version.
        name: the file's name.
        sha256: its digest.
        url: where it was; empty when the lock names no place.
        index: the index that has it, as ``NAME=URL``; empty for the machine's own.
        direct: no index has it.
        needs: what its wheel is built with, if it is a source.
    """

    package: str
    version: str
    name: str
    sha256: str
    url: str = ""
    index: str = ""
    direct: bool = False
    needs: SourceNeeds = field(default=NO_NEEDS, hash=False)


@dataclass(frozen=True)
class LockedTree:
    """The source tree of a package: a directory as it is when it is built, or a commit.

    Args:
        package: normalised name.
        version: as it was when it was locked, for people.
        directory: relative to the lock; of a commit, relative to its repository.
        repository: address of a git repository; empty: it is a directory here.
        commit: of the repository.
        digest: of the commit's files there; empty: unknown.
        told: the version that its build is told; empty: it says one itself.
        needs: what its wheel is built with.
    """

    package: str
    version: str
    directory: str
    repository: str = ""
    commit: str = ""
    digest: str = ""
    told: str = ""
    needs: SourceNeeds = field(default=NO_NEEDS, hash=False)


def locked_file(
    package: Package, file: PackageWheel | PackageSdist | PackageArchive, named: Mapping[str, str]
) -> LockedFile:
    """Return a file of a package; ``named`` has the lock's indexes by their addresses."""
    return LockedFile(
        package=package.name,
        version=str(package.version),
        name=name_of(file),
        sha256=file.hashes["sha256"],
        url=file.url or "",
        direct=isinstance(file, PackageArchive),
        # Other tools name the public index, too, which this machine may reach by a mirror.
        index=named.get(package.index or "", ""),
        needs=source_needs(package.tool),
    )


def locked_tree(package: Package) -> LockedTree:
    """Return the source tree of a package that has one."""
    own = located.table_at(package.tool or {}, "omnibuild")
    version, told, digest = (str(own.get(key, "")) for key in ("version", "told", "tree"))
    if package.directory:
        where = package.directory.path
        return LockedTree(package.name, version, where, told=told, needs=source_needs(package.tool))
    vcs = package.vcs
    if vcs is None:
        raise AssertionError(package.name)
    inside, url = vcs.subdirectory or "", vcs.url or ""
    return LockedTree(
        package.name, version, inside, url, vcs.commit_id, digest, told, source_needs(package.tool)
    )
