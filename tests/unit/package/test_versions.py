"""The order of versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnibuild.package.versions import deb_order, host_version, rpm_order

DEBS = ["0~rc1-1", "0-1", "1.0~~-1", "1.0~rc1-1", "1.0-1~deb11", "1.0-1", "1.0-2", "1.0a-1"]
DEBS += ["1.0+b-1", "1.0.1-1", "1.9-1", "1.10-1", "1.10-1-1", "1:0-1"]
RPMS = ["1.0~rc1-1", "1.0-1", "1.0-2", "1.0^git1-1", "1.0a-1", "1.0.1-1", "1.9-1", "1.10-1"]
RPMS += ["1.10-1.el9", "1:0-1"]


@pytest.mark.parametrize(("order", "versions"), [(deb_order, DEBS), (rpm_order, RPMS)])
def test_each_is_newer_than_the_one_before(
    order: Callable[[str], Any], versions: list[str]
) -> None:
    mixed = sorted(versions)
    assert sorted(mixed, key=order) == versions


@pytest.mark.parametrize("order", [deb_order, rpm_order])
def test_numbers_may_have_any_number_of_digits(order: Callable[[str], Any]) -> None:
    many = "9" * 5000
    versions = ["1.0-1", "1.9-1", f"1.{many[1:]}8-1", f"1.{many}-1", f"1.1{many}-1"]
    mixed = sorted(versions)
    assert sorted(mixed, key=order) == versions
    assert order(f"1.000{many}-1") == order(f"1.{many}-1")


@pytest.mark.parametrize(("left", "right"), [("1.0-1", "0:1.0-1"), ("1.01-1", "1.1-1")])
def test_written_otherwise_and_the_same(left: str, right: str) -> None:
    assert deb_order(left) == deb_order(right)
    assert rpm_order(left) == rpm_order(right)


@pytest.mark.parametrize(
    ("written", "on_hosts"),
    [
        ("2.0.0", "2.0.0"),
        ("2.0.0rc1", "2.0.0~rc1"),
        ("2.0b2.dev3", "2.0~b2~dev3"),
        ("2.0.dev3", "2.0~~dev3"),
        ("2.0.post1", "2.0+post1"),
        ("2.0a1.post2.dev3", "2.0~a1+post2~dev3"),
        ("2.0+git5", "2.0+git5"),
        ("2.0+git.5", "2.0+git.+5"),
        ("2.0+ubuntu.1", "2.0+local.ubuntu.+1"),
        ("2.0+1", "2.0+local.+1"),
        ("2024.01.05", "2024.01.05"),
        ("2.0~rc1", "2.0~rc1"),
        ("1.1.1a", "1.1.1a"),
        ("9p1", "9p1"),
    ],
)
def test_versions_of_apps(written: str, on_hosts: str) -> None:
    assert host_version(written) == on_hosts
