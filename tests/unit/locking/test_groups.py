from __future__ import annotations

from packaging.markers import Marker
from packaging.pylock import Package, PackageWheel
from packaging.utils import canonicalize_name
from packaging.version import Version

from omnibuild.locking.groups import merged


def package(name: str, version: str, marker: str = "") -> Package:
    file = f"{name}-{version}-py3-none-any.whl"
    url = f"https://example.org/{file}"
    wheel = PackageWheel(name=file, url=url, hashes={"sha256": "0" * 64})
    return Package(
        name=canonicalize_name(name),
        version=Version(version),
        marker=Marker(marker) if marker else None,
        wheels=[wheel],
    )


def test_what_several_groups_take_is_there_once() -> None:
    one, two = package("one", "1"), package("one", "2")
    lock = merged({"run": [one], "build": [one], "build-lib": [two]}, "3.13")
    assert [(p.version, str(p.marker)) for p in lock.packages] == [
        (Version("1"), '"build" in dependency_groups or "run" in dependency_groups'),
        (Version("2"), '"build-lib" in dependency_groups'),
    ]
    assert lock.dependency_groups == ["build", "build-lib"]
    assert lock.default_groups == ["run"]


def test_markers_of_packages_stay() -> None:
    lock = merged({"run": [package("one", "1", "os_name == 'nt'")], "build": []}, "3.13")
    (only,) = lock.packages
    assert str(only.marker) == '"run" in dependency_groups and os_name == "nt"'


def test_without_anything_to_build_there_are_no_groups() -> None:
    lock = merged({"run": [package("one", "1")]}, "3.13")
    assert lock.default_groups is None
    assert lock.packages[0].marker is None
