"""Hosts for tests: started when asked for, and gone afterwards whatever happened."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from omnibuild.files import TEMPORARY_PREFIX, remove_tree, scratch_directory
from tests.acceptance.hosts.bases import Base, cache_directory, make_base
from tests.acceptance.hosts.booted import BootedHost
from tests.acceptance.hosts.machine import ChrootHost, Host
from tests.acceptance.hosts.namespaces import remove_cgroups
from tests.acceptance.hosts.simulated_el import (
    HOST_BASE,
    ROOT_BASE,
    SimulatedElHost,
    SimulatedElRoot,
    simulated_el_tree,
)

# What a minimal Debian server has beyond minbase: an init, its bus, and something to download by.
BOOTED_PACKAGES = ("curl", "dbus", "systemd", "systemd-sysv")

EL_SERVER_PACKAGES = (*BOOTED_PACKAGES, "dnf", "rpm")

AnyHost = TypeVar("AnyHost", bound=Host)


def debian_root(suite: str, packages: tuple[str, ...] = ()) -> Path:
    """Return the cached tree of a bare Debian: essential packages, apt, and ``packages``."""
    return make_base(Base(f"debian-{suite}", suite, packages))


class HostPool(contextlib.AbstractContextManager["HostPool"]):
    """Starts hosts, and stops and removes them when the block ends.

    ``binds`` are directories of this machine and where the host sees them, read-only; what changes
    in them later is seen at once.
    """

    def __init__(self) -> None:
        self.hosts: list[Host] = []
        self._ending = contextlib.ExitStack()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.close()

    def debian(
        self,
        suite: str = "bookworm",
        *,
        packages: tuple[str, ...] = (),
        binds: Mapping[Path, str] | None = None,
    ) -> ChrootHost:
        """Start a bare Debian without systemd: ``bullseye``, ``bookworm`` or ``trixie``."""
        return self._start(ChrootHost, debian_root(suite, packages), f"debian-{suite}", binds)

    def booted(
        self,
        suite: str = "bookworm",
        *,
        packages: tuple[str, ...] = (),
        binds: Mapping[Path, str] | None = None,
        name: str = "server",
    ) -> BootedHost:
        """Boot a minimal Debian server with systemd; ``name`` is its host name."""
        packages = (*BOOTED_PACKAGES, *packages)
        tree = make_base(Base(f"debian-{suite}-booted", suite, packages))
        return self._start(BootedHost, tree, name, binds)

    def simulated_el(self, *, binds: Mapping[Path, str] | None = None) -> SimulatedElHost:
        """Start a simulated EL 9 that has dnf."""
        return self._start(SimulatedElHost, simulated_el_tree(HOST_BASE), "simulated-el9", binds)

    def booted_simulated_el(self, *, binds: Mapping[Path, str] | None = None) -> BootedHost:
        """Boot a simulated EL 9 server: dnf inside, systemd with EL's preset."""
        tree = simulated_el_tree(Base("debian-bookworm-booted-dnf", "bookworm", EL_SERVER_PACKAGES))
        return self._start(BootedHost, tree, "simulated-el9-server", binds)

    def simulated_el_root(self, *, binds: Mapping[Path, str] | None = None) -> SimulatedElRoot:
        """Start a simulated EL 9 base system for this machine's dnf to install into."""
        return self._start(SimulatedElRoot, simulated_el_tree(ROOT_BASE), "simulated-el9", binds)

    def _start(
        self, kind: type[AnyHost], base: Path, name: str, binds: Mapping[Path, str] | None
    ) -> AnyHost:
        scratch = self._ending.enter_context(scratch_directory(scratch_parent()))
        host = kind(base, scratch, name, binds)
        self._ending.callback(host.stop)
        self.hosts.append(host)
        host.start()
        return host


def scratch_parent() -> Path:
    """Return where the hosts' own files are kept while they run."""
    return cache_directory() / "running"


def remove_leftovers() -> None:
    """Remove what killed test runs have left; hosts of living ones hold a lock and are kept."""
    for scratch in scratch_parent().glob(f"{TEMPORARY_PREFIX}*"):
        # A directory this young may be about to be locked.
        if time.time() - scratch.stat().st_mtime < 60:
            continue
        descriptor = os.open(scratch, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_cgroups(scratch.name)
            remove_tree(scratch)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
