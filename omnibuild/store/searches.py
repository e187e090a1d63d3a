"""What was found by reading much is known again: notes, each under all that decides it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

from omnibuild import digests, files
from omnibuild.store.store import Store


def remembered(store: Store, question: Any, find: Callable[[], Any]) -> Any:
    """Return what was found once for a question, or find it now.

    Args:
        store: keeps the notes.
        question: plain JSON values that decide the answer.
        find: returns it, as plain JSON values.
    """
    path = store.root / "searched" / f"{digests.of_json(question)}.json"
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        seal, answer = json.loads(path.read_bytes())
        # A flipped bit makes it a lost shortcut, not another answer.
        if seal == digests.of_json([question, answer]):
            with contextlib.suppress(OSError):
                os.utime(path)
            return answer
    answer = find()
    if not store.read_only:
        note = digests.canonical_json([digests.of_json([question, answer]), answer])
        files.write_atomic(path, note, scratch=store.root / "scratch")
    return answer
