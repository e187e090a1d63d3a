"""Golden files: what was once looked at and found right.

``OMNIBUILD_WRITE_GOLDEN=1`` writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

DIRECTORY = Path(__file__).parent.parent / "golden" / "package"


def assert_golden(name: str, text: str) -> None:
    """Compare ``text`` with the golden file of that name."""
    path = DIRECTORY / name
    if os.environ.get("OMNIBUILD_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
