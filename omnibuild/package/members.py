"""What goes into an archive, in which order, and the one read of every file.

All formats take their entries from here, so that they agree: sorted by the bytes of the path,
parents before children, the first name of hard-linked files carrying the content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from omnibuild.errors import PackageError, Where
from omnibuild.package.identity import CONTROL_CHARACTER, is_utf8
from omnibuild.tree import Entry, Kind

READ_SIZE = 1 << 20

# Files come into being under a longer name: dpkg appends `.dpkg-new`, rpm `;` and eight digits, and
# to a configuration file that it keeps or replaces dpkg appends `.dpkg-dist`.
LONGEST_NAME, LONGEST_CONFIG_NAME = 255 - 9, 255 - 10
LONGEST_PATH = 4095 - len("/") - 10


def name_bytes(name: str) -> bytes:
    """Return a file name as the bytes it is on disk, also one that is not UTF-8."""
    return name.encode("utf-8", "surrogateescape")


def archive_members(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries in archive order, with missing parent directories added.

    Raises :class:`PackageError` for paths that would escape, collide or cannot be listed.
    """
    by_path: dict[str, Entry] = {}
    for entry in entries:
        _check_path(entry)
        if by_path.setdefault(entry.path, entry) is not entry:
            raise PackageError(f"two entries of the payload are called {entry.path!r}")
    _add_parents(by_path)
    _lead_with_first_names(by_path)
    return tuple(by_path[path] for path in sorted(by_path, key=name_bytes))


def below(members: Iterable[Entry], directory: str) -> Iterator[Entry]:
    """Yield those archive members that lie below ``directory``, as paths relative to it.

    Of hard links that reach out of the directory, the first name inside carries the content.
    """
    start = f"{directory}/"
    leaders: dict[str, str] = {}
    files: dict[str, Entry] = {}
    for member in members:
        if member.kind is Kind.FILE:
            files[member.path] = member
        if not member.path.startswith(start):
            continue
        path = member.path.removeprefix(start)
        if member.kind is Kind.FILE:
            leaders[member.path] = path
        elif member.kind is Kind.HARDLINK:
            leader = leaders.setdefault(member.target, path)
            if leader == path:
                yield replace(files[member.target], path=path)
            else:
                yield replace(member, path=path, target=leader)
            continue
        yield replace(member, path=path)


def content(root: Path, entry: Entry) -> Iterator[bytes]:
    """Yield a file's bytes, and prove at the end that they are the ones the tree promised."""
    path = f"{root}/{entry.path}"
    digest, size = hashlib.sha256(), 0
    try:
        # Below all buffers: most files are small, and read by one call.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # A buffer of the file's own size, and a byte to see that it ends.
            while chunk := os.read(descriptor, min(READ_SIZE, max(entry.size - size, 0) + 1)):
                digest.update(chunk)
                size += len(chunk)
                yield chunk
                if size == entry.size < READ_SIZE:
                    break
        finally:
            os.close(descriptor)
    except OSError as error:
        raise PackageError(
            f"a file of the payload cannot be read: {entry.path}",
            where=Where(path),
            why=str(error),
            hint="find out what else is damaged: omnibuild cache verify",
        ) from error
    if size != entry.size or digest.hexdigest() != entry.digest:
        raise PackageError(
            f"a file of the payload is not what it was when the payload was made: {entry.path}",
            where=Where(path),
            why=f"size {size}, expected {entry.size}\n"
            f"sha256 {digest.hexdigest()}, expected {entry.digest}",
            hint="heal the store, then build again: omnibuild cache verify",
        )


