"""What a run of omnibuild was told, resolved once and handed down."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SandboxName = Literal["auto", "bubblewrap", "docker", "podman"]

# A step that hangs must not hold a build farm for ever; nothing known takes that long.
DEFAULT_STEP_SECONDS = 4 * 3600.0

# More than anything known needs, less than fills a disk: a build of LLVM prints a few megabytes,
# the largest wheels of the index have three gigabytes and unpack to twice that.
DEFAULT_LOG = 256_000_000
DEFAULT_DOWNLOAD = 8_000_000_000
DEFAULT_UNPACKED = 16_000_000_000


@dataclass(frozen=True)
class RemoteSettings:
    """A remote cache.

    Args:
        url: a directory, ``https://…`` or ``s3://bucket/prefix?endpoint=…``; empty: none.
        push: whether what is made here goes there.
        trusted: files of public keys; only results that one of them signed are taken.
        sign_with: name of the key that signs what goes there, or none.
    """

    url: str = ""
    push: bool = False
    trusted: tuple[Path, ...] = ()
    sign_with: str = ""


@dataclass(frozen=True)
class Settings:
    """Resolved settings.

    Args:
        workspace: directory with ``recipes/`` and perhaps ``software/``, ``platforms/`` ….
        cache: directory of the store.
        cores: how many processes to keep busy.
        step_seconds: wall time after which a step is ended, unless its definition says otherwise.
        step_memory: bytes that a step's processes may hold together, likewise; 0: no limit.
        log: bytes that an action may print.
        download: bytes that one downloaded file may have.
        unpacked: bytes that one archive or wheel may unpack to.
        release: whether what is built is to be released: as the profile `release` says.
        keep_going: after a failure go on with all that does not depend on it.
        sandbox: what isolates steps: ``auto``, ``bubblewrap``, ``docker`` or ``podman``.
        remote: the remote cache.
    """

    workspace: Path
    cache: Path
    cores: int
    step_seconds: float = DEFAULT_STEP_SECONDS
    step_memory: int = 0
    log: int = DEFAULT_LOG
    download: int = DEFAULT_DOWNLOAD
    unpacked: int = DEFAULT_UNPACKED
    release: bool = False
    keep_going: bool = False
    sandbox: SandboxName = "auto"
    remote: RemoteSettings = RemoteSettings()


def default_cache() -> Path:
    """Return the store's directory: ``OMNIBUILD_CACHE``, or below the user's cache directory."""
    chosen = os.environ.get("OMNIBUILD_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "omnibuild"


def default_key() -> str:
    """Return the signing key's name: ``OMNIBUILD_KEY``, or a file of the user's configuration."""
    chosen = os.environ.get("OMNIBUILD_KEY")
    if chosen:
        return chosen
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return str(Path(base).absolute() / "omnibuild" / "signing.key")


def default_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def default_remote() -> str:
    """Return the remote cache's URL: ``OMNIBUILD_REMOTE``, empty for none."""
    return os.environ.get("OMNIBUILD_REMOTE", "")


def default_trusted() -> tuple[Path, ...]:
    """Return the public keys that results must be signed by: ``OMNIBUILD_TRUST``, a path list."""
    listed = os.environ.get("OMNIBUILD_TRUST", "")
    return tuple(Path(path).absolute() for path in listed.split(os.pathsep) if path)
