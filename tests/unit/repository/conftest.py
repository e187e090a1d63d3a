"""Publishing waits for readers; in these tests there are none."""

from __future__ import annotations

import pytest

from omnibuild.repository.apt import switch


@pytest.fixture(autouse=True)
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "PAIR_SECONDS", 0)
    monkeypatch.setattr(switch, "INDEX_SECONDS", 0)
