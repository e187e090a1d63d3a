"""Damage as a disk does it: one bit is another, and no time tells."""

from __future__ import annotations

import os
from pathlib import Path


def flip(path: Path, offset: int, bit: int = 0) -> None:
    """Turn one bit of a file over, in place, and leave its times as they were."""
    before = path.stat()
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.seek(offset)
        (byte,) = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte ^ 1 << bit]))
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
