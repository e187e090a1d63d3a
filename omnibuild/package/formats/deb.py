"""The row of Debian's format."""

from __future__ import annotations

from typing import Final

from omnibuild.package.compression import libraries_of
from omnibuild.package.deb.control import relation_fields
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.formats.format import Format, whole
from omnibuild.payload.model import Metadata
from omnibuild.recipe.models import Debian


def _libraries(settings: Debian) -> dict[str, str]:
    # Its control archive is of gzip, whatever compresses the data.
    return libraries_of(settings.compression, "gzip")


def _check(metadata: Metadata) -> None:
    relation_fields(metadata.deb_relations)


# The suite it is published in does not change the file.
DEB: Final = Format(
    Debian, _libraries, _check, whole(write_deb), elsewhere=frozenset({"suite-suffix"})
)
