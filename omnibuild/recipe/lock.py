"""Lock files of Python packages (PEP 751): which file of each package an interpreter gets.

A file is identified by its name and digest, so it can come from any index: its ``url`` is only
one more place to look.

One lock has all that an app takes, in dependency groups: ``run``, the default, is what the app
gets; ``build`` is what builds the project itself, ``build-NAME`` what builds the package NAME.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.utils import parse_wheel_filename

from omnibuild.errors import LockError, Where
from omnibuild.recipe import located, lockfile
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.models.locked import LockedFile, LockedTree, locked_file, locked_tree
from omnibuild.recipe.wheeltags import applies, full_version, marker_environment, supported_tags

RUN, NODE = "run", "node"  # what the app runs with; what bundles its front end


def build_group(package: str = "") -> str:
    """Return the group of what builds a package; of the project itself without a name."""
    return f"build-{package}" if package else "build"


def lock_path(recipe: Recipe, recipe_path: Path) -> Path:
    """Return where an app's lock is; its recipe has a ``[python]`` table."""
    chosen = recipe.python.lock if recipe.python else ""
    # The standard allows no dot in the part between.
    return recipe_path.parent / (chosen or f"pylock.{recipe.app.name.replace('.', '-')}.toml")


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What a lock was made from, in its ``[tool.omnibuild]``: so it can be told when it is stale.

    Args:
        app: the app's name.
        requires: what it was to run with.
        build_requires: what its project said it is built with.
        from_source: packages that were to be compiled.
        extras: of the app's own package that were to be there.
        groups: dependency groups of its project that were to be there.
        rules: what the project said besides of how to resolve.
        indexes: those that it named, as ``NAME=URL``.
        machine_indexes: those that the machine of who locked it named, of which something is.
        pins: names and digests of the files of the project that said which versions.
    """

    app: str = ""
    requires: tuple[str, ...] = ()
    build_requires: tuple[str, ...] = ()
    from_source: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    machine_indexes: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()

    def differences(self, now: Record) -> list[str]:
        """Say what has changed since, a line for each change."""
        if self.app != now.app:
            return [f"it is the lock of {self.app or 'no app'}, not of {now.app}"]
        words = {
            "requires": "required",
            "build_requires": "required for building the project",
            "from_source": "to be compiled from source",
            "extras": "a chosen extra",
            "groups": "a chosen dependency group",
            "rules": "a rule of the project",
            "indexes": "an index of the project",
        }
        found = []
        for field, word in words.items():
            old, new = set(getattr(self, field)), set(getattr(now, field))
            found += [f"{each} is {word}, and was not" for each in sorted(new - old)]
            found += [f"{each} was {word}, and is not any more" for each in sorted(old - new)]
        then, here = (dict(each.split(" ", 1) for each in r.pins) for r in (self, now))
        found += [f"{name} says which versions, and did not" for name in sorted(here.keys() - then)]
        found += [f"{name} said which versions, and is gone" for name in sorted(then.keys() - here)]
        both = sorted(then.keys() & here)
        return found + [f"{name} has changed since" for name in both if then[name] != here[name]]


@dataclass(frozen=True)
class Lock:
    """A valid lock file.

    Args:
        file: path of the lock, for messages.
        content: what is in it.
        make: the command that makes it anew.
    """

    file: str
    content: Pylock
    make: str = lockfile.MAKE

    def select(self, python: str, glibc: str, group: str = RUN) -> tuple[LockedFile, ...]:
        """Return the files to install, in the order of the lock: the best wheel, else the sdist.

        Args:
            python: version or series of CPython, as ``3.13``.
            glibc: highest glibc that a wheel may need, as ``2.31``.
            group: the dependency group; a lock without groups is all for running.

        Raises:
            LockError: the lock is not for that version, has no such group, or a package has no
                usable file.
        """
        groups = self._groups(group)
        allowed = self.content.requires_python
        if allowed is not None and not allowed.contains(full_version(python), prereleases=True):
            what = f"this lock is for Python {allowed}, not for {python}"
            raise LockError(what, where=Where(self.file), hint=f"run: {self.make}")
        environment, tags = marker_environment(python), supported_tags(python, glibc)
        try:
            selected = self.content.select(
                environment=environment, tags=tags, dependency_groups=groups
            )
            kinds = PackageWheel | PackageSdist | PackageArchive
            found = [each for each in selected if isinstance(each[1], kinds)]
        except (PylockSelectError, UndefinedComparison, UndefinedEnvironmentName) as error:
            raise LockError(
                f"this lock does not fit CPython {python} and glibc {glibc}",
                where=Where(self.file),
                why=str(error),
                hint=f"run: {self.make}",
            ) from error
        named = (
            {each.partition("=")[2]: each for each in (*record.machine_indexes, *record.indexes)}
            if (record := self.record)
            else {}
        )
        return tuple(
            locked_file(package, cast("PackageWheel", file), named) for package, file in found
        )

    def trees(self, python: str) -> tuple[LockedTree, ...]:
        """Return the source trees that an app gets wheels of."""
        groups = self._groups(RUN) or self.content.default_groups or ()
        return tuple(
            locked_tree(package)
            for package in self.content.packages
            if (package.directory or package.vcs) and applies(package.marker, python, groups=groups)
        )

    def versions(self, python: str) -> dict[str, dict[str, str]]:
        """Return the version of each package that is locked, by dependency group."""
        return {
            group: {
                package.name: str(package.version)
                for package in self.content.packages
                if package.version and applies(package.marker, python, groups=[group])
            }
            for group in (RUN, *(self.content.dependency_groups or ()))
        }

    @property
    def record(self) -> Record | None:
        """What it was made from; none when other tools made it."""
        data = (self.content.tool or {}).get("omnibuild")
        if data is None:
            return None
        try:
            return msgspec.convert(data, Record)
        except msgspec.ValidationError as error:
            raise LockError(
                "[tool.omnibuild] of this lock is damaged",
                where=Where(self.file),
                why=str(error),
                hint=f"run: {self.make}",
            ) from error

    def check(self, now: Record) -> None:
        """Raise :class:`LockError` when it was made from something else than what is there now."""
        differences = self.record.differences(now) if self.record else []
        if differences:
            raise LockError(
                f"the lock of {now.app} is stale",
                where=Where(self.file),
                why="\n".join(differences),
                hint=f"run: {self.make}",
            )

    def _groups(self, wanted: str) -> list[str] | None:
        """Return the groups to select, none for the defaults of the lock."""
        if wanted in (
            *(self.content.dependency_groups or ()),
            *(self.content.default_groups or ()),
        ):
            return [wanted]
        if wanted == RUN:
            return None
        package = wanted.removeprefix(build_group()).removeprefix("-")
        raise LockError(
            f"{package or 'the project'} is built from source, and the lock does not say with what",
            where=Where(self.file),
            why=f"it has no dependency group {wanted!r}",
            hint=f"run: {self.make}",
        )


def load_lock(path: Path, make: str = lockfile.MAKE) -> Lock:
    """Read a lock file; raises :class:`LockError` that says what is wrong with it.

    Args:
        path: the file.
        make: the command that makes it anew, for messages.
    """
    if not path.exists():
        what = "there is no such lock file"
        raise LockError(what, where=Where(str(path)), hint=f"run: {make}")
    document = located.read(path, LockError, largest=lockfile.LARGEST)
    if faults := lockfile.faults(document.data, make):
        raise document.error(faults, LockError)
    content = lockfile.model(document.data)
    packages = [
        dataclasses.replace(lockfile.addressed(each, path.parent), wheels=_ordered(each))
        for each in content.packages
    ]
    return Lock(str(path), dataclasses.replace(content, packages=packages), make)


def _ordered(package: Package) -> list[PackageWheel] | None:
    """Return the wheels so that of equally good ones the same is first: never the lock's order."""
    if package.wheels is None:
        return None

    def order(wheel: PackageWheel) -> tuple[int, str, str]:
        # The highest build number, then the name.
        number, letters = parse_wheel_filename(wheel.filename)[2] or (0, "")
        return -number, letters, wheel.filename

    return sorted(package.wheels, key=order)
