"""dpkg and rpm themselves order the same versions in the same way."""

from __future__ import annotations

import random
import subprocess

from omnibuild.package.versions import compare_debs, compare_rpms

PAIRS = 300


def versions(letters: str) -> list[tuple[str, str]]:
    """Return pairs of similar versions: most differ late."""
    chance = random.Random(7)  # noqa: S311 - the same pairs each time

    def text() -> str:
        return "".join(chance.choices(letters, k=chance.randint(0, 4)))

    def pair() -> tuple[str, str]:
        epoch, same = chance.choice(["", "1:", "0:"]), text()
        return tuple(f"{epoch}1{same}{text()}-1{text()}".rstrip("-") for _ in range(2))  # type: ignore[return-value]

    return [pair() for _ in range(PAIRS)]


def test_debs() -> None:
    for left, right in versions("0019.aAb+~"):
        word = {-1: "lt", 0: "eq", 1: "gt"}[compare_debs(left, right)]
        done = subprocess.run(["dpkg", "--compare-versions", left, word, right], check=False)
        assert done.returncode == 0, (left, word, right)


def test_rpms() -> None:
    # rpm compares each of the three parts; what is asked for here is the middle one.
    pairs = [
        (left.partition("-")[0].rpartition(":")[2], right.partition("-")[0].rpartition(":")[2])
        for left, right in versions("0019.aAb+~^_")
    ]
    calls = "".join(f'print(rpm.vercmp("{left}","{right}"), " ")' for left, right in pairs)
    done = subprocess.run(
        ["rpm", "--eval", f"%{{lua:{calls}}}"], capture_output=True, text=True, check=True
    )
    expected = [int(word) for word in done.stdout.split()]
    assert len(expected) == PAIRS
    for (left, right), result in zip(pairs, expected, strict=True):
        assert compare_rpms(left, right) == result, (left, right)
