"""The front end of an app as actions: node, npm packages, the build."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omnibuild.blueprint.components import Components
from omnibuild.blueprint.wanted import NODE_WHEEL
from omnibuild.errors import LockError, Where
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.plan.graph import Action
from omnibuild.recipe.building.npmlock import NpmPackage, npm_packages
from omnibuild.recipe.lock import Lock
from omnibuild.recipe.models import Build, Node, Recipe
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.sources.snapshot import snapshot
from omnibuild.store.results import Output


def node_wheel(locked: Iterable[LockedFile], lock: Lock) -> LockedFile:
    """Return node among what a lock has to bundle a front end.

    Raises :class:`LockError` when it is not pinned as a wheel.
    """
    for file in locked:
        if file.package == NODE_WHEEL and file.name.endswith(".whl"):
            return file
    what = f"the lock pins no wheel of {NODE_WHEEL}, which bundles the front end"
    raise LockError(what, where=Where(lock.file), hint=f"run: {lock.make}")


@dataclass(frozen=True)
class FrontEnd:
    """The front end of an app.

    Args:
        actions: all that it takes.
        last: the name of the action that makes it.
        packages: what is in it, or made it.
    """

    actions: tuple[Action, ...]
    last: str
    packages: tuple[NpmPackage, ...]

    def described(self) -> list[dict[str, Any]]:
        """Return what the manifest says of it, as JSON values."""
        # Not where it was fetched from: another registry gives the same bytes.
        return [
            {key: value for key, value in asdict(one).items() if key != "url"}
            for one in self.packages
        ]


def front_end(
    recipe: Recipe,
    directory: Path,
    build: Build,
    node: Node,
    components: Components,
    wheel: LockedFile,
    fetched: str,
) -> FrontEnd:
    """Plan a front end.

    Args:
        recipe: the app.
        directory: of its project.
        build: its table ``[build]``.
        node: its table ``[build.node]``.
        components: has the root.
        wheel: node.
        fetched: the action that fetches it.

    Raises :class:`LockError` when a package is not pinned by a digest.
    """
    place = directory / node.directory
    packages = npm_packages(place)
    source = _source(f"source:{recipe.app.name}/{node.directory}", place)
    tarballs = {
        f"{one.name}@{one.version}": _tarball(one, wheel, fetched, place) for one in packages
    }
    last = Action(
        f"node:{recipe.app.name}{components.place}",
        "node",
        {
            "run": node.run,
            "output": node.output,
            "target": node.target,
            "environment": {**FIXED_ENVIRONMENT, **build.environment},
        },
        {
            "root": components.root,
            "source": source.name,
            "node": fetched,
            **{f"npm:{name}": action.name for name, action in tarballs.items()},
        },
    )
    return FrontEnd((source, *tarballs.values(), last), last.name, packages)


def _source(name: str, directory: Path) -> Action:
    digest = snapshot(directory).digest
    places, output = {"directory": str(directory)}, Output("tree", digest)
    return Action(name, "snapshot", {"digest": digest}, places=places, output=output)


def _tarball(package: NpmPackage, wheel: LockedFile, fetched: str, directory: Path) -> Action:
    return Action(
        # Of one version two locks may have other bytes.
        f"npm:{package.name.lstrip('@')}-{package.version}#{package.sha512[:8]}",
        "npm",
        {"sha512": package.sha512},
        after=(fetched,),
        places={
            "url": package.url,
            "name": package.name,
            "version": package.version,
            "node": wheel.sha256,
            "directory": str(directory),
        },
    )
