"""Architectures of processors, and what each world calls them: one row is all that is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """One architecture.

    Args:
        name: as people and this program's messages say it.
        elf: the number in ELF files (``e_machine``).
        loader: path of glibc's loader, which programs ask for.
        dpkg: what debs and Debian's archive call it.
        rpm: what rpms and yum trees call it.
        wheels: what ``uname``, markers and the tags of wheels call it, after ``manylinux_2_31_``.
        oci: what registries of images call it.
        node: what Node.js and npm's locks call it.
    """

    name: str
    elf: int
    loader: str
    dpkg: str
    rpm: str
    wheels: str
    oci: str
    node: str


AMD64 = Architecture(
    name="x86-64",
    elf=62,
    loader="/lib64/ld-linux-x86-64.so.2",
    dpkg="amd64",
    rpm="x86_64",
    wheels="x86_64",
    oci="linux/amd64",
    node="x64",
)
ARM64 = Architecture(
    name="aarch64",
    elf=183,
    loader="/lib/ld-linux-aarch64.so.1",
    dpkg="arm64",
    rpm="aarch64",
    wheels="aarch64",
    oci="linux/arm64",
    node="arm64",
)

ARCHITECTURES = (AMD64, ARM64)
# The one that roots, components and wheels are for so far.
TARGET = AMD64


def of_package(name: str) -> Architecture | None:
    """Return what dpkg or rpm calls so; None for others."""
    return next((one for one in ARCHITECTURES if name in (one.dpkg, one.rpm)), None)
