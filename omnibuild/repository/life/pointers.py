"""The files of a repository that become others under their names, all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omnibuild.repository import layout
from omnibuild.repository.hook import addresses
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.head import load
from omnibuild.repository.targets.target import Target

_DIRECTORIES = ("keys", layout.DOWNLOADS, layout.PACKAGES, f"{layout.APT}/dists", "yum")
_SIDECARS = (layout.CHECKSUM, layout.SIGNATURE)
_TOP = (
    layout.LANDING_PAGE,
    layout.PACKAGES_JSON,
    layout.INSTALLER,
    *(f"{layout.INSTALLER}{suffix}" for suffix in _SIDECARS),
)


def pointers(repository: Path | str) -> list[str]:
    """Return the addresses of all files that caches may have to forget.

    Raises :class:`RepositoryError` for what is no repository, :class:`HookError` when it has no
    address.
    """
    target = existing(repository)
    record = load(target).repository
    paths = [*filter(target.exists, _TOP), *_below(target, _DIRECTORIES)]
    base = record.base_url if record else ""
    return list(addresses(base, paths, target.place()))


def _below(target: Target, directories: tuple[str, ...]) -> Iterator[str]:
    for directory in directories:
        files = target.sizes(directory)
        yield from (
            path
            for path in (f"{directory}/{name}" for name in sorted(files))
            if not layout.is_immutable(path)
        )
        below = sorted({*target.names(directory)} - {*files})
        # Of directories like these nothing ever changes.
        yield from _below(
            target,
            tuple(
                path
                for path in (f"{directory}/{name}" for name in below)
                if not layout.is_immutable(f"{path}/x/x")
            ),
        )
