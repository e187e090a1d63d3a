"""The manifest: every component of an app, its version, and the digest of its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omnibuild.digests import Digest
from omnibuild.recipe.models import Recipe, Software
from omnibuild.sources.rootlock import Root


@dataclass(frozen=True)
class PythonComponent:
    """One installed Python distribution.

    Args:
        name: normalised project name.
        version: its version.
        file: the locked file it came from; empty for the app's own project.
        sha256: digest of that file, or of the project's tree.
    """

    name: str
    version: str
    file: str
    sha256: Digest


def manifest(
    recipe: Recipe,
    software: Sequence[Software],
    python: Sequence[PythonComponent],
    root: Root,
) -> dict[str, Any]:
    """Return the manifest of an app as JSON values."""
    return {
        "name": recipe.app.name,
        "version": recipe.app.version,
        "revision": recipe.package.revision,
        "license": recipe.app.license,
        "components": [
            {
                "name": component.name,
                "version": component.version,
                "license": component.license,
                "homepage": component.homepage,
                # Not where it was fetched from: another mirror gives the same bytes.
                "source": {"sha256": component.source.sha256},
            }
            for component in software
        ],
        "python": [asdict(component) for component in python],
        "root": {"suite": root.suite, "lock": root.identity},
    }
