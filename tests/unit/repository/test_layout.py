"""Paths in a repository never leave it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import PackageError, UsageError
from omnibuild.repository import layout


def test_paths() -> None:
    assert layout.deb_path("libpq5", "15-1", "all") == "pool/main/libp/libpq5/libpq5_15-1_all.deb"
    assert layout.rpm_path("Shop", "2:1.0-1", "noarch") == "Packages/s/Shop-1.0-1.noarch.rpm"
    assert layout.yum_directory("stable", "el9", "x86_64") == "yum/stable/el9/x86_64"
    assert layout.download_path("shop-1.0.tar.zst") == "downloads/shop-1.0.tar.zst"
    assert layout.download_path("shop-1.0.pex") == "downloads/shop-1.0.pex"


@given(st.text(), st.text(), st.text())
def test_hostile_fields_are_refused_or_harmless(name: str, version: str, arch: str) -> None:
    for place in (layout.deb_path, layout.rpm_path):
        try:
            path = place(name, version, arch)
        except PackageError:
            continue
        assert ".." not in path.split("/")
        assert path.isascii()
        assert path.isprintable()
        assert " " not in path


@pytest.mark.parametrize("name", ["../x.tar.gz", "x.zip", ".tar.gz", "a b.tar.xz", "x.tar.gz\n"])
def test_names_that_cannot_be_downloads(name: str) -> None:
    with pytest.raises(PackageError):
        layout.download_path(name)


@pytest.mark.parametrize("name", ["", "../x", "Stable", "a b", "1x"])
def test_names_that_cannot_be_channels(name: str) -> None:
    with pytest.raises(UsageError):
        layout.check_channel(name)


@pytest.mark.parametrize("name", ["n" * 250, "n" * 5000])
def test_what_no_file_can_be_called_is_refused(name: str) -> None:
    for make in (
        lambda: layout.deb_path(name, "1-1", "all"),
        lambda: layout.deb_path("n", name.replace("n", "1"), "all"),
        lambda: layout.rpm_path(name, "1-1", "noarch"),
        lambda: layout.download_path(f"{name}.tar.gz"),
    ):
        with pytest.raises(PackageError, match="a file whose name has"):
            make()
    with pytest.raises(UsageError):
        layout.check_channel(name)
