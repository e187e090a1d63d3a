"""Resolving an app's Python packages into a lock (PEP 751), by uv."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from omnibuild.errors import DefinitionError, LockError, ToolFailedError, Where
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool

UV = Tool("uv", "uv (or: pip install uv)", candidates=(Path(sys.executable).parent / "uv",))

# What the network and the index need to know; nothing else of the user's environment counts.
PASSED_ON = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "SSL_CERT_FILE", "HTTPS_PROXY")


def project_requirements(directory: Path) -> list[str]:
    """Return the requirements that a project's ``pyproject.toml`` declares.

    Raises :class:`DefinitionError` when there are none to read, or they are dynamic.
    """
    path = directory / "pyproject.toml"
    try:
        project: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise DefinitionError(
            "the project's requirements cannot be read",
            where=Where(str(path)),
            why=str(error),
            hint="a [project] table (PEP 621) lists them under `dependencies`",
        ) from error
    if "dependencies" in project.get("dynamic", ()):
        raise DefinitionError(
            "the project computes its requirements while it is built",
            where=Where(str(path)),
            hint="list them under `dependencies` in [project]",
        )
    return list(project.get("dependencies", ()))


def resolve(
    requirements: Sequence[str], python: str, glibc: str, from_source: Sequence[str] = ()
) -> str:
    """Return the text of a lock for CPython ``python`` on x86_64 Linux.

    Args:
        requirements: as in PEP 508.
        python: series, as ``3.13``.
        glibc: highest version that wheels may need, as ``2.31``.
        from_source: normalised names of packages that are compiled from their sdist.

    Raises:
        LockError: they cannot be satisfied together.
    """
    environment = {k: v for k, v in os.environ.items() if k in PASSED_ON}
    environment |= CLEAN_ENVIRONMENT | {"UV_NO_CACHE": "1", "UV_NO_CONFIG": "1"}
    try:
        done = UV.run(
            *("pip", "compile", "--quiet", "--no-header", "--format", "pylock.toml"),
            *("--python-version", python),
            *("--python-platform", f"x86_64-manylinux_{glibc.replace('.', '_')}"),
            "-",
            data="\n".join(requirements).encode(),
            environment=environment,
        )
    except ToolFailedError as error:
        raise LockError(
            "these packages cannot be resolved together",
            why=f"{', '.join(requirements)}\n{error.why}",
            hint="relax a requirement, or check the network",
        ) from error
    return render(tomllib.loads(done.stdout.decode()), from_source)


def render(resolved: Mapping[str, Any], from_source: Sequence[str] = ()) -> str:
    """Return a lock's text: of every file its name and digest, which any index can serve."""
    lines = [
        'lock-version = "1.0"',
        'created-by = "omnibuild"',
        f'requires-python = "{resolved["requires-python"]}"',
    ]
    for package in resolved["packages"]:
        lines += ["", "[[packages]]", f'name = "{package["name"]}"']
        lines.append(f'version = "{package["version"]}"')
        wheels = package.get("wheels", ())
        if wheels and package["name"] not in from_source:
            lines += ["wheels = [", *(f"    {_file(wheel)}," for wheel in wheels), "]"]
        elif "sdist" in package:
            lines.append(f"sdist = {_file(package['sdist'])}")
        else:
            raise LockError(f"{package['name']} has no source distribution to compile")
    return "\n".join(lines) + "\n"


def _file(entry: Mapping[str, Any]) -> str:
    name = entry.get("name") or unquote(urlsplit(entry["url"]).path.rsplit("/", 1)[-1])
    return f'{{ name = "{name}", hashes = {{ sha256 = "{entry["hashes"]["sha256"]}" }} }}'
