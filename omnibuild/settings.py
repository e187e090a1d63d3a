"""What a run of omnibuild was told, resolved once and handed down."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Resolved settings.

    Args:
        workspace: directory with ``recipes/`` and perhaps ``software/``, ``platforms/`` ….
        cache: directory of the store.
        cores: how many processes to keep busy.
        keep_going: after a failure go on with all that does not depend on it.
    """

    workspace: Path
    cache: Path
    cores: int
    keep_going: bool = False


def default_cache() -> Path:
    """Return the store's directory: ``OMNIBUILD_CACHE``, or below the user's cache directory."""
    chosen = os.environ.get("OMNIBUILD_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "omnibuild"


def default_key() -> Path:
    """Return where the signing key is: ``OMNIBUILD_KEY``, or below the user's configuration."""
    chosen = os.environ.get("OMNIBUILD_KEY")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base).absolute() / "omnibuild" / "signing.key"


def default_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
