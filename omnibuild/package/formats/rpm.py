"""The row of rpm's format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from omnibuild.package.compression import libraries_of
from omnibuild.package.formats.format import Format, symbols_payload, whole
from omnibuild.package.rpm.relations import KINDS, stated
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Rpm
from omnibuild.tree import Tree


def _check(metadata: Metadata) -> None:
    for kind in KINDS:
        stated(metadata, kind)


def _symbols(payload: Payload, settings: Rpm, root: Path, tree: Tree) -> Payload:
    found = symbols_payload(payload, root, tree, "-debuginfo")
    return replace(found, metadata=replace(found.metadata, group="Development/Debug"))


RPM: Final = Format(
    Rpm, lambda settings: libraries_of("zstd"), _check, whole(write_rpm), symbols=_symbols
)
