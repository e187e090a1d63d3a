"""Assembly: the union of placed trees, hard-linked into one payload."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from omnibuild import digests
from omnibuild.errors import CaptureError
from omnibuild.payload.globs import with_all_below
from omnibuild.recipe.located import Fault, FaultError
from omnibuild.tree import Entry, Kind, Tree, directories_above

# The part that [files] brings: it is laid out as hosts have it.
HOST_PART = "host:files"


def lies_at(part: str, prefix: str) -> str:
    """Return where the tree of a part lies, relative to the host's ``/``, with a slash behind it.

    Args:
        part: its name.
        prefix: the app's directory on the host, as ``/opt/hello``.
    """
    return "" if part == HOST_PART else f"{prefix.lstrip('/')}/"


def paths_in(part: str, tree: Tree, prefix: str) -> Iterator[str]:
    """Yield where the entries of a part lie, relative to the host's ``/``."""
    below = lies_at(part, prefix)
    return (f"{below}{entry.path}" for entry in tree.entries)


@dataclass(frozen=True)
class Part:
    """One placed tree of a payload.

    Args:
        name: the component or package, for errors.
        tree: what it holds, relative to the app's prefix, or to where :func:`lies_at` says.
        directory: where its files are.
        prune: globs relative to the prefix; what they match, and all below it, is left out.
    """

    name: str
    tree: Tree
    directory: Path
    prune: tuple[str, ...] = ()


def part_of(package: str, parts: Iterable[str]) -> str:
    """Return the name of the part that a Python package is, however it is written, or nothing."""
    wanted = canonicalize_name(package)
    return next((name for name in parts if _package(name) == wanted), "")


def _package(part: str) -> str:
    kind, _, name = part.partition(":")
    return canonicalize_name(name) if kind == "python" else ""


