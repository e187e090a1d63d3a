"""The row of images for container engines."""

from __future__ import annotations

from typing import Final

from omnibuild.package.compression import libraries_of
from omnibuild.package.formats.format import Format
from omnibuild.package.oci.writer import COMPRESSION, write_image
from omnibuild.payload.model import Metadata
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Oci


def _faults(metadata: Metadata) -> tuple[Fault, ...]:
    """Nothing installs an image beside others that it could heed."""
    return ()


OCI: Final = Format(
    Oci,
    lambda settings: libraries_of(COMPRESSION),
    _faults,
    write_image,
    apart=True,
    base=lambda settings: settings.base,
)
