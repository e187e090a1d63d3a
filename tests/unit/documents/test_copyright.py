from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from omnibuild.documents.copyright import copyright_file, patterns
from omnibuild.documents.licences import Licensed
from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.recipe.models import App
from tests.unit.package.golden import assert_golden

APP = App(
    name="shop",
    version="1.0",
    summary="The web shop",
    license="MIT",
    maintainer="Shop team <shop@example.com>",
    homepage="https://shop.example",
)
APACHE = "Apache License\n\n  Version 2.0\n\n1. Definitions.\f"
PARTS = (
    Licensed(
        "zlib",
        "1.3.1",
        "Zlib",
        "https://zlib.net",
        ("Copyright (C) 1995-2024 Jean-loup Gailly and Mark Adler",),
        {"share/licenses/zlib/LICENSE": "zlib's text"},
        ("lib/libz.so.1", "share/licenses/zlib/LICENSE"),
    ),
    Licensed(
        "openssl",
        "3.5.0",
        "Apache-2.0",
        "",
        (),
        {"share/licenses/openssl/LICENSE.txt": APACHE},
        ("bin/openssl",),
    ),
    Licensed(
        "python-3.13",
        "3.13.9",
        "PSF-2.0",
        "https://www.python.org",
        (),
        {"share/licenses/python-3.13/LICENSE": "python's text\n" * 1000},
        (
            *("bin/python3.13", "lib/python3.13/abc.py", "lib/python3.13/json/decoder.py"),
            *("lib/python3.13/json/encoder.py", "lib/python3.13/site-packages/README.txt"),
        ),
    ),
    Licensed(
        "requests",
        "2.32",
        "Apache-2.0",
        "",
        (),
        {"lib/python3.13/site-packages/requests-2.32.dist-info/LICENSE": APACHE},
        ("lib/python3.13/site-packages/requests/api.py",),
    ),
    Licensed(
        "mit-thing",
        "1",
        "Apache-2.0",
        "",
        (),
        {"x": "Another text"},
        ("lib/python3.13/site-packages/m b.py",),
    ),
    Licensed("bare", "", "", "", (), {}, ("lib/python3.13/site-packages/bare.py",)),
    Licensed(
        "shop", "1.0", "MIT", "", ("Copyright 2024 Shop",), {"y": "MIT text"}, ("app/x",), own=True
    ),
)


def paragraphs(text: str) -> list[dict[str, str]]:
    return [parse_paragraph(each) for each in text.rstrip("\n").split("\n\n")]


def test_golden() -> None:
    text = copyright_file(APP, "/opt/shop", PARTS)
    assert_golden("shop.copyright", text)
    found = paragraphs(text)
    assert found[1]["Files"] == "*"
    assert found[1]["License"] == "MIT\n MIT text"
    named = {each["License"] for each in found if "Files" in each and each["Files"] != "*"}
    alone = [each["License"] for each in found if "License" in each and "Files" not in each]
    texts = [each.partition("\n")[0] for each in alone]
    # Each licence that a part has is there once, also where two are called the same.
    assert named == set(texts)
    assert len(texts) == len(set(texts))


def test_an_app_of_nothing_else() -> None:
    found = paragraphs(copyright_file(APP, "/opt/shop", ()))
    assert [each.get("Files") for each in found] == [None, "*"]
    assert found[1]["Copyright"] == "Shop team <shop@example.com>"


def owner(path: str, globs: Mapping[str, Sequence[str]]) -> str:
    """Return whose a file is: of the last that matches, as the format has it."""
    found = ""
    for name, patterns_of in globs.items():
        for glob in patterns_of:
            expression = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
            if re.fullmatch(expression, path, re.DOTALL):
                found = name
    return found


PATHS = st.lists(st.sampled_from(["a", "b", "c d", "lib"]), min_size=1, max_size=5).map("/".join)


@given(st.dictionaries(PATHS, st.sampled_from("xyz"), max_size=20))
def test_each_file_is_said_to_be_whose_it_is(owners: dict[str, str]) -> None:
    # A file is no directory of another.
    files = {
        path: who
        for path, who in owners.items()
        if not any(other.startswith(f"{path}/") for other in owners)
    }
    by_part = {
        part: [path for path, who in files.items() if who == part]
        for part in sorted(set(files.values()))
    }
    found = patterns(by_part)
    assert {path: owner(path, found) for path in files} == files


@given(st.text(), st.text())
def test_any_text_makes_a_readable_file(text: str, called: str) -> None:
    part = replace(PARTS[0], texts={"x": text}, license=called, holders=(text,))
    copyright_file(APP, "/opt/shop", (part,))


def test_names_of_any_bytes_make_a_text() -> None:
    part = replace(PARTS[0], files=("lib/a\udcffb", "lib/x\u2028y", "lib/*?\\"))
    text = copyright_file(APP, "/opt/shop", (part,))
    assert "lib/a?b\n" in text
    assert "lib/x?y\n" in text
    assert r"lib/\*\?\\" in text
    text.encode()
