"""Which file of a package of the index an app is made of, and what comes with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.metadata import Metadata, RawMetadata
from packaging.pylock import Package
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from omnibuild.blueprint.platforms import lowest_glibc
from omnibuild.discovery.distribution import SCRIPTS, scripts_of
from omnibuild.discovery.draft import and_older, by_preference
from omnibuild.discovery.findings import Findings
from omnibuild.errors import LockError, UsageError
from omnibuild.locking.fetching import selected
from omnibuild.locking.sources_only import resolved_with_sources
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.sources.python.resolving.resolve import Resolver
from omnibuild.sources.scratch import OF_UV, quick

_SERIES = "python-"


@dataclass(frozen=True)
class Chosen:
    """A package of the index.

    Args:
        file: of the package, as the preferred interpreter of those that can have it gets it.
        series: of that interpreter, and the older ones.
        beside: files of what comes with it.
        note: why it is not the newest, where nobody asked for a version.
    """

    file: LockedFile
    series: tuple[str, ...]
    beside: tuple[LockedFile, ...] = ()
    note: str = ""

    def kin(self) -> list[LockedFile]:
        """Return what comes with it and is called like it: the first word is one."""
        first = self.file.package.partition("-")[0]
        return [each for each in self.beside if each.package.startswith(first)]

    def add_commands_of_kin(self, paths: Mapping[LockedFile, Path], found: Findings) -> None:
        """Add the commands by which people use it, where others bring them.

        These are of its kin that has a command called like it, as ansible-core has `ansible`; and
        if it has none itself, as a theme, of all kin that it requires.

        Args:
            paths: where the files of its kin are.
            found: what it says itself.

        Raises:
            SourceError: one of them cannot be read.
        """
        alone = not found.commands
        for file, path in paths.items():
            scripts = scripts_of(path, file.name)
            namesake = self.file.package in {*map(canonicalize_name, scripts)}
            if namesake or (alone and file.package in found.requirements):
                found.add_scripts(scripts, f"{file.package}'s {SCRIPTS}")


def choose(definitions: Definitions, requirement: Requirement) -> Chosen:
    """Choose the file of a package.

    Args:
        definitions: has the interpreters, and the platforms whose glibc counts.
        requirement: names the package, and perhaps its version.

    Raises:
        LockError: the index has no such package, or none for any interpreter.
        UsageError: no interpreter is defined.
    """
    platforms = [definitions.platform(name)[0] for name in definitions.names("platforms")]
    glibc = lowest_glibc(platforms)
    problem: LockError | None = None
    every = tuple(by_preference(series_of(definitions)))
    for tried, series in enumerate(every):
        try:
            with quick(OF_UV) as scratch:
                links = scratch / "links"
                links.mkdir()
                resolver = Resolver(series, glibc, scratch)
                packages = resolved_with_sources(
                    resolver, _says_nothing, links, [requirement], (), {}
                )
                newest = resolver.newest(requirement.name)
        except LockError as error:
            problem = problem or error
            continue
        name = canonicalize_name(requirement.name)
        files = {each.package: each for each in selected(packages, series, glibc)}
        file = files.pop(name)
        note = "" if requirement.specifier or not newest else _older(file, *newest)
        return Chosen(file, tuple(and_older(every[tried:])), tuple(files.values()), note)
    raise problem or UsageError("no interpreter is defined", hint="add software/python-3.13.toml")


def _older(file: LockedFile, newest: Version, requires_python: str) -> str:
    """Say that another release is newer than a file, if it is, and why it may not be taken."""
    if Version(file.version) >= newest:
        return ""
    wants = f", is for Python {requires_python}," if requires_python else ""
    asked = f"`omnibuild init {file.package}=={newest}`"
    return f"{newest} is newer{wants} and was not taken: {asked} says why"


def series_of(definitions: Definitions) -> list[str]:
    """Return the series of CPython that can be built, as ``3.13``."""
    names = definitions.names("software")
    return [name.removeprefix(_SERIES) for name in names if re.fullmatch(r"python-3\.\d+", name)]


def _says_nothing(package: Package) -> Metadata:
    """Let a source require nothing: which version is newest shows before its code is asked."""
    said = {"metadata_version": "2.1", "name": package.name, "version": str(package.version)}
    return Metadata.from_raw(cast("RawMetadata", said))
