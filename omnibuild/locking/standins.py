"""Wheels that stand for sources while versions are resolved: to uv nothing but their metadata."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from omnibuild.errors import LockError

if TYPE_CHECKING:
    from packaging.metadata import Metadata

# Bytes of metadata that are read; the longest known has half a million.
LARGEST = 8 << 20
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_WHEEL = "Wheel-Version: 1.0\nGenerator: omnibuild\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class Told:
    """What the source of a package says of itself, as far as resolving goes.

    Args:
        version: of the package.
        requires: what it requires; markers may ask for extras.
        extras: those it has.
        requires_python: what it runs on; empty: anything.
    """

    version: str
    requires: list[Requirement] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    requires_python: str = ""

    @classmethod
    def of(cls, metadata: Metadata) -> Told:
        """Return what metadata says."""
        return cls(
            str(metadata.version),
            list(metadata.requires_dist or ()),
            list(metadata.provides_extra or ()),
            str(metadata.requires_python or ""),
        )


def metadata_of(wheel: Path) -> Metadata:
    """Return what a wheel says of itself; raises :class:`LockError`."""
    from packaging.metadata import Metadata  # few locks have files at addresses

    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (n for n in archive.namelist() if _METADATA.fullmatch(n))
            with archive.open(name) as stream:
                return Metadata.from_email(stream.read(LARGEST), validate=False)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise LockError("what is at the address of a wheel is none", why=str(error)) from error


def write_stand_in(directory: Path, name: str, told: Told) -> Path:
    """Write a wheel that stands for a source; return where it is."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {told.version}"]
    lines += _each("Requires-Dist", told.requires)
    lines += _each("Provides-Extra", told.extras)
    if told.requires_python:
        lines.append(f"Requires-Python: {told.requires_python}")
    project = name.replace("-", "_")
    info = f"{project}-{told.version}.dist-info"
    path = directory / f"{project}-{told.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        file.writestr(f"{info}/WHEEL", _WHEEL)
        file.writestr(f"{info}/RECORD", "")
    return path


def _each(field_name: str, values: Iterable[object]) -> list[str]:
    return [f"{field_name}: {value}" for value in values]
