"""2,000 generated inputs for each boundary; OMNIBUILD_SEED repeats a run."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.certification.hostile import (
    archives,
    images,
    packages,
    projects,
    servers,
    stores,
    texts,
)
from tests.certification.hostile.harness import trial

INPUTS = int(os.environ.get("OMNIBUILD_INPUTS", "2000"))
SEED = int(os.environ.get("OMNIBUILD_SEED", str(int(time.time()))))
BOUNDARIES = {
    **texts.BOUNDARIES,
    **archives.BOUNDARIES,
    **packages.BOUNDARIES,
    **images.BOUNDARIES,
    **stores.BOUNDARIES,
    **projects.BOUNDARIES,
    **servers.BOUNDARIES,
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_hostile_inputs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    happened = trial(name, BOUNDARIES[name], tmp_path / "trial", SEED, INPUTS)
    with capsys.disabled():
        told = ", ".join(f"{count} {what}" for what, count in happened.most_common())
        sys.stdout.write(f"\n{name}: {INPUTS} inputs, seed {SEED}: {told}\n")
    assert happened.total() == INPUTS
    # Inputs that all end in one way would prove little. A store is always healed.
    assert len(happened) > 1 or happened["healed"]
