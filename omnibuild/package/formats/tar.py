"""The row of tarballs that run from any directory: the app's own tree and nothing else."""

from __future__ import annotations

from typing import Final

from omnibuild.package.compression import libraries_of
from omnibuild.package.formats.format import Format
from omnibuild.package.tar.writer import write_tar
from omnibuild.payload.model import Metadata
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Tar


def _faults(metadata: Metadata) -> tuple[Fault, ...]:
    """Nothing installs a tarball that could heed what it says of others."""
    return ()


TAR: Final = Format(
    Tar,
    lambda settings: libraries_of("zstd"),
    _faults,
    lambda payload, settings, making: write_tar(
        payload, settings, making.directory, making.effort, making.parts
    ),
    apart=True,
)
