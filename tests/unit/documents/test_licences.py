from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.documents.licences import Licensed, holders, licensed
from omnibuild.payload.assembly import Part
from omnibuild.tree import scan

SITE = "lib/python3.13/site-packages"
METADATA = """\
Metadata-Version: 2.4
Name: Flask_Thing
Version: 3.1
{said}

Body with License: none of it.
"""


def part(base: Path, name: str, files: dict[str, str], prune: tuple[str, ...] = ()) -> Part:
    for path, content in files.items():
        (base / name / path).parent.mkdir(parents=True, exist_ok=True)
        (base / name / path).write_text(content)
    return Part(name, scan(base / name), base / name, prune)


def of(part: Part, *components: dict[str, str], own: tuple[str, ...] = ()) -> Licensed:
    (found,) = licensed([part], {"components": list(components)}, own)
    return found


def test_a_component_is_what_its_definition_says(tmp_path: Path) -> None:
    files = {
        "lib/libz.so": "",
        "share/licenses/zlib/LICENSE": "\n\n (C) 1995-2024 x\n Copyright (C) 1995-2024 Jean-loup\n",
        "share/licenses/zlib/AUTHORS": "  \n",
        "share/doc/LICENSE": "of something else",
    }
    said = {"name": "zlib", "version": "1.3.1", "license": "Zlib", "homepage": "https://zlib.net"}
    found = of(part(tmp_path, "zlib", files), said)
    assert (found.name, found.version, found.license) == ("zlib", "1.3.1", "Zlib")
    assert found.homepage == "https://zlib.net"
    assert found.holders == ("Copyright (C) 1995-2024 Jean-loup",)
    assert found.texts == {
        "share/licenses/zlib/LICENSE": " (C) 1995-2024 x\n Copyright (C) 1995-2024 Jean-loup"
    }
    assert set(found.files) == set(files)
    assert not found.own


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: MIT", "MIT OR Apache-2.0"),
        ("License: BSD-3-Clause", "BSD-3-Clause"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
        (
            "License: a whole\n        text\nClassifier: License :: OSI Approved :: BSD License\n"
            "Classifier: License :: Public Domain\nClassifier: Topic :: X",
            "BSD License or Public Domain",
        ),
        ("Summary: nothing", ""),
    ],
)
def test_a_distribution_is_what_it_says_of_itself(tmp_path: Path, said: str, expected: str) -> None:
    links = (
        "Author: A. Person\nProject-URL: Documentation, https://x\nProject-URL: Source , https://y"
    )
    info = f"{SITE}/flask_thing-3.1.dist-info"
    files = {
        f"{info}/METADATA": METADATA.format(said=f"{said}\n{links}"),
        f"{info}/LICENSE.rst": "BSD",
        f"{info}/licenses/vendor/COPYING": "GPL",
        f"{info}/RECORD": "",
        f"{SITE}/flask_thing/LICENSE": "no licence of its own",
    }
    found = of(part(tmp_path, "python:flask-thing", files), own=("python:flask-thing",))
    assert (found.name, found.version, found.license) == ("flask-thing", "3.1", expected)
    assert found.homepage == "https://y"
    assert found.holders == ("A. Person",)
    assert found.texts == {f"{info}/LICENSE.rst": "BSD", f"{info}/licenses/vendor/COPYING": "GPL"}
    assert found.own


def test_what_is_left_out_counts_nowhere(tmp_path: Path) -> None:
    files = {"bin/x": "", "include/x.h": ""}
    found = of(
        part(tmp_path, "root:gcc", files, prune=("include/**",)), {"name": "gcc", "version": "10"}
    )
    assert (found.name, found.version, found.files) == ("gcc", "10", ("bin/x",))


def test_a_component_and_a_distribution_of_one_name_are_two(tmp_path: Path) -> None:
    found = of(part(tmp_path, "python:brotli", {"x.py": ""}), {"name": "brotli", "version": "1.1"})
    assert (found.name, found.version) == ("brotli", "")


def test_lines_that_name_holders() -> None:
    text = """\
    Copyright 2010 Pallets
    # Copyright (c) 2011-2024, A. Person <a@example.org>.
     * copyright © 2012 B. Person
     Portions Copyright (C) 1999 C
     Copyright (C) <year>  <name of author>
    The copyright notice above shall be kept. Copyright holders are not liable.
    Copyright 2010   Pallets
    """
    assert holders([text]) == (
        "Copyright (c) 2011-2024, A. Person <a@example.org>.",
        "Copyright 2010 Pallets",
        "Portions Copyright (C) 1999 C",
        "copyright © 2012 B. Person",
    )


def test_texts_of_nothing_are_read_at_once() -> None:
    """A search that crosses lines would take hours for these."""
    for blank in ("\n", " \n", "* ", "Copyright\n", "Copyright 2010 "):
        assert len(holders([blank * 60_000])) <= 1
