"""What events say to people."""

from __future__ import annotations

import pytest

from omnibuild.events import human_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (12_345_678, "12.3 MB"),
        (5_000_000_000_000, "5000.0 GB"),
    ],
)
def test_sizes_read_well(size: int, text: str) -> None:
    assert human_size(size) == text
