"""The manifest: every component of an app, its version, and the digest of its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omnibuild.digests import Digest
from omnibuild.recipe.models import Recipe, Software, Source
from omnibuild.sources.roots.lock import Root, RootLock
from omnibuild.transfer.credentials import without_login


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
    with_compiler: bool = False,
    npm: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the manifest of an app as JSON values.

    Args:
        recipe: the app.
        software: the components that were compiled.
        python: the distributions that are installed.
        root: what everything is compiled in.
        with_compiler: whether libraries of the root's compiler are among the components.
        npm: the packages that its front end is made of, or by.
    """
    return {
        "name": recipe.app.name,
        "version": recipe.app.release,
        "revision": recipe.package.revision,
        **({"epoch": recipe.package.epoch} if recipe.package.epoch else {}),
        "license": recipe.app.license,
        # Only a release says so: what is built in between stays as it is.
        **({"profile": recipe.build.profile} if recipe.build and recipe.build.profile else {}),
        "components": [
            {
                "name": component.name,
                "version": component.version,
                "license": component.license,
                "homepage": component.homepage,
                # Not where it was fetched from: another mirror gives the same bytes.
                "source": _source(component.source),
            }
            for component in software
        ]
        + ([_compiler(root)] if with_compiler else []),
        "python": [asdict(component) for component in python],
        **({"npm": [dict(package) for package in npm]} if npm else {}),
        "root": {"suite": root.suite, "lock": root.identity},
    }


def _compiler(root: Root) -> dict[str, Any]:
    return {
        "name": "gcc",
        "version": compiler_version(root),
        "license": "GPL-3.0-or-later WITH GCC-exception-3.1",
        "homepage": "https://gcc.gnu.org/",
        # Nothing was compiled: they are the root's own.
        "source": {"root": root.identity},
    }


def compiler_version(root: Root) -> str:
    """Return the version of a root's compiler.

    Empty for a root that somebody else made: of that only its digest is known.
    """
    packages = root.packages if isinstance(root, RootLock) else ()
    return "".join(each.version for each in packages if each.name == "libgcc-s1")


def without_compiler(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without the libraries of the root's compiler."""
    components = [each for each in manifest["components"] if "root" not in each["source"]]
    return {**manifest, "components": components}


def _source(source: Source) -> dict[str, str]:
    if source.git:
        return {"git": without_login(source.git), "commit": source.commit}
    return {"sha256": source.sha256}
