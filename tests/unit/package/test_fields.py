"""Fields of foreign control files: what hosts could not parse never reaches them."""

from __future__ import annotations

import pytest

from omnibuild.errors import PackageError
from omnibuild.package.deb.fields import check_fields

GOOD = {"Package": "x", "Version": "1:2.0~rc1+b1-1", "Architecture": "amd64"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Depends", "libc6 (>= 2.31), a | b (<< 1:2~x) | c:any, d:amd64"),
        ("Depends", " a,\n b (= 1),\n c"),
        ("Breaks", "foo (<< 1)"),
        ("Conflicts", "old (< 2), older (> 1)"),
        ("Provides", "virtual (= 1), other"),
        ("Source", "y (1.0-1)"),
        ("Essential", "yes"),
        ("Multi-Arch", "same"),
        ("Installed-Size", "120"),
        ("X-Anything", "(((:::"),
        ("Description", "short\n long\n .\n  more"),
    ],
)
def test_good(field: str, value: str) -> None:
    check_fields({**GOOD, field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, "foo (>>>= 1") for field in ("Breaks", "Depends", "Pre-Depends", "conflicts")),
        *((field, "a (= )") for field in ("Suggests", "Recommends", "ENHANCES", "Replaces")),
        ("Depends", "a,,b"),
        ("Depends", "a,"),
        ("Depends", "| a"),
        ("Depends", "a (~ 1)"),
        ("Depends", "a (>= 1) (<= 2)"),
        ("Depends", "a b"),
        ("Depends", "a [amd64]"),
        ("Depends", "a (>= 1 2)"),
        ("Depends", "a (>= x:1)"),
        ("Breaks", "a | b"),
        ("Provides", "a (>= 1)"),
        ("Version", "1 2"),
        ("Version", "a:1"),
        ("Version", "9999999999999:1"),
        ("Source", "a b"),
        ("Essential", "maybe"),
        ("Protected", "1"),
        ("Multi-Arch", "all"),
        ("Installed-Size", "-1"),
        ("Installed-Size", "9" * 40),
        ("Section", "a b"),
        ("Description", "a\x00b"),
        ("Description", "a\rb"),
        ("#Comment", "x"),
        ("-Dash", "x"),
        ("version", "2"),
        *((field, "x") for field in ("Filename", "filename", "Size", "MD5sum", "SHA512")),
        ("Status", "install ok installed"),
    ],
)
def test_bad(field: str, value: str) -> None:
    with pytest.raises(PackageError):
        check_fields({**GOOD, field: value})


def test_same_for_all_architectures_is_none() -> None:
    with pytest.raises(PackageError, match="Multi-Arch"):
        check_fields({**GOOD, "Architecture": "all", "Multi-Arch": "same"})
