"""Packages and Release as text."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.repository.apt import suite as apt
from omnibuild.repository.apt.release import release_text, row_of, rows_of
from omnibuild.repository.state.channel import Index
from omnibuild.repository.state.entries import Deb
from omnibuild.repository.state.ledger import Ledger
from omnibuild.repository.targets.directory import DirectoryTarget
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


def index(target: DirectoryTarget, *debs: Deb) -> Index[Deb]:
    """A suite as it is read after it was written."""
    written = Index(target, Deb, ("amd64", "arm64"))
    for each in debs:
        written.list(apt.list_of(each)).put(each)
    lists = {name: Ledger(target, Deb, ledger.commit()) for name, ledger in written.lists.items()}
    return Index(target, Deb, written.architectures, lists)


def texts(suite: apt.Suite) -> dict[str, str]:
    return {
        path: b"".join(piece.text() for piece in pieces).decode()
        for path, pieces in suite.indexes.items()
    }


def test_packages_text(tmp_path: Path) -> None:
    found = index(DirectoryTarget(tmp_path), deb(Version="1.5-1"), deb())
    suite = apt.suite_of(found, "stable", "Shop", ["main"])
    assert_golden("Packages", texts(suite)["main/binary-amd64/Packages"])
    assert texts(suite)["main/binary-arm64/Packages"] == ""


def test_packages_for_all_are_in_each_index_and_udebs_apart(tmp_path: Path) -> None:
    udeb = msgspec.structs.replace(deb(), path="pool/main/s/shop/shop.udeb")
    found = index(DirectoryTarget(tmp_path), deb(Architecture="all"), deb(), udeb)
    listed = texts(apt.suite_of(found, "stable", "Shop", ["main"]))
    count = {path: text.count("Package: ") for path, text in listed.items()}
    assert count == {
        "main/binary-amd64/Packages": 2,
        "main/binary-arm64/Packages": 1,
        "main/debian-installer/binary-amd64/Packages": 1,
        "main/debian-installer/binary-arm64/Packages": 0,
    }


def test_a_component_has_indexes_of_its_own(tmp_path: Path) -> None:
    other = msgspec.structs.replace(deb(), path="pool/contrib/s/shop/shop.deb")
    udeb = msgspec.structs.replace(deb(), path="pool/contrib/s/shop/shop.udeb")
    found = index(DirectoryTarget(tmp_path), deb(Version="2-1"), other, udeb)
    listed = texts(apt.suite_of(found, "stable", "Shop", ["main", "contrib"]))
    assert [path for path, text in listed.items() if text] == [
        "main/binary-amd64/Packages",
        "contrib/binary-amd64/Packages",
        "contrib/debian-installer/binary-amd64/Packages",
    ]
    assert "Version: 2-1\n" in listed["main/binary-amd64/Packages"]
    assert "main/debian-installer/binary-amd64/Packages" not in listed


def test_release_text() -> None:
    files = {"main/binary-amd64/Packages": b"one\n", "main/binary-amd64/Packages.gz": b"two\n"}
    rows = {path: row_of(data) for path, data in files.items()}
    text = release_text("stable-deb11", "Shop packages", ["arm64", "amd64"], ["main"], rows, DATE)
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
