from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import PackageError
from omnibuild.package.deb.control import (
    binary_control,
    installed_size,
)
from omnibuild.package.deb.fields import check_fields
from omnibuild.package.deb.paragraph import parse_paragraph, render_paragraph
from omnibuild.payload.model import Relations
from omnibuild.tree import Entry, Kind
from tests.unit.package.golden import assert_golden
from tests.unit.package.samples import EVERYTHING, METADATA


def control(**changes: object) -> str:
    metadata = replace(METADATA, **changes)  # type: ignore[arg-type]
    return binary_control(metadata, version="1.4.2-3", architecture="amd64", installed_size=42)


def test_golden_control_file() -> None:
    assert_golden("hello.control", control())


def test_empty_fields_are_left_out() -> None:
    text = control(homepage="", description="", relations=Relations())
    assert text.endswith("Description: Greets the world\n")
    assert "Homepage" not in text
    assert "Depends" not in text


def test_all_that_a_control_file_can_say() -> None:
    text = binary_control(
        EVERYTHING, version=EVERYTHING.full_version("3"), architecture="amd64", installed_size=42
    )
    assert_golden("everything.control", text)
    check_fields(parse_paragraph(text))


def test_installed_size_counts_as_dpkg_does() -> None:
    members = [
        Entry("d", Kind.DIRECTORY, 0o755),
        Entry("f0", Kind.FILE, 0o644, 0),
        Entry("f1", Kind.FILE, 0o644, 1024),
        Entry("f2", Kind.FILE, 0o644, 1025),
        Entry("l", Kind.HARDLINK, 0o644, target="f2"),
        Entry("s", Kind.SYMLINK, 0o777, target="f2"),
    ]
    assert installed_size(members) == 1 + 1 + 0 + 1 + 2 + 0 + 1


def test_a_value_cannot_forge_a_field() -> None:
    with pytest.raises(PackageError):
        render_paragraph({"Package": "a\nEssential: yes"})
    with pytest.raises(PackageError):
        render_paragraph({"Description": "a\n \n b"})


@given(st.text())
def test_any_description_gives_one_readable_paragraph(description: str) -> None:
    fields = parse_paragraph(control(description=description))
    assert fields["Package"] == "hello"
    assert list(fields)[-1] == "Description"


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        fields = parse_paragraph(text)
    except PackageError:
        return
    assert parse_paragraph(render_paragraph(fields)) == fields


def test_descriptions_are_folded() -> None:
    text = (
        "word " * 40 + "\n\nA list:\n* one " + "item " * 30 + "\n- two\n\n  verbatim  " + "x" * 90
    )
    lines = control(description=text).partition("Description: ")[2].splitlines()
    assert lines[0] == "Greets the world"
    assert max(map(len, (line for line in lines if "xxx" not in line))) < 80
    assert lines.count(" .") == 2
    assert [line[:8] for line in lines if "one" in line or "two" in line] == ["  * one ", "  - two"]
    assert lines[-1] == "   verbatim  " + "x" * 90
    assert " ".join(control(description="a\nb\n\nc").split("Description")[1].split()) == (
        ": Greets the world a b . c"
    )
