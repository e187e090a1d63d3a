"""dpkg and rpm themselves order the same versions in the same way."""

from __future__ import annotations

import random
import subprocess

from packaging.version import Version

from omnibuild.package.versions import compare_debs, compare_rpms, host_version, split_epoch

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


LOCALS = ["+12", "+cu118.2", "+cu118.dirty", "+ubuntu.x", "+ubuntu.10", "+3.abc", "+3.4", "+zzz.1"]


def python_versions() -> list[tuple[str, str]]:
    """Return pairs of versions of the same and of other releases, as Python orders them."""
    chance = random.Random(7)  # noqa: S311 - the same pairs each time

    def part(word: str) -> str:
        return chance.choice(["", f"{word}{chance.randint(0, 12)}"])

    def text() -> str:
        pre = part(chance.choice(["a", "b", "rc"]))
        local = chance.choice(["", "", "", "+git7", "+ubuntu.1", "+cu118", "+zzz", "+1", *LOCALS])
        release = chance.choice(["2.0.0", "2.0.1", "2.0.12", "2.1.0", "10.0.0"])
        epoch = chance.choice(["", "", "", "0!", "1!", "11!"])
        return f"{epoch}{release}{pre}{part('.post')}{part('.dev')}{local}"

    return [(text(), text()) for _ in range(2 * PAIRS)]


def on_hosts(version: str) -> str:
    """Return an app's version as its packages have it."""
    epoch, rest = split_epoch(version)
    return f"{epoch}:{host_version(rest)}"


def test_apps_are_ordered_as_python_orders_them() -> None:
    pairs = python_versions()
    hosts = [(on_hosts(left), on_hosts(right)) for left, right in pairs]
    calls = "".join(
        f'print(rpm.ver("{left}") < rpm.ver("{right}") and -1 or'
        f' rpm.ver("{left}") > rpm.ver("{right}") and 1 or 0, " ")'
        for left, right in hosts
    )
    done = subprocess.run(
        ["rpm", "--eval", f"%{{lua:{calls}}}"], capture_output=True, text=True, check=True
    )
    orders = [int(word) for word in done.stdout.split()]
    for (left, right), (one, other), order in zip(pairs, hosts, orders, strict=True):
        expected = (Version(left) > Version(right)) - (Version(left) < Version(right))
        assert order == expected, (left, right, one, other)
        word = {-1: "lt", 0: "eq", 1: "gt"}[expected]
        done_by_dpkg = subprocess.run(["dpkg", "--compare-versions", one, word, other], check=False)
        assert done_by_dpkg.returncode == 0, (left, right, one, other)
