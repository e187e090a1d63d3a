"""What every action was made from the last time: for explanations and for estimates.

Below the store's directory::

    documents/ab/<key>.json    what is behind a key
    actions/<name>.json        the key an action had the last time, and why it ran
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omnibuild import digests, files
from omnibuild.digests import Digest


@dataclass(frozen=True, slots=True)
class LastRun:
    """An action's last use.

    Args:
        key: the key it had.
        seconds: wall time that it took when it ran.
        time: when it ran, in seconds since 1970.
        reason: why it ran, as plain JSON values; empty when that is not known.
        log: the name of its log in ``logs/``, empty without one.
    """

    key: Digest
    seconds: float
    time: float
    reason: Mapping[str, Any]
    log: str = ""


class History:
    """The history kept in a store's directory ``root``."""

    def __init__(self, root: Path) -> None:
        self._actions = root / "actions"
        self._documents = root / "documents"
        self._scratch = root / "scratch"

    def last(self, name: str) -> LastRun | None:
        """Return the last use of the named action, if there was one."""
        try:
            return LastRun(**json.loads((self._actions / f"{file_name(name)}.json").read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            # A damaged note explains nothing; the next run writes it again.
            return None

    def remember(self, name: str, run: LastRun, document: Mapping[str, Any]) -> None:
        """Note that the named action was last used with this key, which stands for ``document``."""
        if self.document(run.key) is None:
            self._write(self._document(run.key), document)
        self._write(self._actions / f"{file_name(name)}.json", asdict(run))

    def document(self, key: Digest) -> dict[str, Any] | None:
        """Return what is behind a key, if that was kept."""
        try:
            document: dict[str, Any] = json.loads(self._document(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        # A damaged one explains nothing, and may lack what whoever explains looks for.
        return document if digests.of_json(document) == key else None

    def last_document(self, name: str) -> dict[str, Any] | None:
        """Return what the named action was made from the last time."""
        last = self.last(name)
        return self.document(last.key) if last else None

    def _write(self, path: Path, data: Mapping[str, Any]) -> None:
        # Explanations are not worth waiting for a disk: lost ones explain nothing, and that is all.
        with files.atomic_file(path, scratch=self._scratch, flush=False) as stream:
            stream.write(json.dumps(data).encode())

    def _document(self, key: Digest) -> Path:
        return self._documents / key[:2] / f"{key}.json"


def file_name(name: str) -> str:
    """Return a name as it is safe in a file system."""
    return re.sub(r"[^A-Za-z0-9._+@-]", "_", name)
