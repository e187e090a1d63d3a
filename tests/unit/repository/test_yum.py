"""yum's metadata as text, and the order in which a tree is written."""

from __future__ import annotations

import gzip
import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from xml.sax import saxutils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.package.rpm.notation import RpmRelation
from omnibuild.package.rpm.reader import RpmChange, RpmFile, RpmInfo
from omnibuild.package.rpm.tags import Sense
from omnibuild.repository import layout
from omnibuild.repository.state.entries import Rpm
from omnibuild.repository.targets.directory import DirectoryTarget
from omnibuild.repository.yum import metadata as yum
from omnibuild.repository.yum import tree
from omnibuild.repository.yum.elements import (
    SignedFile,
    changes_of,
    filelists_element,
    other_element,
    primary_element,
    split_version,
)
from omnibuild.repository.yum.elements import said as read_back
from omnibuild.repository.yum.escaping import escaped, quoted
from tests.unit.repository.samples import assert_golden, listing, signer

DATE = 1_700_000_000
DIGEST = "cd" * 32
FILE = SignedFile("Packages/s/shop-1.4-1.x86_64.rpm", DIGEST, 4711)
COMMON = {"c": yum.COMMON, "rpm": yum.RPM_NAMESPACE}


def info(summary: str = "The <web> shop & more", name: str = "shop") -> RpmInfo:
    return RpmInfo(
        name=name,
        epoch=2,
        version="1.4",
        release="1",
        architecture="x86_64",
        summary=summary,
        description="Sells things.\n\nMany.",
        url="https://shop.example",
        license="MIT",
        vendor="",
        packager="Shop team <team@shop.example>",
        group="",
        build_host="localhost",
        source_rpm="shop-1.4-1.src.rpm",
        build_time=DATE,
        installed_size=100,
        archive_size=200,
        header_start=300,
        header_end=400,
        header_digest="ab" * 32,
        provides=(RpmRelation("shop", "2:1.4-1", Sense.EQUAL),),
        requires=(
            RpmRelation("/bin/sh", "", Sense.SCRIPT_PRE | Sense.INTERPRETER),
            RpmRelation("libc.so.6(GLIBC_2.30)(64bit)"),
            RpmRelation("rpmlib(PayloadIsZstd)", "5.4.18-1", Sense.RPMLIB | Sense.EQUAL),
        ),
        recommends=(RpmRelation("postgresql", "13", Sense.GREATER | Sense.EQUAL),),
        suggests=(RpmRelation("redis"),),
        supplements=(RpmRelation("(nginx and postgresql)"),),
        enhances=(RpmRelation("nginx"),),
        conflicts=(),
        obsoletes=(RpmRelation("old-shop", "1.0", Sense.LESS),),
        files=(
            RpmFile("/opt/shop", "dir"),
            RpmFile("/opt/shop/bin/shop", "file"),
            RpmFile("/opt/shop/share/ünïcode & more", "file"),
            RpmFile("/var/log/shop", "ghost"),
        ),
        changes=(
            RpmChange(1_700_000_000, "Shop team <team@shop.example> - 1.4-1", "- newer"),
            RpmChange(1_600_000_000, "Shop team <team@shop.example> - 1.3-1", "- older"),
        ),
    )


def rpm(version: str = "1.4-1") -> Rpm:
    return Rpm(
        name="shop",
        version=version,
        architecture="x86_64",
        summary="",
        identity="ab" * 32,
        digest=DIGEST,
        size=4711,
        path=FILE.path,
        primary=primary_element(info(), FILE),
        other=other_element(info(), DIGEST),
    )


def metadata(base: str = "") -> yum.Metadata:
    shard = yum.compress(filelists_element(info(), DIGEST))
    return yum.Metadata(pieces([rpm()]), lambda _: shard, base=base)


def pieces(rpms: list[Rpm]) -> list[yum.Piece]:
    return [yum.Piece(f"{len(rpms)}", len(rpms), lambda: rpms)]


def test_elements() -> None:
    text = primary_element(info(), FILE) + filelists_element(info(), DIGEST)
    assert_golden("elements.xml", text + other_element(info(), DIGEST))


def test_repomd_text() -> None:
    # Digest and size of compressed files are the compressor's own affair.
    text = re.sub("[0-9a-f]{64}", "DIGEST", metadata().repomd(DATE).decode())
    assert_golden("repomd.xml", re.sub("<size>[0-9]+", "<size>SIZE", text))


def test_documents_are_well_formed() -> None:
    for kind, data in metadata().parts.items():
        document = ElementTree.fromstring(gzip.decompress(data))  # noqa: S314
        assert document.get("packages") == "1", kind


def test_a_generation_says_where_packages_lie() -> None:
    base = "https://shop.example/yum/t/"
    primary = ElementTree.fromstring(gzip.decompress(metadata(base).parts["primary"]))  # noqa: S314
    location = primary.find(".//c:location", COMMON)
    assert location is not None
    assert location.get("href") == FILE.path, "mirror programs store by it"
    assert location.get("{http://www.w3.org/XML/1998/namespace}base") == base


# What XML has letters for, and no parser changes.
printable = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF))


@given(st.text(), st.text(min_size=1))
def test_any_text_gives_xml(summary: str, name: str) -> None:
    element = f'<x xmlns:rpm="{yum.RPM_NAMESPACE}">{primary_element(info(summary, name), FILE)}</x>'
    found = ElementTree.fromstring(element).find("./package/summary")  # noqa: S314
    assert found is not None
    if summary.isascii() and summary.isprintable():
        assert (found.text or "") == summary


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), printable, printable), max_size=3))
def test_changes_are_read_as_they_were_written(changes: list[tuple[int, str, str]]) -> None:
    said = tuple(RpmChange(*each) for each in changes)
    element = other_element(replace(info(), changes=said), DIGEST)
    assert changes_of(element) == list(said)


