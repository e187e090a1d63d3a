"""Packages and Release as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omnibuild.package.deb.control import parse_paragraph
from omnibuild.repository.apt import suite as apt
from omnibuild.repository.apt.release import release_text, rows_of, rows_of_files
from omnibuild.repository.state import Deb
from tests.unit.repository.samples import assert_golden

DATE = 1_700_000_000
CONTROL = {
    "Package": "shop",
    "Version": "1.4-1",
    "Architecture": "amd64",
    "Maintainer": "Shop team <team@shop.example>",
    "Description": "The web shop\n Sells things.\n .\n  * and more",
}


def deb(**changes: str) -> Deb:
    control = {**CONTROL, **changes}
    path = f"pool/main/s/shop/shop_{control['Version']}_{control['Architecture']}.deb"
    return Deb(
        name=control["Package"],
        version=control["Version"],
        architecture=control["Architecture"],
        summary="The web shop",
        digest="ab" * 32,
        size=4711,
        path=path,
        stanza=apt.stanza(control, path=path, size=4711, digest="ab" * 32),
    )


def test_packages_text() -> None:
    pieces = apt.packages_index([deb(), deb(Version="1.5-1")])
    assert_golden("Packages", b"".join(pieces).decode())


def test_pieces_keep_their_place_when_packages_come() -> None:
    debs = [deb(Version=f"1.{number}-1") for number in range(2 * apt.PIECE + 3)]
    pieces = apt.packages_index(debs)
    assert pieces[:2] == apt.packages_index(debs[:-1])[:2]
    assert len(pieces) == 3
    assert b"".join(pieces).count(b"Package: ") == len(debs)
    assert apt.packages_index([]) == []


def test_release_text() -> None:
    files = {"main/binary-amd64/Packages": b"one\n", "main/binary-amd64/Packages.gz": b"two\n"}
    rows = rows_of_files(files)
    text = release_text("stable-deb11", "Shop packages", ["arm64", "amd64"], rows, DATE)
    assert_golden("Release", text.decode())
    assert rows_of(text) == rows


line = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
fields = st.dictionaries(
    st.from_regex(r"X-[A-Za-z0-9-]{1,12}", fullmatch=True),
    st.lists(line, min_size=1, max_size=4).map("\n ".join),
    max_size=5,
)


@given(fields)
def test_a_stanza_reads_back(extra: dict[str, str]) -> None:
    control = {**CONTROL, **extra}
    text = apt.stanza(control, path="pool/x", size=1, digest="00")
    assert parse_paragraph(text) == {
        **control,
        "Filename": "pool/x",
        "Size": "1",
        "SHA256": "00",
    }
