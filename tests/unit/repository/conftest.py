"""Publishing waits for readers, a check for who shows something; in these tests there are none."""

from __future__ import annotations

import pytest

from omnibuild.repository.apt import switch
from omnibuild.repository.life import checking


@pytest.fixture(autouse=True)
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "PAIR_SECONDS", 0)
    monkeypatch.setattr(switch, "INDEX_SECONDS", 0)
    monkeypatch.setattr(checking, "PAUSE", 0.01)
