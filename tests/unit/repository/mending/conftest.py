"""A repository with a channel that is tried and one that hosts follow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.repository.publish import Published, publish
from tests.unit.repository.samples import PLATFORMS, signer

Publish = Callable[..., Published]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def into(repository: Path) -> Publish:
    def act(channel: str, *files: Path) -> Published:
        return publish(files, repository, signer(), channel, PLATFORMS)

    return act
