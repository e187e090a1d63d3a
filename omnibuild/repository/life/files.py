"""Which files a channel lists, and where they lie in the repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, Where
from omnibuild.repository import layout
from omnibuild.repository.state.channel import Channel, Index
from omnibuild.repository.state.entries import NOARCH, Deb, Download, Rpm
from omnibuild.repository.targets.target import Target

CHANGED = "it is not what was published"


@dataclass(frozen=True)
class File:
    """What hosts fetch.

    Args:
        path: where it lies.
        size: in bytes; None where nothing tells it.
    """

    path: str
    size: int | None
    digest: Digest


def files_of(name: str, content: Channel) -> Iterator[File]:
    """Yield the files that a channel lists."""
    for _, files in places_of(name, content):
        yield from files


def places_of(name: str, content: Channel) -> Iterator[tuple[Deb | Rpm | Download, list[File]]]:
    """Yield what a channel lists, and where the file of each lies."""
    for suite in content.suites.values():
        for deb in suite:
            yield deb, [deb_file(deb)]
    for tree, index in content.trees.items():
        for architecture, rpms in index.lists.items():
            directories = directories_of(name, tree, index, architecture)
            for rpm in rpms:
                yield rpm, rpm_files(rpm, directories)
    for item in content.downloads:
        yield item, [download_file(item)]


def manifests_of(name: str, content: Channel) -> dict[Digest, list[File]]:
    """Return the manifests of what a channel lists, and the files that they are made of."""
    found: dict[Digest, list[File]] = {}
    for entry, files in places_of(name, content):
        if entry.manifest:
            found.setdefault(entry.manifest, []).extend(files)
    return found


def manifest_file(digest: Digest) -> File:
    """Return where a manifest lies; nothing tells its size."""
    return File(layout.manifest(digest), None, digest)


def deb_file(deb: Deb) -> File:
    """Return where a .deb lies."""
    return File(f"{layout.APT}/{deb.path}", deb.size, deb.digest)


def rpm_files(rpm: Rpm, directories: Sequence[str]) -> list[File]:
    """Return where an .rpm lies: once in each directory that lists it."""
    return [File(f"{each}/{rpm.path}", rpm.size, rpm.digest) for each in directories]


def download_file(item: Download) -> File:
    """Return where a tarball or a PEX file lies."""
    return File(layout.download_path(item.name), item.size, item.digest)


def directories_of(
    channel: str, tree: str, index: Index[Rpm], architecture: str
) -> tuple[str, ...]:
    """Return the directories that list the packages of an architecture."""
    names = index.architectures if architecture == NOARCH else (architecture,)
    return tuple(layout.yum_directory(channel, tree, each) for each in names)


def wrong_files(
    target: Target, listed: Mapping[str, File], *, deep: bool
) -> tuple[int, dict[str, str]]:
    """Return how many bytes files have, and what is wrong with them, by their paths.

    Args:
        target: the repository.
        listed: the files by their paths.
        deep: whether each is read whole, and not only asked for its size.
    """
    sizes: dict[str, int] = {}
    for directory in {path.rpartition("/")[0] for path in listed}:
        sizes |= {f"{directory}/{name}": n for name, n in target.sizes(directory).items()}
    wrong = {}
    for path, file in sorted(listed.items()):
        size = sizes.get(path)
        if size is None:
            wrong[path] = "it is gone"
        elif file.size is not None and size != file.size:
            wrong[path] = f"it has {size} bytes, and had {file.size}"
    whole = [path for path in sorted(listed) if path not in wrong] if deep else []
    for path, found in target.read_digests(whole).items():
        if found != listed[path].digest:
            wrong[path] = f"{CHANGED}\nexpected {listed[path].digest}\nfound    {found}"
    return sum(sizes.get(path, 0) for path in listed), wrong


def check_there(target: Target, file: File) -> None:
    """Raise :class:`RepositoryError` for a file that is gone."""
    if not target.exists(file.path):
        raise _gone(target, file)


def check_download(target: Target, item: Download) -> None:
    """Raise :class:`RepositoryError` if a file, or the list of its layers, is gone."""
    check_there(target, download_file(item))
    if item.layers:
        check_there(target, File(layout.layer_list(item.layers), 0, item.layers))


def spread(target: Target, source: Sequence[File], to: Sequence[File]) -> None:
    """Have a file at all its places.

    Args:
        target: the repository.
        source: where it may be.
        to: where it shall be: what is there already stays.

    Raises :class:`RepositoryError` when it is nowhere what it was when it was published.
    """
    found = next((each for each in source if target.digest(each.path) == each.digest), None)
    if found is None:
        raise _gone(target, source[0])
    for each in to:
        if target.digest(each.path) != each.digest:
            target.copy(found.path, each.path)


def _gone(target: Target, file: File) -> RepositoryError:
    return RepositoryError(
        "a package is gone, or not what was published",
        where=Where(target.place(file.path)),
        why=f"published: {file.digest}, {file.size} bytes",
        hint="publish the same file again",
    )
