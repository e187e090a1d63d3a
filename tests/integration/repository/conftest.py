"""Publishing waits for readers; tests that have some of their own say so."""

from tests.unit.repository.conftest import nobody_reads

__all__ = ["nobody_reads"]
