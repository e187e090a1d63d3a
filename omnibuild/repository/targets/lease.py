"""Who may show a repository in a bucket to its readers: an object that one publisher holds."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from omnibuild.repository.targets.headers import headers_of
from omnibuild.transfer.bucket import Bucket, ChangedObjectError
from omnibuild.transfer.objects import MissingObjectError, TransferError

# A holder that does not renew its lease for so long is dead; it renews far more often.
LEASE_SECONDS: Final = 60.0
_RENEWED: Final = 15.0


@dataclass
class Lease:
    """Who may show the repository to readers."""

    objects: Bucket
    name: str
    _token: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())
    _tag: str = ""
    # The tag of who holds it, and since when this machine has seen that one.
    _seen: tuple[str, float] = ("", 0.0)

    def take(self) -> bool:
        """Take the lease if it is free, or its holder has not renewed it for too long."""
        # Mostly it is free: whoever finds it so has asked once.
        if not self._seen[0] and self._write(""):
            return True
        try:
            _, tag = self.objects.read(self.name)
        except MissingObjectError:
            tag = ""
        if tag and tag != self._seen[0]:
            self._seen = (tag, time.monotonic())
        if tag and time.monotonic() - self._seen[1] < LEASE_SECONDS:
            return False
        return self._write(tag)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease until the block ends."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(_RENEWED):
                with contextlib.suppress(TransferError):
                    self._write(self._tag)

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def give_back(self) -> None:
        """Let others have it."""
        self.objects.delete([self.name])

    def _write(self, before: str) -> bool:
        content = self._token + str(time.time_ns()).encode()
        headers = headers_of(self.name)
        try:
            self._tag = self.objects.write(
                self.name, content, headers=headers, words={}, before=before
            )
        except ChangedObjectError:
            return False
        return True
