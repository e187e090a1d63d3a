"""A workspace with one app, ``shop``, whose packages an index of the loopback has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild.locking.lock import Asked, Locked, lock
from omnibuild.settings import Settings
from tests.unit.sources.python.samples import publish, sdist, wheel
from tests.unit.transfer.server import Server

RECIPE = """\
[app]
name = "shop"
version = "1"
summary = "A shop"
license = "MIT"
maintainer = "Tester <tester@example.com>"

{source}

[python]
version = "3.13"
{python}
"""
PROJECT = """\
[build-system]
requires = ["flit-core>=1"]
build-backend = "flit_core.buildapi"

[project]
name = "shop"
version = "1"
dependencies = ["lib>=1"]
"""
# What makes a wheel of flit-core a backend, one that need not be asked what it needs: locking
# asks others in the sandbox, which tests/acceptance does.
API = {"flit_core/buildapi.py": b"raise SystemExit('it ran')\n"}


def pure(name: str, *versions: str, requires: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return wheels of a package, one for each version."""
    return {
        f"{name}-{version}-py3-none-any.whl": wheel(name, version, requires=requires)
        for version in versions
    }


def source(name: str, version: str = "1", pyproject: str = "", **files: str) -> dict[str, bytes]:
    """Return the sdist of a package."""
    members = {**({"pyproject.toml": pyproject} if pyproject else {}), **files}
    return {f"{name}-{version}.tar.gz": sdist(name, version, members)}


@dataclass
class Shop:
    """The workspace; change what is in it, then lock it."""

    base: Path
    server: Server
    project: str = PROJECT
    source: str = 'path = "../shop"'
    python: str = ""
    packages: dict[str, Mapping[str, bytes]] = field(
        default_factory=lambda: {
            "build": pure("build", "1"),
            "flit-core": {"flit_core-1-py3-none-any.whl": wheel("flit_core", members=API)},
            "lib": pure("lib", "1", "2"),
        }
    )

    @property
    def index(self) -> str:
        """Where its packages are."""
        return publish(self.server, **self.packages)

    @property
    def directory(self) -> Path:
        """The project."""
        return self.base / "shop"

    @property
    def recipe(self) -> Path:
        """The recipe's file."""
        return self.base / "recipes/shop.toml"

    def write(self) -> None:
        """Write recipe and project, and let the index serve the packages."""
        self.recipe.parent.mkdir(parents=True, exist_ok=True)
        self.directory.mkdir(exist_ok=True)
        if self.project:
            (self.directory / "pyproject.toml").write_text(self.project)
        source = f"[source]\n{self.source}" if self.source else ""
        self.recipe.write_text(RECIPE.format(source=source, python=self.python))
        _ = self.index

    def settings(self) -> Settings:
        """Return settings with a store of its own."""
        return Settings(workspace=self.base, cache=self.base / "cache", cores=1)

    def lock(self, *, require: Sequence[str] = (), upgrade: Sequence[str] = ()) -> Locked:
        """Make the lock, and write it as the command does."""
        self.write()
        made = lock(self.settings(), "shop", lambda _: None, Asked(require, upgrade))
        made.write()
        return made
