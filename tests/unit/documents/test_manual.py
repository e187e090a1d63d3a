from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.documents.manual import NAME, page, pages, path_of
from tests.unit.package.golden import assert_golden
from tests.unit.package.samples import METADATA

ENVIRONMENT = {"HELLO_WORD": "Is 'hi' where the host sets no other."}


def test_golden() -> None:
    assert_golden("hello.1", page(METADATA, "hello", ["/etc/hello/hello.conf"], ENVIRONMENT))


def test_commands_of_other_names_say_whose_they_are() -> None:
    bare = replace(METADATA, description="", homepage="")
    text = page(bare, "hello-admin", [], {})
    assert "\nhello\\-admin \\- a command of hello: Greets the world\n" in text
    assert text.endswith(".SH DESCRIPTION\nGreets the world.\n")


def test_pages_of_the_recipe_come_first() -> None:
    own = {"hello.1": b"own", "hello.conf.5": b"five"}
    found = dict(pages(METADATA, ["hello", "hallo"], [], {}, own))
    assert found["hello.1"] == b"own"
    assert found["hello.conf.5"] == b"five"
    assert b".SH NAME\nhallo " in found["hallo.1"]
    assert list(map(path_of, found)) == [
        "/usr/share/man/man1/hello.1.gz",
        "/usr/share/man/man5/hello.conf.5.gz",
        "/usr/share/man/man1/hallo.1.gz",
    ]


@pytest.mark.parametrize("name", ["shop", "shop.9", "shop.1.gz", ".1", "a b.1", "-x.1", "a/b.1"])
def test_names_that_are_none_of_pages(name: str) -> None:
    assert not NAME.fullmatch(name)


@given(st.text(st.characters(blacklist_characters="\x00\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")))
def test_no_text_is_taken_for_a_request(description: str) -> None:
    text = page(replace(METADATA, description=description), "hello", [], {})
    own = page(replace(METADATA, description=""), "hello", [], {})
    requests = {".PP", ".nf", ".fi"} | {line for line in own.split("\n") if line.startswith(".")}
    lines = [line for line in text.split("\n") if line.startswith((".", "'"))]
    assert set(lines) <= requests
