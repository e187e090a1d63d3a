"""What a format of packages is to the rest: a row of :mod:`omnibuild.package.formats`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import Effort
from omnibuild.payload.model import Metadata, Payload

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Format(Generic[Settings]):
    """One format of packages.

    Args:
        settings: what a platform says about it; the type says which format a platform has.
        elsewhere: keys of the settings, as in a definition, that change no byte of a file.
        libraries: versions of the libraries that decide the bytes of a file, by their names.
        check: refuses metadata that the format cannot express, before anything is built; raises
            :class:`PackageError`.
        write: writes a payload into a directory, with that effort to compress it; raises
            :class:`PackageError`.
    """

    settings: type[Settings]
    libraries: Callable[[Settings], Mapping[str, str]]
    check: Callable[[Metadata], None]
    write: Callable[[Payload, Settings, Path, Effort], Artifact]
    elsewhere: frozenset[str] = frozenset()
