"""A finished package file and what identifies it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omnibuild.digests import Digest


@dataclass(frozen=True)
class Artifact:
    """One package file.

    Args:
        size: bytes of the file.
        digest: SHA-256 of the file.
    """

    path: Path
    size: int
    digest: Digest

    @property
    def checksum_line(self) -> str:
        """The line that ``sha256sum --check`` reads."""
        return f"{self.digest}  {self.path.name}\n"
