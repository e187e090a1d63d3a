"""Places that a repository can be published to: a row each, and nobody else sees a path."""

from __future__ import annotations

from pathlib import Path

from omnibuild.repository.targets.target import Target

BUCKET = "s3://"


def open_target(place: str | Path) -> Target:
    """Return where a repository is; nothing is connected or made yet.

    Args:
        place: a directory, or ``s3://bucket/prefix?endpoint=https://host&region=r``.

    Raises :class:`UsageError` for anything else, :class:`MissingExtraError` without the library.
    """
    if str(place).startswith(BUCKET):
        from omnibuild.repository.targets.bucket import BucketTarget

        return BucketTarget.of(str(place))
    from omnibuild.repository.targets.directory import DirectoryTarget

    return DirectoryTarget.of(Path(place))
