from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given

from omnibuild.errors import PackageError
from omnibuild.package.nfpm.versions import (
    apk_version,
    check_revision,
    pacman_version,
    related_version,
)
from omnibuild.package.versions import compare_debs, host_version

from .orders import apk_order, pacman_order
from .strategies import version_pairs

# From the oldest to the newest, as Python orders them.
LADDER = (
    *("1.9", "2.0.dev1", "2.0a0.dev3", "2.0a0", "2.0a1", "2.0b2.dev1", "2.0b2", "2.0rc1.dev1"),
    *("2.0rc1", "2.0rc1.post1", "2.0rc2", "2.0rc10", "2.0", "2.0.post1.dev2", "2.0.post1"),
    *("2.0.post2", "2.0.1", "2.0.10", "2.1", "10"),
)


def test_every_step_of_the_ladder_is_newer() -> None:
    for older, newer in pairwise(map(host_version, LADDER)):
        assert pacman_order(pacman_version(older), pacman_version(newer)) < 0, (older, newer)
        assert apk_order(apk_version(older), apk_version(newer)) < 0, (older, newer)


@given(version_pairs(local=True))
@example(("1.1.1", "1.1.1a"))
@example(("2.0+local.+5", "2.0+local.deb"))
def test_pacman_orders_as_dpkg_does(pair: tuple[str, str]) -> None:
    left, right = pair
    assert pacman_order(pacman_version(left), pacman_version(right)) == compare_debs(left, right)


@given(version_pairs())
@example(("2024.05", "2024.10"))
def test_apk_orders_as_dpkg_does(pair: tuple[str, str]) -> None:
    left, right = pair
    assert apk_order(apk_version(left), apk_version(right)) == compare_debs(left, right)


@pytest.mark.parametrize(
    ("version", "apk"),
    [
        ("1.4+post3+g0123456789ab", "1.4_p3_git1193046"),
        ("1.4+post3+g0123456789ab.dirty", "1.4_p3_git1193046_p1"),
    ],
)
def test_versions_of_commits_are_numbers_for_apk(version: str, apk: str) -> None:
    assert apk_version(version) == apk
    assert apk_order(apk_version("1.4+post3"), apk) < 0 < apk_order(apk_version("1.4+post4"), apk)


@pytest.mark.parametrize("version", ["1.0~1", "1.0~~beta", "1.0~rc1~rc2", "1.0a~rc", "1.0ab", ""])
def test_what_pacman_would_order_otherwise_is_refused(version: str) -> None:
    with pytest.raises(PackageError, match="pacman has no words"):
        pacman_version(version)


@pytest.mark.parametrize("version", ["1.0~1", "1.0+ubuntu", "1.0.final", "1.0-1", "1.0A"])
def test_what_apk_has_no_words_for_is_refused(version: str) -> None:
    with pytest.raises(PackageError, match="apk has no words"):
        apk_version(version)


def test_revisions_are_numbers() -> None:
    check_revision("apk", "12")
    for revision in ("1~deb11", "r1", ""):
        with pytest.raises(PackageError, match="cannot be the revision"):
            check_revision("apk", revision)


def test_versions_of_other_packages() -> None:
    assert related_version("pacman", "1:2.0~rc1-3") == "1:2.0rc1-3"
    assert related_version("apk", "2.0~rc1-3") == "2.0_rc1-r3"
    assert related_version("apk", "2.0") == "2.0"
    with pytest.raises(PackageError):
        related_version("apk", "1:2.0")
