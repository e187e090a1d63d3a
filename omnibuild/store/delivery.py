"""Artifacts come out of the store: verified, whole, their sidecars before them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from omnibuild import digests, files
from omnibuild.digests import Digest
from omnibuild.errors import DamageError, DefinitionError

if TYPE_CHECKING:
    # Others want no more of this module than what files are called.
    from omnibuild.store.results import Output
    from omnibuild.store.store import Store

AGAIN = "build again; `omnibuild cache verify` looks for more of it"

# Nanoseconds. A file changed within one tick of the kernel's clock keeps its times.
TICK = 20 * 10**6

CHECKSUM_SUFFIX = ".sha256"
MANIFEST_SUFFIX = ".manifest.json"
AUDIT_SUFFIX = ".audit.json"

# What lies beside each artifact that a build delivered.
SIDECARS = (CHECKSUM_SUFFIX, MANIFEST_SUFFIX, AUDIT_SUFFIX)


@dataclass(frozen=True)
class BuiltArtifact:
    """A package file for users, and the platforms it is for."""

    path: Path
    digest: Digest
    size: int
    platforms: tuple[str, ...]


def deliver(
    store: Store, package: Output, output: Path, platforms: tuple[str, ...], audited: bytes | None
) -> BuiltArtifact:
    """Copy an artifact and its sidecars out of the store: all of them, the artifact last, or none.

    What is there already, whole, stays as it is.

    Args:
        store: where it is.
        package: the tree that holds the artifact and its sidecars.
        output: the directory to copy to.
        platforms: names of the platforms that the artifact is for.
        audited: what the audits for these platforms found, as JSON: one more sidecar; None
            for an artifact that none is for.

    Raises:
        DamageError: the store's copy is damaged; it is gone from there.
        StorageError: the directory cannot be written.
        DefinitionError: a directory has the artifact's name.
    """
    files.remove_leftovers(output)
    directory = store.tree_directory(package.digest)
    with _damage_removed(store, package):
        entries = store.tree(package.digest).by_path
    name = _artifact(entries)
    report = output / f"{name}{AUDIT_SUFFIX}"
    # All are written before the first gets its name, in the order in which they end: the artifact,
    # which begins, is the last.
    with _damage_removed(store, package), contextlib.ExitStack() as written:
        for path in (name, *(p for p in entries if p != name)):
            if not _is_there(store, output / path, entries[path].digest):
                mode = entries[path].mode
                target = written.enter_context(files.atomic_file(output / path, mode=mode))
                _copy_verified(directory / path, target, entries[path].digest)
                _flush(target)
        if audited is not None and not _is_there(store, report, digests.of_bytes(audited)):
            target = written.enter_context(files.atomic_file(report))
            target.write(audited)
            _flush(target)
    return BuiltArtifact(output / name, entries[name].digest, entries[name].size, platforms)


def artifact_in(store: Store, package: Output) -> str:
    """Return the name of the artifact that a package's tree holds."""
    return _artifact(store.tree(package.digest).by_path)


def _artifact(entries: Iterable[str]) -> str:
    (name,) = (path for path in entries if not path.endswith((CHECKSUM_SUFFIX, MANIFEST_SUFFIX)))
    return name


@contextlib.contextmanager
def _damage_removed(store: Store, package: Output) -> Iterator[None]:
    """Take an artifact out of the store that turns out to be damaged during the block."""
    try:
        yield
    except DamageError:
        store.remove(package)
        raise


def _flush(target: IO[bytes]) -> None:
    """Let a disk say now that it is full."""
    target.flush()
    os.fsync(target.fileno())


def _copy_verified(source: Path, target: IO[bytes], digest: Digest) -> None:
    found = hashlib.sha256()
    try:
        data = source.open("rb")
    except FileNotFoundError as error:
        raise DamageError(f"the store's copy of {source.name} is gone", hint=AGAIN) from error
    with data:
        while chunk := data.read(digests.READ_SIZE):
            found.update(chunk)
            target.write(chunk)
    if found.hexdigest() != digest:
        raise DamageError(
            f"the store's copy of {source.name} is damaged",
            why=f"expected sha256 {digest}, got {found.hexdigest()}",
            hint=AGAIN,
        )


def _is_there(store: Store, path: Path, digest: Digest) -> bool:
    """Tell whether a file has that content already.

    A file that was read once is known again by its inode, size and times, as git does it.
    """
    if path.is_dir():
        raise DefinitionError(f"{path} is a directory", hint="choose another --output")
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    note = store.root / "delivered" / f"{digests.of_bytes(os.fsencode(path.absolute()))}.json"
    times = (status.st_mtime_ns, status.st_ctime_ns)
    seen = json.dumps([digest, status.st_dev, status.st_ino, status.st_size, *times])
    try:
        if note.read_text() == seen:
            return True
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    if digests.of_file(path) != digest:
        return False
    if time.time_ns() - status.st_ctime_ns > TICK and not store.read_only:
        files.write_atomic(note, seen, scratch=store.root / "scratch")
    return True
