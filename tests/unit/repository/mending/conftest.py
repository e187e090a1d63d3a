"""Repairs begin with the repository that the tests of its life have."""

from tests.unit.repository.life.conftest import into, repository

__all__ = ["into", "repository"]
