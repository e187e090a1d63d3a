"""Pins: versions that a project's own tool has chosen, and the digests of their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.pylock import Package
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.errors import LockError, Where
from omnibuild.recipe.wheeltags import applies


@dataclass(frozen=True)
class Pin:
    """A version of a package.

    Args:
        version: the only one that is taken; empty for a source tree, which has whichever it has.
        digests: SHA-256 digests of the files that may be taken; empty: those that the index lists.
    """

    version: str
    digests: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Pins:
    """What a file pins for one environment.

    Args:
        file: where it is from.
        update: the command that makes the file anew.
        versions: normalised name to pin.
        complete: whatever the project needs is there.
        packages: the same with their files: nothing is left to resolve. Empty where the file has
            versions alone.
        constraints: what holds for versions besides.
        requires: what the file itself asks for, for projects that say it nowhere else.
        chosen: what chosen groups ask for, where only the file says it.
        elsewhere: those of its packages that no index has, where it has versions of the others.
    """

    file: Path
    update: str = ""
    versions: Mapping[str, Pin] = field(default_factory=dict)
    complete: bool = True
    packages: tuple[Package, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    requires: tuple[Requirement, ...] = ()
    chosen: tuple[Requirement, ...] = ()
    elsewhere: tuple[Package, ...] = ()

    def all_constraints(self) -> list[Requirement]:
        """Return everything that holds for versions, as a resolver takes it."""
        versions = {name: pin.version for name, pin in self.versions.items() if pin.version}
        pinned = [Requirement(f"{name}=={version}") for name, version in versions.items()]
        return [*pinned, *self.constraints]

    def check(self, requirements: Iterable[Requirement], python: str) -> None:
        """Raise :class:`LockError` when what is required is not what the file was made for.

        Args:
            requirements: what the project requires.
            python: series of CPython.
        """
        stale = [why for each in requirements if (why := self._unfit(each, python))]
        if stale:
            raise LockError(
                f"{self.file.name} does not fit the project any more",
                where=Where(str(self.file)),
                why="\n".join(stale),
                hint=f"run: {self.update}" if self.update else "bring it up to date",
            )

    def _unfit(self, requirement: Requirement, python: str) -> str:
        if not applies(requirement.marker, python):
            return ""
        pin = self.versions.get(canonicalize_name(requirement.name))
        if pin is None:
            return f"{requirement} is required, and not in it" if self.complete else ""
        if (
            requirement.url
            or not pin.version
            or requirement.specifier.contains(pin.version, prereleases=True)
        ):
            return ""
        return f"{requirement} is required, and it pins {pin.version}"