def check_names(members: Iterable[Entry]) -> None:
    """Refuse names that dpkg and rpm cannot unpack, however well they are packed."""
    for entry in members:
        if len(entry.path) * 4 <= LONGEST_NAME and not entry.target:
            continue  # Nearly all of them, whatever letters they have.
        longest = max(map(len, name_bytes(entry.path).split(b"/")))
        if longest > LONGEST_NAME or len(name_bytes(entry.path)) > LONGEST_PATH:
            raise PackageError(
                f"no host can unpack {entry.path!r}",
                why=f"its longest name has {longest} bytes, and hosts make files under longer"
                f" names: at most {LONGEST_NAME} bytes for a name, {LONGEST_PATH} for a path",
                hint="prune it, or give it a shorter name",
            ).at(entry.path)
        if len(name_bytes(entry.target)) > LONGEST_PATH:
            what = f"{entry.path!r} leads to a path that is too long for hosts"
            raise PackageError(what).at(entry.path)


def check_config_files(config_files: Iterable[str], members: Iterable[Entry]) -> None:
    """Refuse a configuration file that is not a plain file of the payload."""
    plain: set[str] = set()
    linked: set[str] = set()
    for entry in members:
        if entry.kind is Kind.FILE:
            plain.add(f"/{entry.path}")
        elif entry.kind is Kind.HARDLINK:
            linked.add(f"/{entry.target}")
    for path in config_files:
        name = path.rpartition("/")[2]
        if len(name_bytes(name)) > LONGEST_CONFIG_NAME or path != path.rstrip():
            raise PackageError(
                f"no host can unpack the configuration file {path!r}",
                why=f"its name has more than {LONGEST_CONFIG_NAME} bytes, or ends in a blank",
            )
        # An upgrade replaces a configuration file by itself: it cannot share its inode.
        if path not in plain - linked:
            raise PackageError(
                f"the configuration file {path} is not a file of the payload with a single name"
            )


def check_scripts(format_name: str, scripts: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse maintainer scripts that the format does not know or cannot hold."""
    for name, text in scripts.items():
        if name not in known:
            raise PackageError(
                f"{format_name} packages have no maintainer script called {name!r}",
                hint=f"known are {', '.join(known)}",
            )
        if "\0" in text or not is_utf8(text):
            raise PackageError(f"the maintainer script {name} is not a text")


def _check_path(entry: Entry) -> None:
    parts = entry.path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise PackageError(f"{entry.path!r} cannot be a path of a package")
    # dpkg's and rpm's own lists are lines of text: a line break in a name would forge entries.
    for text in (entry.path, entry.target):
        if CONTROL_CHARACTER.search(text):
            what = f"{text!r} holds a control character and cannot be packaged"
            raise PackageError(what).at(entry.path)
        try:
            name_bytes(text)
        except UnicodeEncodeError as error:
            what = f"{text!r} cannot be a file name"
            raise PackageError(what, why=str(error)).at(entry.path) from error
    if entry.kind is Kind.SYMLINK and not entry.target:
        raise PackageError(f"the symlink {entry.path} points nowhere")
    if not 0 <= entry.mode <= 0o7777 or entry.size < 0:
        raise PackageError(f"{entry.path} has impossible permissions or size")


def _add_parents(by_path: dict[str, Entry]) -> None:
    checked: set[str] = set()
    for path in list(by_path):
        parent = path.rpartition("/")[0]
        while parent and parent not in checked:
            found = by_path.setdefault(parent, Entry(parent, Kind.DIRECTORY, 0o755))
            if found.kind is not Kind.DIRECTORY:
                raise PackageError(f"{path} lies below {parent}, which is a {found.kind}")
            checked.add(parent)
            parent = parent.rpartition("/")[0]


def _lead_with_first_names(by_path: dict[str, Entry]) -> None:
    """Let the first name of each set of hard links be the file, and the others link to it."""
    groups: dict[str, list[str]] = {}
    for entry in by_path.values():
        if entry.kind is Kind.HARDLINK:
            groups.setdefault(entry.target, [entry.target]).append(entry.path)
    for target, paths in groups.items():
        file = by_path.get(target)
        if file is None or file.kind is not Kind.FILE:
            raise PackageError(f"the hard link {paths[1]} repeats {target}, which is not a file")
        first, *others = sorted(paths, key=name_bytes)
        by_path[first] = replace(file, path=first)
        for path in others:
            by_path[path] = replace(
                file, path=path, kind=Kind.HARDLINK, target=first, size=0, digest=""
            )
