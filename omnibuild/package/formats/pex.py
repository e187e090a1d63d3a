"""The row of PEX files: an app's wheels in one file, for hosts that have its interpreter."""

from __future__ import annotations

from typing import Final

from omnibuild.package.formats.format import Format
from omnibuild.payload.model import Metadata
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Pex


def _faults(metadata: Metadata) -> tuple[Fault, ...]:
    """Nothing installs a PEX file that could heed what it says of others."""
    return ()


# What decides its bytes are the wheels and pex itself, which are inputs of the kind `pex`.
PEX: Final[Format[Pex]] = Format(Pex, lambda settings: {}, _faults, None)
