"""Sources of Python packages as actions: what builds them, what they say of themselves, wheels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omnibuild.blueprint.components import Components, fetch_package
from omnibuild.digests import Digest
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.plan.graph import Action
from omnibuild.recipe.models.locked import LockedFile, LockedTree
from omnibuild.recipe.models.needs import NO_NEEDS, SourceNeeds
from omnibuild.sources.snapshot import snapshot
from omnibuild.store.results import Output


class Builds:
    """Actions that build the sources of one app; they are collected in ``actions``.

    Args:
        app: its name.
        python: series of CPython.
        components: planned components; the interpreter, and what is to be linked, are among them.
        linked: names of components that sources are built with besides the interpreter.
    """

    def __init__(
        self, app: str, python: str, components: Components, linked: Iterable[str] = ()
    ) -> None:
        self.app, self.place = app, components.place
        self.interpreter = f"python-{python}"
        self.actions: dict[str, Action] = {}
        self._components = components
        self._linked = (self.interpreter, *linked)
        self._backends: dict[tuple[str, ...], str] = {}

    def add(self, action: Action) -> str:
        """Add an action; return its name."""
        self.actions[action.name] = action
        return action.name

    def inputs(self, *names: str) -> dict[str, str]:
        """Return what every step needs: the root, the interpreter and other components."""
        layers = self._components.closure(names or (self.interpreter,))
        return {
            "root": self._components.root,
            **{f"layer:{name}": self._components.action(name) for name in layers},
        }

    def fetch(self, file: LockedFile) -> str:
        """Return the action that fetches a file of a package."""
        return self.add(fetch_package(file))

    def snapshot(self, name: str, directory: Path) -> tuple[str, Digest]:
        """Return the action that takes a project as it is now, and the digest of that."""
        digest = snapshot(directory).digest
        action = Action(
            name=f"source:{name}",
            kind="snapshot",
            parameters={"digest": digest},
            places={"directory": str(directory)},
            output=Output("tree", digest),
        )
        return self.add(action), digest

    def checkout(self, tree: LockedTree) -> str:
        """Return the action that fetches a commit."""
        parameters = {
            "commit": tree.commit,
            "subdirectory": tree.directory,
            "digest": tree.digest,
        }
        return self.add(
            Action(
                name=f"source:{tree.package}",
                kind="checkout",
                parameters=parameters,
                places={"url": tree.repository},
                output=Output("tree", tree.digest) if tree.digest else None,
            )
        )

    def backend(self, name: str, files: Iterable[LockedFile]) -> str:
        """Return the action that lays out what builds a package; the same for the same files."""
        files = tuple(files)
        known = tuple(file.sha256 for file in files)
        if known not in self._backends:
            inputs = self.inputs()
            for file in files:
                inputs[f"backend:{file.name}"] = self.fetch(file)
            parameters = {"environment": FIXED_ENVIRONMENT}
            action = f"backend:{self.app}/{name}{self.place}"
            self._backends[known] = self.add(Action(action, "backend", parameters, inputs))
        return self._backends[known]

    def wheel(
        self,
        name: str,
        source: str,
        backend: str,
        told: Mapping[str, str],
        needs: SourceNeeds = NO_NEEDS,
        question: str = "",
    ) -> str:
        """Return the action that builds a package's wheel, or asks its backend instead.

        Args:
            name: of the package.
            source: the action that has its source.
            backend: the action that has what builds it.
            told: variables that its backend obeys.
            needs: what it is built with besides.
            question: what to ask: ``requires`` or ``metadata``.
        """
        more = (*needs.needs, *needs.build_needs)
        for component in more:
            self._components.add(component)
        environment = {
            name: text.replace("$PREFIX", LOGICAL_PREFIX)
            for name, text in needs.environment.items()
        }
        inputs = {
            **self.inputs(*self._linked, *more),
            "layer:build-backend": backend,
            "source": source,
        }
        parameters: dict[str, Any] = {"environment": {**FIXED_ENVIRONMENT, **environment, **told}}
        if question:
            parameters |= {"question": question}
            name = f"{name}:{question}"
        return self.add(Action(f"wheel:{self.app}/{name}{self.place}", "wheel", parameters, inputs))
