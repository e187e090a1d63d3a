"""What a wheel unpacks to, told before anything of it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from omnibuild.errors import ArchiveError
from omnibuild.sources.extraction import LARGER, Limits


def check_size(wheel: Path, name: str, limits: Limits) -> None:
    """Raise :class:`ArchiveError` when a wheel holds more than it may.

    Its directory says it, and no more of a member is ever read than that says. What has no
    readable directory is no wheel, which whoever unpacks it will say.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = archive.infolist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return
    size = sum(member.file_size for member in members)
    if size > limits.size:
        raise ArchiveError(
            f"the wheel {name!r} holds {size} bytes, more than the {limits.size} that are allowed",
            hint=LARGER,
        )
    if len(members) > limits.entries:
        raise ArchiveError(
            f"the wheel {name!r} has {len(members)} files, more than {limits.entries}"
        )
