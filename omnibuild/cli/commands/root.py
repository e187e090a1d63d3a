"""``omnibuild root lock``."""

from __future__ import annotations

import argparse
import json
import re
import sys

from omnibuild import files
from omnibuild.cli.common import settings_from
from omnibuild.errors import UsageError

IMAGE = "image:"


def run(arguments: argparse.Namespace) -> int:
    """Resolve a root and write its lock below the workspace."""
    if arguments.suite.startswith(IMAGE):
        return _lock_image(arguments, arguments.suite.removeprefix(IMAGE))
    return _lock_suite(arguments)


def _lock_suite(arguments: argparse.Namespace) -> int:
    if arguments.bare and not arguments.packages:
        raise UsageError("a bare root has the packages that are named, and none is")
    from omnibuild.sources.places import Places
    from omnibuild.sources.roots.lock import make_lock

    mirror = Places().debian_mirrors()[0]
    lock = make_lock(arguments.suite, arguments.packages, mirror, bare=arguments.bare)
    _write(
        arguments,
        arguments.name or arguments.suite,
        lock.to_json(),
        {"identity": lock.identity, "packages": len(lock.packages)},
        f"{len(lock.packages)} packages",
    )
    return 0


def _lock_image(arguments: argparse.Namespace, image: str) -> int:
    from omnibuild.sources.images import resolve_image

    if arguments.packages or arguments.bare:
        raise UsageError(
            "packages cannot be added to an image",
            hint="take an image that has a compiler, or a Debian suite and its packages",
        )
    name = arguments.name or re.sub("[^a-z0-9.]+", "-", image.rpartition("/")[2])
    root = resolve_image(image, name)
    found: dict[str, object] = {"identity": root.identity, "digest": root.digest}
    _write(arguments, name, root.to_json(), found, f"{image}@{root.digest}")
    return 0


def _write(
    arguments: argparse.Namespace, name: str, text: str, found: dict[str, object], summary: str
) -> None:
    path = settings_from(arguments).workspace / "roots" / f"{name}.lock.json"
    files.write_atomic(path, text)
    if arguments.json:
        sys.stdout.write(json.dumps({"lock": str(path), **found}) + "\n")
    else:
        sys.stdout.write(f"{path}: {summary}, identity {found['identity']}\n")
