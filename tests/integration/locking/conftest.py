from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.locking.workspaces import Shop
from tests.unit.transfer.server import running


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with running() as server:
        monkeypatch.setenv("OMNIBUILD_INDEX_URL", server.url("/simple/"))
        yield Shop(tmp_path, server)
