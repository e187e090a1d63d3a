"""Kinds of hosts that a repository has packages for."""

from __future__ import annotations

from msgspec import Struct

from omnibuild.repository import layout

APT, DNF, USER = "apt", "dnf", "user"
# Services from a tarball, on whatever system.
TARBALL = "tarball"


class HostSystem(Struct, frozen=True, order=True):
    """A kind of host, and where its packages are in a repository.

    Args:
        name: as hosts say it: ``ID-VERSION_ID`` of os-release for apt, the yum tree for dnf.
        title: what people call it.
        architecture: as dpkg or ``uname -m`` says it.
        place: suffix of the apt suite, or the yum tree, or where tarballs are.
        glibc: the newest that its packages may need, as the audit proves; empty: not known.
    """

    name: str
    title: str
    architecture: str
    place: str
    glibc: str = ""

    @property
    def family(self) -> str:
        """Its package manager, apt or dnf; or the user's own directories, which take tarballs."""
        if self.place == layout.DOWNLOADS:
            return USER
        return DNF if self.place == self.name else APT
