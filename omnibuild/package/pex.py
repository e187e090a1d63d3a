"""PEX files: zip archives that a Python starts."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.package.decompression import MOST_BYTES
from omnibuild.package.reading import reading
from omnibuild.regular import open_regular

# What says how to start it.
_INFO: Final = "PEX-INFO"


def check_pex(path: Path) -> None:
    """Read a PEX file from its first byte to its last; raises :class:`PackageError`."""
    with reading(path):
        try:
            with open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
                members = archive.infolist()
                if sum(member.file_size for member in members) > MOST_BYTES:
                    raise PackageError(f"it unpacks to more than {MOST_BYTES} bytes")
                if _INFO not in archive.namelist():
                    raise PackageError(f"it has no {_INFO}")
                damaged = archive.testzip()
        except (
            *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
            *(NotImplementedError, RuntimeError, ValueError),
        ) as error:
            raise PackageError("it is no zip archive", why=str(error)) from error
        if damaged:
            raise PackageError(f"it is damaged at {damaged!r}")
