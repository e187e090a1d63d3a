"""What is said of a repository's own files when they cannot be read."""

from __future__ import annotations

from omnibuild.errors import RepositoryError, Where
from omnibuild.package.reading import NO_DOCUMENT
from omnibuild.repository.targets.target import Target

# What decoding raises for bytes that are no document of that kind.
UNREADABLE = NO_DOCUMENT


def unreadable(target: Target, path: str, why: str) -> RepositoryError:
    """Return the error for a state that is damaged or gone."""
    return RepositoryError(
        "the repository's own state cannot be read",
        where=Where(target.place(path)),
        why=why,
        hint="omnibuild repo repair makes it again of what hosts see; packages are untouched",
    )