def test_simple_elements_are_read() -> None:
    element = primary_element(info("a < b & c", "x"), FILE)
    assert read_back(element, "summary") == "a < b & c"
    assert read_back(element, "nothing") == ""


def test_split_version() -> None:
    assert split_version("3:1.0-2~rc1.el9") == ("3", "1.0", "2~rc1.el9")
    assert split_version("1.0") == ("0", "1.0", "")


def publish(root: Path, rpms: list[Rpm], base_url: str = "", date: int = DATE) -> bool:
    target = DirectoryTarget(root)
    target.put(layout.filelists_shard("ab" * 32), yum.compress("<package/>\n"))
    return tree.publish_tree(target, tree.Tree("yum/t", pieces(rpms)), signer(), date, base_url)


def test_without_an_address_there_is_no_mirrorlist(tmp_path: Path) -> None:
    assert publish(tmp_path, [rpm()])
    assert not (tmp_path / "yum/t/mirrorlist").exists()
    assert (tmp_path / "yum/t/repodata/repomd.xml.asc").exists()


def test_an_unchanged_tree_stays_as_it_is(tmp_path: Path) -> None:
    assert publish(tmp_path, [rpm()], "https://shop.example")
    before = listing(tmp_path)
    assert not publish(tmp_path, [rpm()], "https://shop.example", DATE + 100)
    assert listing(tmp_path) == before


def test_the_mirrorlist_names_complete_generations_only(tmp_path: Path) -> None:
    publish(tmp_path, [], "https://shop.example")
    half = tmp_path / "yum/t/gen-2/repodata"
    half.mkdir(parents=True)
    (half / "left-by-a-killed-publisher").touch()
    publish(tmp_path, [rpm()], "https://shop.example")
    mirrorlist = (tmp_path / "yum/t/mirrorlist").read_text()
    assert mirrorlist == "https://shop.example/yum/t/gen-3/\n"
    assert (tmp_path / "yum/t/gen-1/repodata/repomd.xml").exists()


def age(root: Path) -> None:
    """Have everything look as if it was written long ago, in the same order."""
    for number, path in enumerate(sorted(root.rglob("*"), key=lambda p: p.stat().st_mtime_ns)):
        os.utime(path, (DATE + number, DATE + number))


def test_old_generations_go(tmp_path: Path) -> None:
    for count in range(tree.KEPT_GENERATIONS + 4):
        publish(tmp_path, [rpm()] * count, "https://shop.example", DATE + count)
    place = tmp_path / "yum/t"
    assert (place / "gen-1").exists(), "it is not an hour old"
    age(tmp_path)
    publish(tmp_path, [rpm()] * 99, "https://shop.example", DATE + 99)
    assert len(list(place.glob("gen-*"))) == tree.KEPT_GENERATIONS + 1
    assert len(list((place / "repodata").glob("*-primary.xml.gz"))) == tree.KEPT_GENERATIONS + 1


def test_what_was_current_until_now_stays(tmp_path: Path) -> None:
    publish(tmp_path, [rpm()], "https://shop.example")
    first = {path for path in tmp_path.rglob("yum/**/*") if path.suffix == ".gz"}
    age(tmp_path)
    for count in range(2, tree.KEPT_GENERATIONS + 5):
        publish(tmp_path, [rpm()] * count, "https://shop.example", DATE + count)
    assert all(path.exists() for path in first)


@pytest.mark.parametrize("now", [DATE, DATE - 3600, DATE + 3600])
def test_each_revision_is_later_than_the_one_before(tmp_path: Path, now: int) -> None:
    publish(tmp_path, [], date=DATE)
    repomd = tmp_path / "yum/t/repodata/repomd.xml"
    before = int(repomd.stat().st_mtime)
    publish(tmp_path, [rpm()], date=now)
    assert tree.revision(repomd.read_bytes()) == max(now, DATE + 1)
    assert int(repomd.stat().st_mtime) > before


@pytest.mark.parametrize("name", ["repomd.xml", "repomd.xml.asc", "*-primary.xml.gz"])
def test_what_is_damaged_is_written_again(tmp_path: Path, name: str) -> None:
    publish(tmp_path, [rpm()], "https://shop.example")
    place = tmp_path / "yum/t"
    whole = {path: path.read_bytes() for path in place.rglob("repodata/*.gz")}
    for path in place.rglob(f"repodata/{name}"):
        path.write_bytes(path.read_bytes()[:-30])
    assert publish(tmp_path, [rpm()], "https://shop.example", DATE + 100)
    newest = (place / "mirrorlist").read_text().rstrip("/\n").rpartition("/")[2]
    for directory in (place / "repodata", place / newest / "repodata"):
        repomd = (directory / "repomd.xml").read_bytes()
        assert signer().has_signed(repomd, (directory / "repomd.xml.asc").read_bytes())
    for path, content in whole.items():
        assert path.read_bytes() == content
    assert not publish(tmp_path, [rpm()], "https://shop.example", DATE + 200)


@given(st.text(st.sampled_from("a&<>\"'\n\r\t é")))
def test_text_is_escaped_as_by_the_standard_library(text: str) -> None:
    assert escaped(text) == saxutils.escape(text)
    assert quoted(text) == saxutils.quoteattr(text)
