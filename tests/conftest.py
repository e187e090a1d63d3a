"""How thorough property tests are: quick by default, OMNIBUILD_EXAMPLES=500 to certify."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "omnibuild",
    max_examples=int(os.environ.get("OMNIBUILD_EXAMPLES", "20")),
    # Shared machines have slow moments; time is never an assertion here.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("omnibuild")
