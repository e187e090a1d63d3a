"""Capturing what a step wrote below the prefix, exactly."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from omnibuild.errors import CaptureError
from omnibuild.execute.job import Job
from omnibuild.payload.placing import check_capture
from omnibuild.store.results import Output
from omnibuild.tree import Kind, Tree, scan

OPAQUE_ATTRIBUTES = ("user.overlay.opaque", "trusted.overlay.opaque")


def capture(component: str, upper: Path, layers: Mapping[str, Tree]) -> Tree:
    """Read what a component wrote, and refuse what touches its dependencies.

    Args:
        component: named in errors.
        upper: the directory that took everything written below the prefix.
        layers: trees of the components that were beneath, by name.

    Raises:
        CaptureError: it changed or removed a dependency's file.
    """
    _refuse_removals(component, upper)
    try:
        tree = scan(upper)
    except ValueError as error:
        raise CaptureError(f"{component} installed something strange", why=str(error)) from error
    _refuse_changes(component, tree, layers)
    return tree


def keep(job: Job, tree: Tree) -> Output:
    """Store the captured ``tree/files`` of a job with what placing needs to know about it."""
    directory = job.scratch / "tree"
    references = check_capture(directory / "files", tree)
    return job.store.add_scanned_tree(directory, tree, {"references": sorted(references)})


def require_installed(component: str, upper: Path) -> None:
    """Raise :class:`CaptureError` when a component wrote no file below the prefix."""
    if not any(names for _, _, names in os.walk(upper)):
        raise CaptureError(
            f"{component} installed nothing below $PREFIX",
            hint="let the last step install, for example: make install",
        )


def _refuse_removals(component: str, upper: Path) -> None:
    for directory, names, files in os.walk(upper):
        for name in [*files, *names]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            # Overlay marks a removed lower file by a character device 0:0 of its name.
            whiteout = stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
            if whiteout or (stat.S_ISDIR(status.st_mode) and _is_opaque(path)):
                raise CaptureError(
                    f"{component} removed a file of a dependency",
                    why=f"$PREFIX/{os.path.relpath(path, upper)}",
                    hint="layers are disjoint: leave files of dependencies alone",
                )


def _is_opaque(path: str) -> bool:
    return any(name in OPAQUE_ATTRIBUTES for name in os.listxattr(path, follow_symlinks=False))


def _refuse_changes(component: str, tree: Tree, layers: Mapping[str, Tree]) -> None:
    for owner, layer in layers.items():
        for entry in tree.entries:
            below = layer.by_path.get(entry.path)
            if below is None or (entry.kind is below.kind is Kind.DIRECTORY):
                continue
            raise CaptureError(
                f"{component} changed a file of {owner}",
                why=f"$PREFIX/{entry.path}",
                hint="layers are disjoint: install under another name, or remove the file",
            )
