"""A finished package file and what identifies it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omnibuild.digests import Digest

Format = Literal["deb", "rpm", "tar"]


@dataclass(frozen=True)
class Artifact:
    """One package file.

    Args:
        version: as the format says it: with the revision where the format has one.
        architecture: as the format says it.
        size: bytes of the file.
        digest: SHA-256 of the file.
    """

    path: Path
    format: Format
    name: str
    version: str
    architecture: str
    size: int
    digest: Digest

    @property
    def checksum_line(self) -> str:
        """The line that ``sha256sum --check`` reads."""
        return f"{self.digest}  {self.path.name}\n"
