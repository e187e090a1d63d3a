"""The row of rpm's format."""

from __future__ import annotations

from typing import Final

from omnibuild.package.compression import libraries_of
from omnibuild.package.formats.format import Format, whole
from omnibuild.package.rpm.relations import KINDS, stated
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.payload.model import Metadata
from omnibuild.recipe.models import Rpm


def _check(metadata: Metadata) -> None:
    for kind in KINDS:
        stated(metadata, kind)


RPM: Final = Format(Rpm, lambda settings: libraries_of("zstd"), _check, whole(write_rpm))
