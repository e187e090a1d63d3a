"""What of wheels decides about a PEX file."""

import pytest

from omnibuild.elf import Elf
from omnibuild.errors import ArchiveError, PackageError
from omnibuild.kinds.pex import is_pure, refuse_missing

WHEEL = "shop-1.0-cp313-cp313-linux_x86_64.whl"


@pytest.mark.parametrize(
    ("name", "pure"),
    [
        ("shop-1.0-py2.py3-none-any.whl", True),
        (WHEEL, False),
        ("shop-1.0-cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", False),
    ],
)
def test_tags_say_whether_it_is_for_any_system(name: str, pure: bool) -> None:
    assert is_pure(name) is pure


@pytest.mark.parametrize("name", ["shop.whl", "../shop-1.0-py3-none-any.whl", "shop-1.0.tar.gz"])
def test_what_a_backend_calls_otherwise_is_no_wheel(name: str) -> None:
    with pytest.raises(ArchiveError, match="is not a valid wheel"):
        is_pure(name)


def test_what_hosts_and_the_wheel_have_may_be_needed() -> None:
    found = {
        "/shop/own.so": Elf("shared", "x86-64", needed=("libstdc++.so.6", "libc.so.6")),
        "/shop.libs/libother.so.1": Elf("shared", "x86-64"),
        "/shop/more.so": Elf("shared", "x86-64", needed=("libother.so.1",)),
    }
    refuse_missing(WHEEL, found)


def test_what_a_component_brings_may_not() -> None:
    found = {"/shop/db.so": Elf("shared", "x86-64", needed=("libpq.so.5", "libz.so.1"))}
    with pytest.raises(PackageError) as caught:
        refuse_missing(WHEEL, found)
    assert caught.value.what == (
        "a PEX file has no libpq.so.5 and no libz.so.1, which shop is linked with"
    )
    assert caught.value.why == "shop/db.so of its wheel needs it"
