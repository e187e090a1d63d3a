"""The remote cache as the engine sees it: it delivers, or it does not; it never fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from omnibuild import digests, files
from omnibuild.digests import Digest
from omnibuild.errors import StorageError, UsageError
from omnibuild.events import Emit
from omnibuild.remote import names, records
from omnibuild.remote.archive import BadObjectError, BoundedFile, pack, unpack
from omnibuild.remote.health import Health
from omnibuild.signing.signer import Signer
from omnibuild.signing.verifier import load_verifier
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store
from omnibuild.transfer.http import Progress
from omnibuild.transfer.objects import (
    MissingObjectError,
    ObjectStore,
    TransferError,
    open_objects,
    read_object,
)
from omnibuild.tree import scan

# Real records have a kilobyte; much more is an attack on memory.
LARGEST_RECORD = 1 << 20

_T = TypeVar("_T")


def open_remote(
    url: str,
    *,
    emit: Emit,
    writable: bool = False,
    trusted: Sequence[Path] = (),
    signer: Signer | None = None,
    most: int = 0,
) -> RemoteCache:
    """Return the remote cache at ``url``; nothing is connected yet.

    Args:
        url: as :func:`omnibuild.transfer.objects.open_objects` takes it.
        emit: takes the warnings.
        writable: whether this builder fills it.
        trusted: files of public keys; results that none of them signed are misses.
        signer: signs what this builder puts there.
        most: bytes that an object may have; 0: any number.

    Raises:
        UsageError: the URL is none of a remote cache, or of one that cannot be written.
        SigningKeyError: a trusted key cannot be read.
    """
    objects = open_objects(url)
    if writable and not objects.writable:
        raise UsageError(
            f"{objects.place} cannot be filled: a web server can only be read",
            hint="fill it as a directory or by s3://…, or only read it",
        )
    return RemoteCache(
        objects, writable=writable, trusted=trusted, signer=signer, emit=emit, most=most
    )


class RemoteCache:
    """Results and objects in an object store; any number of threads may share one.

    Whatever goes wrong ends in a miss and one warning. After a failure of the store itself it is
    not asked again; where only writing is refused, only writing ends.

    Args:
        objects: the object store.
        writable: whether this builder fills it.
        trusted: files of public keys; results that none of them signed are misses.
        signer: signs what this builder puts there.
        emit: takes the warnings.
        most: bytes that an object may have; 0: any number.

    Raises :class:`SigningKeyError` when a trusted key cannot be read.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        writable: bool,
        trusted: Sequence[Path] = (),
        signer: Signer | None = None,
        emit: Emit,
        most: int = 0,
    ) -> None:
        self._objects = objects
        self._most = most
        self._health = Health(objects.place, writable=writable, emit=emit)
        self._verifier = load_verifier(trusted) if trusted else None
        self._signer = signer

    @property
    def place(self) -> str:
        """What to call the remote cache in messages; holds no password."""
        return self._objects.place

    @property
    def writable(self) -> bool:
        """Whether :meth:`push` does anything: this builder may write, and so far could."""
        return self._health.writable

    @property
    def verifies(self) -> bool:
        """Whether only results count that a trusted key signed."""
        return self._verifier is not None

    @property
    def signs(self) -> bool:
        """Whether this builder vouches for what it puts there."""
        return self._signer is not None

    # Reading -----------------------------------------------------------------------------

    def result(self, key: Digest) -> Result | None:
        """Return what the action with that key produced, if the remote cache knows."""
        name = names.result(key)

        def attempt() -> Result:
            try:
                record = read_object(self._objects, name, LARGEST_RECORD)
            except ValueError as error:
                raise BadObjectError(str(error)) from error
            return records.unseal(record, key, self._verifier)

        result = self._asked(name, attempt)
        if result is not None:
            self._health.promise(names.of_output(result.output))
        return result

    def pull(self, output: Output, store: Store, progress: Progress) -> bool:
        """Bring a blob or tree into the local store, verified; tell whether it is there now.

        A broken transfer leaves what had arrived, and the next call for the object goes on there.
        What is missing is a warning if a result promised it.

        Args:
            output: what to bring.
            store: where to.
            progress: called with the bytes done and in all (0 when unknown).

        Raises :class:`StorageError` when the local disk cannot take it.
        """
        if self._health.failed:
            return False
        with store.lock(f"pull-{output.digest[:16]}"):
            if store.take(output):
                return True
            if output.kind == "tree":
                return self._pull_tree(output, store, progress)

            def keep(partial: Path) -> None:
                if digests.of_file(partial) != output.digest:
                    raise BadObjectError("its digest is another one")
                files.commit_file(partial, store.blob(output.digest))
                store.take(output)

            partial = store.blob(output.digest).with_name(f"{output.digest}.part")
            return self._download(names.blob(output.digest), partial, progress, keep)

    def _pull_tree(self, output: Output, store: Store, progress: Progress) -> bool:
        def keep(partial: Path) -> None:
            with store.scratch() as scratch:
                directory = scratch / "tree"
                directory.mkdir()
                with partial.open("rb") as archive:
                    unpack(archive, directory / "files")
                tree = scan(directory / "files")
                if tree.digest != output.digest:
                    raise BadObjectError("its digest is another one")
                store.add_scanned_tree(directory, tree)
            partial.unlink(missing_ok=True)

        partial = store.blob(output.digest).with_name(f"{output.digest}.tree.part")
        return self._download(names.archive(output.digest), partial, progress, keep)

    def _download(
        self, name: str, partial: Path, progress: Progress, keep: Callable[[Path], None]
    ) -> bool:
        """Continue a download and keep what came; tell whether it was good."""

        def attempt() -> bool:
            with files.storage_errors(partial):
                files.make_directory(partial.parent)
                while True:
                    offset = partial.stat().st_size if partial.exists() else 0
                    try:
                        with BoundedFile(partial, self._most) as stream:
                            self._objects.get(name, stream, offset=offset, progress=progress)
                        keep(partial)
                    except BadObjectError:
                        partial.unlink(missing_ok=True)
                        if not offset:
                            raise
                        # What was there may have come from elsewhere: now all of it is new.
                    else:
                        return True

        try:
            return self._asked(name, attempt) or False
        finally:
            with contextlib.suppress(FileNotFoundError):
                if not partial.stat().st_size:
                    partial.unlink()

    def _asked(self, name: str, attempt: Callable[[], _T]) -> _T | None:
        """Return what an attempt to read an object returns; None after any failure."""
        if self._health.failed:
            return None
        try:
            return attempt()
        except MissingObjectError:
            self._health.missing(name)
        except TransferError as error:
            self._health.give_up(error)
        except BadObjectError as error:
            self._health.distrust(name, error)
        return None

    # Writing -----------------------------------------------------------------------------

    def push(self, key: Digest, result: Result, store: Store) -> bool:
        """Give a result to the remote cache, its object first, the record last.

        Returns whether both are there now.
        """
        if not self.push_object(result.output, store):
            return False
        return self._attempt(lambda: self._put_record(key, result))

    def push_object(self, output: Output, store: Store) -> bool:
        """Give a blob or a tree to the remote cache, unless it is there; tell whether it is now."""
        push = self._push_tree if output.kind == "tree" else self._push_blob
        return self._attempt(lambda: push(output.digest, store))

    def _push_blob(self, digest: Digest, store: Store) -> None:
        name = names.blob(digest)
        if self._lacks(name):
            if digests.of_file(store.blob(digest)) != digest:
                raise BadObjectError(f"the blob {digest[:12]} is damaged in the local store")
            self._objects.put(name, store.blob(digest))

    def _push_tree(self, digest: Digest, store: Store) -> None:
        name = names.archive(digest)
        if self._lacks(name):
            with store.scratch() as scratch:
                archive = scratch / "tree.tar.zst"
                with archive.open("wb") as stream:
                    pack(store.tree(digest), store.tree_directory(digest), stream)
                self._objects.put(name, archive)

    def _put_record(self, key: Digest, result: Result) -> None:
        name = names.result(key)
        # To ask costs as much as to write, and what is there may have no or another signature.
        if self._signer is not None or self._lacks(name):
            self._objects.put(name, records.seal(key, result, self._signer))

    def _lacks(self, name: str) -> bool:
        """Tell whether an object should be put: it is missing, or was found bad."""
        return self._health.is_bad(name) or not self._objects.exists(name)

    def _attempt(self, write: Callable[[], None]) -> bool:
        """Write something; a failure is a warning, after which it was not written."""
        if not self.writable:
            return False
        try:
            write()
        except TransferError as error:
            self._health.give_up(error, writing=True)
        except (BadObjectError, StorageError, OSError) as error:
            reason = error.what if isinstance(error, StorageError) else error
            self._health.not_sent(reason)
        else:
            return True
        return False
