"""The row of rpm's format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from omnibuild.package.compression import libraries_of
from omnibuild.package.formats.format import Format, symbols_payload, whole
from omnibuild.package.relations import relation_faults
from omnibuild.package.rpm.relations import say_as_rpm
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Rpm
from omnibuild.tree import Tree


def _faults(metadata: Metadata) -> Iterator[Fault]:
    return relation_faults(metadata, "rpm", say_as_rpm)


def _symbols(payload: Payload, settings: Rpm, root: Path, tree: Tree) -> Payload:
    found = symbols_payload(payload, root, tree, "-debuginfo")
    return replace(found, metadata=replace(found.metadata, group="Development/Debug"))


RPM: Final = Format(
    Rpm, lambda settings: libraries_of("zstd"), _faults, whole(write_rpm), symbols=_symbols
)
