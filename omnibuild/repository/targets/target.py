"""What publishing asks of the place that a repository is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from omnibuild.digests import Digest
from omnibuild.events import Emit

# Readers in flight still find what they began with: a slow mirror asks for it much later.
KEPT_SECONDS = 3600
# So many files are read at the same time.
READ_AT_ONCE = 4


class Target(Protocol):
    """Files by their path in the repository: whole, and readable by everybody.

    All methods raise an error of omnibuild's when the place fails.

    Example:
        >>> target = open_target("/srv/repository")  # doctest: +SKIP
        >>> target.put("keys/shop.asc", key)  # doctest: +SKIP
    """

    def place(self, path: str = "") -> str:
        """Return what to call a file in messages, or all of it."""

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""

    def recall(self, path: str) -> bytes:
        """Return what a file said when it was last shown to readers; where that is cheaper.

        What somebody changed by hand may not be seen.
        """

    def distrust(self) -> None:
        """Have what readers see read anew from now on: somebody may have changed it."""

    def digest(self, path: str) -> Digest:
        """Return the digest of a file; empty when there is none."""

    def read_digests(self, paths: Sequence[str]) -> Mapping[str, Digest]:
        """Return the digests of what files hold now, by their paths; empty where there is none.

        All are read whole, some at once, whatever is known of them: a server may hash its own.
        """

    def local(self, path: str) -> AbstractContextManager[Path]:
        """Yield a file as one of this machine, to be read."""

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or a directory, or what stands in its place."""

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""

    def sizes(self, path: str) -> Mapping[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""

    def settled(
        self, directory: str, names: Sequence[str], seconds: float = KEPT_SECONDS
    ) -> list[str]:
        """Return those names of a directory that are older than readers in flight can want."""

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there and has this content."""

    def put(self, path: str, data: bytes) -> bool:
        """Replace a file in one step; tell whether it said anything else before.

        What was not read before may count as different: where each question is a request of its
        own, none is asked.
        """

    def put_all(self, contents: Mapping[str, bytes]) -> list[str]:
        """Replace files in their order, one right after the other; return those that changed."""

    def put_if(self, path: str, data: bytes, before: bytes) -> bool:
        """Replace a file that still has the content ``before``; empty: that is not there.

        Asked under the lock of who writes there, and after it was read. Returns whether it was
        so, and is written.
        """

    def put_file(self, path: str, source: Path) -> None:
        """Copy a file of this machine into the repository in one step."""

    def put_new(self, path: str, source: Path) -> Digest:
        """Do as :meth:`put_file`, where others may be bringing the same file at the same time.

        Returns the digest of what is there then. Raises :class:`IdentityConflictError` for one
        that has other content, unless nobody else can be at work there.
        """

    def copy(self, source: str, path: str) -> None:
        """Have a file also under another path, in place of what is there."""

    def remove(self, *paths: str) -> None:
        """Remove files, as far as they are there."""

    def retire(self, paths: Iterable[str]) -> None:
        """Count the age of files or directories from now on: readers are about to leave them."""

    def outlast(self, path: str, seconds: float) -> None:
        """Wait until a file is so old: who read its predecessor has then read on."""

    def drop_retired(
        self, directory: str, names: Sequence[str], keep: int, seconds: float = KEPT_SECONDS
    ) -> None:
        """Remove what no reader in flight can want: neither young nor among the ``keep`` newest.

        Args:
            directory: where they are.
            names: what may go, oldest first; nothing that readers start from.
            keep: so many of them stay, however old they are.
            seconds: for how long readers may be in flight.
        """

    def locked(self, lock: str, emit: Emit) -> AbstractContextManager[None]:
        """Take one's turn: other publishers wait, as far as the place can have them wait."""

    def scratch(self) -> AbstractContextManager[Path]:
        """Yield a directory of this machine for what is on its way.

        What a killed publisher had half written is swept by whoever comes next.
        """