@dataclass(frozen=True)
class GeneratedFile:
    """A file that omnibuild writes itself: its content, its permission bits, whose it is."""

    content: bytes
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it."""
        return bool(self.mode & stat.S_IROTH)


def assemble(
    parts: Sequence[Part],
    prefix: str,
    generated: Mapping[str, GeneratedFile],
    symlinks: Mapping[str, str],
    target: Path,
) -> Tree:
    """Make the file system of a payload at ``target``.

    Args:
        parts: placed trees; where two hold the same path, it must be the same file.
        prefix: the app's directory on the host, as ``/opt/hello``.
        generated: host path to the files of the host integration.
        symlinks: host path to what the symlink says.
        target: directory that stands for the host's ``/``; it is made.

    Returns:
        the tree of ``target``, without reading any file again.

    Raises:
        CaptureError: two parts, or a part and a generated file, differ in the same path, or one
            lies below another that is no directory, or two parts want different permissions of a
            directory.
        FaultError: a file of ``[files]`` is where a part, or a generated file, is already.
    """
    entries: dict[str, tuple[str, Entry]] = {}
    sources = _unite(entries, parts, prefix)
    for path, file in generated.items():
        digest = digests.of_bytes(file.content)
        entry = Entry(path.lstrip("/"), Kind.FILE, file.mode, len(file.content), digest)
        _claim(entries, "the host integration", entry)
    for path, says in symlinks.items():
        _claim(
            entries,
            "the host integration",
            Entry(path.lstrip("/"), Kind.SYMLINK, 0o777, target=says),
        )
    _add_parents(entries)
    tree = Tree.of(entry for _, entry in entries.values())
    contents = {path.lstrip("/"): file.content for path, file in generated.items()}
    _write(tree, sources, contents, target)
    return tree


def union(parts: Sequence[Part], prefix: str) -> Tree:
    """Return the tree that parts make together, as :func:`assemble` does without anything else."""
    entries: dict[str, tuple[str, Entry]] = {}
    _unite(entries, parts, prefix)
    _add_parents(entries)
    return Tree.of(entry for _, entry in entries.values())


def _unite(
    entries: dict[str, tuple[str, Entry]], parts: Sequence[Part], prefix: str
) -> dict[str, str]:
    """Add the entries of parts, with who brings them; return where their contents are."""
    sources: dict[str, str] = {}
    for part in parts:
        base = lies_at(part.name, prefix)
        for entry, source in _kept(part):
            path = f"{base}{entry.path}"
            target_path = f"{base}{entry.target}" if entry.kind is Kind.HARDLINK else entry.target
            moved = Entry(path, entry.kind, entry.mode, entry.size, entry.digest, target_path)
            _claim(entries, part.name, moved)
            sources[path] = source
    return sources


def _claim(entries: dict[str, tuple[str, Entry]], owner: str, entry: Entry) -> None:
    other, existing = entries.get(entry.path, ("", None))
    if existing is None:
        entries[entry.path] = (owner, entry)
    elif entry == existing and entry.kind is Kind.FILE:
        return  # the same bytes: packages of one family often carry the same file
    elif not (existing.kind is entry.kind is Kind.DIRECTORY):
        if HOST_PART in (other, owner):
            brings = owner if other == HOST_PART else other
            what = f"/{entry.path} is taken already: it comes with {brings}"
            hint = "give the one of [files] another name"
            raise FaultError(Fault(("files", f"/{entry.path}"), what, hint, in_key=True))
        raise CaptureError(
            f"{other} and {owner} both want to install {entry.path}",
            hint=f"prune the file from one of them; {where_pruned(owner)}",
        )
    elif existing.mode != entry.mode:
        raise CaptureError(
            f"{other} and {owner} want different permissions of the directory {entry.path}",
            why=f"{existing.mode:04o} and {entry.mode:04o}",
            hint="let one of them change its mode in its last step",
        )


def kept(part: Part) -> list[Entry]:
    """Return the entries of a part that are not pruned."""
    if not part.prune:
        return list(part.tree.entries)
    survivors = _survivors(part)
    return [entry for entry in part.tree.entries if entry.path in survivors]


def installed_sizes(parts: Iterable[Part]) -> dict[str, int]:
    """Return how many bytes each part installs; what two have in common counts for the first."""
    seen: set[str] = set()
    sizes: dict[str, int] = {}
    for part in parts:
        own = [entry for entry in kept(part) if entry.path not in seen]
        sizes[part.name] = sum(entry.size for entry in own if entry.kind is Kind.FILE)
        seen |= {entry.path for entry in own}
    return sizes


def where_pruned(owner: str) -> str:
    """Say where globs of what is left out belong, by the name of the part that brought it."""
    kind, _, name = owner.rpartition(":")
    if owner == HOST_PART:
        return "or give the one of [files] another place"
    if kind == "recipe":
        return "or let [build] write it under another name"
    where = f"[python.prune], under {name!r}" if kind == "python" else "`prune` of its definition"
    return f"globs below the app's directory go into {where}"


def _kept(part: Part) -> list[tuple[Entry, str]]:
    """Return the entries of a part that are not pruned, and where their content is."""
    kept: list[tuple[Entry, str]] = []
    promoted: dict[str, str] = {}
    survivors = _survivors(part)
    # A directory goes with all that was in it; one that was installed empty stays.
    filled = {entry.path.rpartition("/")[0] for entry in part.tree.entries}
    leaves = {path for path in survivors if path not in filled}
    needed = leaves | directories_above(leaves)
    for entry in part.tree.entries:
        if entry.path not in survivors:
            continue
        if entry.kind is Kind.DIRECTORY and entry.path not in needed:
            continue
        source = f"{part.directory}/{entry.path}"
        if entry.kind is Kind.HARDLINK and entry.target not in survivors:
            entry = _promote(part, entry, promoted)
        kept.append((entry, source))
    return kept


def _promote(part: Part, entry: Entry, promoted: dict[str, str]) -> Entry:
    """Let the first surviving name of a pruned file carry its content."""
    first = promoted.setdefault(entry.target, entry.path)
    if first != entry.path:
        return replace(entry, target=first)
    content = part.tree.by_path[entry.target]
    return replace(entry, kind=Kind.FILE, size=content.size, digest=content.digest, target="")


def _survivors(part: Part) -> set[str]:
    """Return the paths that no glob matches, nor any directory above them."""
    paths = [entry.path for entry in part.tree.entries]  # parents come before children
    return set(paths) - with_all_below(part.prune, paths).keys()


def _add_parents(entries: dict[str, tuple[str, Entry]]) -> None:
    """Add the directories that are missing; nothing lies beyond what is none.

    A build step may have left a symlink to a directory of this machine where we write a file.
    """
    parents = directories_above(entries)
    for parent in sorted(parents & entries.keys()):
        other, existing = entries[parent]
        if existing.kind is not Kind.DIRECTORY:
            below = next(path for path in sorted(entries) if path.startswith(f"{parent}/"))
            raise CaptureError(
                f"{other} installs {parent}, which is no directory, and {entries[below][0]} wants"
                f" to install {below}",
                hint=f"leave {parent} out, or make it a directory",
            )
    for parent in parents - entries.keys():
        entries[parent] = ("", Entry(parent, Kind.DIRECTORY, 0o755))


def _write(
    tree: Tree, sources: Mapping[str, str], contents: Mapping[str, bytes], target: Path
) -> None:
    target.mkdir(parents=True)
    base = str(target)
    for entry in tree.entries:
        path = f"{base}/{entry.path}"
        if entry.kind is Kind.DIRECTORY:
            os.mkdir(path, 0o755)
        elif entry.kind is Kind.SYMLINK:
            os.symlink(entry.target, path)
        elif entry.path in contents:
            Path(path).write_bytes(contents[entry.path])
            os.chmod(path, entry.mode)
        else:
            os.link(sources[entry.path], path)
    # Last, since a directory may be one that even its owner must not write to.
    for entry in reversed(tree.entries):
        if entry.kind is Kind.DIRECTORY:
            os.chmod(f"{base}/{entry.path}", entry.mode)
