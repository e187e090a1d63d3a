"""Which suite or yum tree a package belongs to: platforms and the package's own version say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omnibuild.errors import PackageError, Where
from omnibuild.recipe.models import Platform
from omnibuild.repository import layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.clients.systems import APT, HostSystem
from omnibuild.repository.intake import DEB, Submission
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import NOARCH
from omnibuild.repository.state.head import Repository


def declare_platforms(
    repository: Repository, content: Channel, channel: str, platforms: Iterable[Platform]
) -> None:
    """Have a place for every platform, also while it is empty, so that its hosts can be set up."""
    for platform in platforms:
        if platform.deb:
            suite = content.suite(f"{channel}{platform.deb.suite_suffix}")
            suite.add_architecture(platform.deb.architecture)
            place, architecture = platform.deb.suite_suffix, platform.deb.architecture
        elif platform.rpm:
            tree = content.tree(platform.rpm.tree)
            tree.add_architecture(platform.rpm.architecture)
            place, architecture = platform.rpm.tree, platform.rpm.architecture
        elif platform.tar:
            place, architecture = layout.DOWNLOADS, platform.tar.architecture
        else:
            continue
        name = platform.rpm.tree if platform.rpm else platform.name
        system = HostSystem(name, platform.title, architecture, place, platform.glibc)
        repository.systems[f"{name}/{architecture}"] = system


def untaken(submissions: Iterable[Submission], repository: Repository) -> list[str]:
    """Return the .deb files of architectures that no platform has, as people call them."""
    systems = repository.systems.values()
    known = {ALL, *(each.architecture for each in systems if each.family == APT)}
    debs = [each for each in submissions if each.format == DEB]
    return [each.title for each in debs if systems and each.architecture not in known]


def suite_for(version: str, channel: str, platforms: Iterable[Platform]) -> str:
    """Return the suite of a .deb: its revision says whether it is for one platform only."""
    for platform in platforms:
        deb = platform.deb
        if deb and deb.revision_suffix and version.endswith(deb.revision_suffix):
            return f"{channel}{deb.suite_suffix}"
    return channel


def trees_for(submission: Submission, platforms: Sequence[Platform]) -> list[str]:
    """Return the yum trees of an .rpm: the one its release names, else all of its architecture.

    Raises :class:`PackageError` when no platform can take it.
    """
    architectures: dict[str, set[str]] = {}
    for platform in platforms:
        if platform.rpm:
            architectures.setdefault(platform.rpm.tree, {NOARCH}).add(platform.rpm.architecture)
    trees = [tree for tree, known in architectures.items() if submission.architecture in known]
    named = [tree for tree in trees if submission.version.endswith(f".{tree}")]
    if not trees:
        raise PackageError(
            f"no platform takes rpm packages for {submission.architecture}",
            where=Where(str(submission.source)),
            hint="define one: a file in platforms/ with an [rpm] table",
        )
    return named or trees
