"""What differs between the formats that nfpm writes: one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from omnibuild.package.identity import folded
from omnibuild.package.nfpm.relations import (
    WEAK,
    apk_relations,
    opkg_relations,
    pacman_relations,
    say_as_apk,
    say_as_opkg,
    say_as_pacman,
)
from omnibuild.package.nfpm.versions import (
    apk_version,
    check_revision,
    opkg_version,
    pacman_version,
)
from omnibuild.package.relations import Say, refused, relation_faults
from omnibuild.payload.model import Metadata
from omnibuild.recipe.located import Fault


@dataclass(frozen=True)
class Family:
    """One format of nfpm.

    Args:
        name: of the format: the table of platforms, and nfpm's packager.
        manager: the program that installs its packages.
        file_name: of a package, with ``{name}``, ``{version}``, ``{revision}``,
            ``{architecture}``.
        full_version: with the revision, by which the manager compares packages.
        version: an app's version in the format's words; raises :class:`PackageError`.
        relations: to other packages, by nfpm's keys; raises :class:`PackageError`.
        say: says one of them in the format's words.
        libc: what a package needs whose programs need the glibc ``{version}``.
        description: what a package says that it is.
        scripts: the format's names of scripts to those of nfpm.
        upgrades: the same of those that nfpm has in a table of the format.
        left_out: relations that it has no words for.
        epoch: whether versions have an epoch.
        numbered: whether a revision is a number and nothing else.
        packager: whether it says who made the package, besides who maintains it.
        protected: directory in which its manager keeps what the operator changed; empty when it
            does so for all that a package declares.
    """

    name: str
    manager: str
    file_name: str
    full_version: str
    version: Callable[[str], str]
    relations: Callable[[Metadata], dict[str, list[str]]]
    say: Say
    libc: str
    description: Callable[[Metadata], str]
    scripts: Mapping[str, str]
    left_out: tuple[str, ...]
    upgrades: Mapping[str, str]
    epoch: bool = True
    numbered: bool = True
    packager: bool = False
    protected: str = ""


def _summary(metadata: Metadata) -> str:
    return metadata.summary.strip()


def _summary_and_text(metadata: Metadata) -> str:
    return "\n".join([_summary(metadata), *(line.strip() for line in folded(metadata.description))])


def full_version(family: Family, metadata: Metadata) -> str:
    """Return the version of a package with all that it is compared by."""
    version = family.full_version.format(
        version=family.version(metadata.version), revision=metadata.revision
    )
    return f"{metadata.epoch}:{version}" if metadata.epoch else version


def faults(family: Family, metadata: Metadata) -> Iterator[Fault]:
    """Yield what of a recipe a format has no words for."""
    yield from refused(("app", "version"), family.version, metadata.version)
    if family.numbered:
        yield from refused(
            ("package", "revision"), check_revision, family.manager, metadata.revision
        )
    yield from relation_faults(metadata, family.name, family.say)
    if metadata.epoch and not family.epoch:
        what = f"packages for {family.manager} have no epoch, and this one has {metadata.epoch}"
        hint = "build it for other platforms only: package.platforms"
        yield Fault(("package", "epoch"), what, hint)


def _called(*names: str) -> dict[str, str]:
    return dict(zip(names, ("preinstall", "postinstall", "preremove", "postremove"), strict=True))


ARCHLINUX: Final = Family(
    name="archlinux",
    manager="pacman",
    file_name="{name}-{version}-{revision}-{architecture}.pkg.tar.zst",
    full_version="{version}-{revision}",
    version=pacman_version,
    relations=pacman_relations,
    say=say_as_pacman,
    libc="glibc>={version}",
    description=_summary,
    scripts=_called("pre_install", "post_install", "pre_remove", "post_remove"),
    upgrades={"pre_upgrade": "preupgrade", "post_upgrade": "postupgrade"},
    left_out=WEAK,
    packager=True,
)
APK: Final = Family(
    name="apk",
    manager="apk",
    file_name="{name}-{version}-r{revision}.apk",
    full_version="{version}-r{revision}",
    version=apk_version,
    relations=apk_relations,
    say=say_as_apk,
    libc="glibc>={version}",
    description=_summary,
    scripts=_called("pre-install", "post-install", "pre-deinstall", "post-deinstall"),
    upgrades={"pre-upgrade": "preupgrade", "post-upgrade": "postupgrade"},
    left_out=WEAK,
    epoch=False,
    protected="/etc",
)
IPK: Final = Family(
    name="ipk",
    manager="opkg",
    file_name="{name}_{version}-{revision}_{architecture}.ipk",
    full_version="{version}-{revision}",
    version=opkg_version,
    relations=opkg_relations,
    say=say_as_opkg,
    libc="libc6 (>= {version})",
    description=_summary_and_text,
    scripts=_called("preinst", "postinst", "prerm", "postrm"),
    upgrades={},
    left_out=("enhances",),
    numbered=False,
)
