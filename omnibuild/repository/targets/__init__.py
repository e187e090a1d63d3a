"""Places that a repository can be published to: a row each, and nobody else sees a path."""

from __future__ import annotations

from pathlib import Path

from omnibuild.repository.targets.ssh.address import SCHEME
from omnibuild.repository.targets.target import Target

BUCKET = "s3://"


def open_target(place: str | Path) -> Target:
    """Return where a repository is; nothing is connected or made yet.

    Args:
        place: a directory, ``s3://bucket/prefix?endpoint=https://host&region=r``, or
            ``ssh://user@host:port/directory``.

    Raises :class:`UsageError` for anything else, :class:`MissingExtraError` without the library.
    """
    if str(place).startswith(BUCKET):
        from omnibuild.repository.targets.bucket import BucketTarget

        return BucketTarget.of(str(place))
    if str(place).startswith(SCHEME):
        from omnibuild.repository.targets.ssh.target import SshTarget

        return SshTarget.of(str(place))
    from omnibuild.repository.targets.directory import DirectoryTarget

    return DirectoryTarget.of(Path(place))
