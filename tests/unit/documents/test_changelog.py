from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omnibuild.documents.changelog import read_changelog, render_changelog
from omnibuild.errors import DefinitionError
from omnibuild.package.identity import LAST_DATE
from omnibuild.payload.model import Change

TEAM = "Shop team <shop@example.com>"
DAY = 1717113600  # 2024-05-31

DEBIAN = """\
shop (1.2.0-1) unstable; urgency=medium

  [ A. Person ]
  * A new page, which is told
    in two lines.
  * Another one.

 -- A. Person <a@example.org>  Fri, 31 May 2024 02:00:00 +0200

shop (1.1-1) unstable; urgency=low

  * The first.

 -- Shop team <shop@example.com>  Thu, 30 May 2024 00:00:00 +0000
"""

MARKDOWN = """\
# Changelog

All notable changes are here.

## [Unreleased]

- Nothing yet

## [1.2.0] - 2024-05-31

### Added

- A new page, which is told
  in two lines.
* Another one.

## v1.1 (2024-05-30)

The first.

[1.2.0]: https://example.org/1.2.0
"""


def test_debians_own() -> None:
    assert read_changelog(DEBIAN, "changelog", TEAM) == (
        Change(
            "1.2.0-1",
            DAY,
            "A. Person <a@example.org>",
            ("[ A. Person ]", "A new page, which is told in two lines.", "Another one."),
        ),
        Change("1.1-1", DAY - 86400, TEAM, ("The first.",)),
    )


@pytest.mark.parametrize("text", [MARKDOWN, MARKDOWN.replace("\n", "\r\n")])
def test_markdown(text: str) -> None:
    assert read_changelog(text, "CHANGELOG.md", TEAM) == (
        Change(
            "1.2.0",
            DAY,
            TEAM,
            ("Added: A new page, which is told in two lines.", "Added: Another one."),
        ),
        Change("1.1", DAY - 86400, TEAM, ("The first.",)),
    )


def test_versions_of_markdown_are_those_of_hosts() -> None:
    changes = read_changelog("## 1!2.0rc1 - 2024-05-31\n- a\n", "CHANGELOG.md", TEAM)
    assert [change.version for change in changes] == ["2.0~rc1"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "no version is found"),
        ("Shop has no changes.\n", 1, "no version is found"),
        ("## [1.2.0]\n- a\n", 1, "the heading of 1.2.0 has no date"),
        ("# x\n## 1.2 - 2024-13-31\n", 2, "the date cannot be read"),
        ("## 1.2 - 1969-12-31\n", 1, "the date cannot be read"),
        ("## 1.2 - 2024-01-01\n\x07\n", 2, "a control character"),
        ("shop (1) sid; urgency=low\n -- " + "<> " * 10_000, 2, "too long"),
        ("shop (1) sid; urgency=low\n\n  * a\n", 4, "the entry of 1 has no end"),
        ("shop (1) sid; urgency=low\n\n * a\n", 3, "no part of a changelog"),
        (
            "shop (1) sid; urgency=low\n\n  * a\n\n -- A <a@b.c>  now\n",
            5,
            "the date cannot be read",
        ),
        ("shop (2) sid; urgency=low\nshop (1) sid; urgency=low\n", 2, "the entry of 2 has no end"),
    ],
)
def test_what_is_no_changelog_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(DefinitionError, match=what) as caught:
        read_changelog(text, "debian/changelog", TEAM)
    assert (caught.value.where.file, caught.value.where.line) == ("debian/changelog", line)


WORDS = st.lists(st.text("abcdeü.,()*-#1", min_size=1, max_size=12), min_size=1, max_size=30).map(
    " ".join
)
ITEMS = WORDS.filter(lambda text: not text.lstrip().startswith(("* ", "- ", "+ ")) and text != "*")
CHANGES = st.builds(
    Change,
    version=st.from_regex(r"[0-9][0-9.]{0,5}(~rc1)?(-[0-9])?", fullmatch=True),
    date=st.integers(0, LAST_DATE),
    author=st.just(TEAM),
    items=st.lists(ITEMS, min_size=1, max_size=4).map(tuple),
)


LONG = " ".join(["111111111"] * 7)


@example([Change("0", 0, TEAM, (f"{LONG} - 1",))])
@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_what_is_written_is_read_again(changes: list[Change]) -> None:
    text = render_changelog("shop", changes)
    assert read_changelog(text, "changelog", "nobody <n@example.org>") == tuple(changes)
    assert max(map(len, text.splitlines())) < 80


@given(st.text(), st.sampled_from(["", "## [1.0] - 2024-01-01\n", "shop (1) sid; urgency=low\n"]))
def test_any_text_is_read_or_refused(text: str, start: str) -> None:
    try:
        changes = read_changelog(start + text, "changelog", TEAM)
    except DefinitionError:
        return
    render_changelog("shop", changes)
