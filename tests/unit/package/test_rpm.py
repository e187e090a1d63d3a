from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests
from omnibuild.errors import PackageError
from omnibuild.package.opening.opened import open_package
from omnibuild.package.rpm import relations
from omnibuild.package.rpm.header import (
    Field,
    Type,
    encode_header,
    int16,
    int32,
    int64,
    read_header,
    string,
    strings,
)
from omnibuild.package.rpm.reader import RpmFile, read_rpm, read_rpm_headers
from omnibuild.package.rpm.tags import SignatureTag, Tag
from omnibuild.package.rpm.verification import check_rpm
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.package.system_directories import SYSTEM_DIRECTORIES
from omnibuild.payload.model import Payload
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Entry, Kind, Tree, scan
from tests.unit.package.golden import assert_golden
from tests.unit.package.samples import (
    DATE,
    RPM,
    expected,
    random_payload,
    read_cpio,
    sample_payload,
    unzstd,
)


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    return sample_payload(tmp_path / "root")


def payload_of(path: Path) -> bytes:
    return path.read_bytes()[read_rpm_headers(path).payload_start :]


def test_the_artifact_says_what_was_written(payload: Payload, tmp_path: Path) -> None:
    artifact = write_rpm(payload, RPM, tmp_path / "out")
    assert artifact.path == tmp_path / "out" / "hello-1.4.2-3.x86_64.rpm"
    assert artifact.size == artifact.path.stat().st_size
    assert artifact.digest == digests.of_file(artifact.path)
    assert list((tmp_path / "out").iterdir()) == [artifact.path]


def test_golden_header(payload: Payload, tmp_path: Path) -> None:
    headers = read_rpm_headers(write_rpm(payload, RPM, tmp_path / "out").path)
    fields = headers.main.fields()
    # The compressed payload's digest changes with the compressor; test_signature covers it.
    del fields[Tag.PAYLOAD_DIGEST]
    described = {
        Tag(tag).name: {"tag": tag, "type": field.type.name, "value": list(field.value)}
        for tag, field in sorted(fields.items())
    }
    assert_golden("hello.rpm.json", json.dumps(described, indent=1, ensure_ascii=False) + "\n")


def test_the_digests_chain_from_signature_to_payload(payload: Payload, tmp_path: Path) -> None:
    path = write_rpm(payload, RPM, tmp_path / "out").path
    headers = read_rpm_headers(path)
    compressed = payload_of(path)
    signature, main = headers.signature, headers.main
    assert signature.text(SignatureTag.SHA256) == digests.of_bytes(main.blob)
    assert main.strings(Tag.PAYLOAD_DIGEST) == (digests.of_bytes(compressed),)
    assert signature.number(SignatureTag.SIZE) == len(main.blob) + len(compressed)
    assert signature.number(SignatureTag.PAYLOAD_SIZE) == len(unzstd(compressed))
    assert headers.main_start % 8 == 0


def test_the_payload_holds_all_but_system_directories(payload: Payload, tmp_path: Path) -> None:
    path = write_rpm(payload, RPM, tmp_path / "out").path
    found, links = read_cpio(unzstd(payload_of(path)))
    wanted = expected(payload)
    assert set(wanted) - set(found) == {
        "etc", "opt", "usr", "usr/bin", "usr/lib", "usr/lib/systemd", "usr/lib/systemd/system",
    }  # fmt: skip
    assert found == {name: wanted[name] for name in found}
    assert links["opt/hello/bin/hallo"] == (links["opt/hello/bin/hello"][0], 2)
    assert links["opt/hello/bin/raise"][1] == 1


@given(st.integers(0, 2**32))
def test_random_trees_come_back_and_bytes_repeat(seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        root.mkdir()
        payload = random_payload(root, seed)
        first = write_rpm(payload, RPM, Path(directory) / "1")
        again = write_rpm(payload, RPM, Path(directory) / "2")
        assert first.digest == again.digest
        found, links = read_cpio(unzstd(payload_of(first.path)))
        assert found == expected(payload)
        assert {name: inode for name, (inode, _) in links.items()}.keys() == found.keys()
        kinds = {Kind.DIRECTORY: "dir"}
        assert set(read_rpm(first.path).files) == {
            RpmFile(f"/{name}", kinds.get(entry.kind, "file"))  # type: ignore[arg-type]
            for name, entry in found.items()
        }


def test_what_yum_repeats_is_read_back(payload: Payload, tmp_path: Path) -> None:
    path = write_rpm(payload, RPM, tmp_path / "out").path
    info = read_rpm(path)
    assert (info.name, info.epoch, info.version, info.release) == ("hello", 0, "1.4.2", "3")
    assert (info.architecture, info.url) == ("x86_64", "https://example.org/hello")
    assert (info.license, info.vendor) == ("MIT", "Example")
    assert info.packager == "Hello team <hello@example.org>"
    assert (info.group, info.build_host, info.build_time) == ("Unspecified", "omnibuild", DATE)
    assert info.source_rpm == "hello-1.4.2-3.src.rpm"
    assert info.summary == "Greets the world"
    assert info.description.startswith("Says hello.\n\nIn many")
    links = sum(len(e.target.encode()) for e in payload.tree.entries if e.kind is Kind.SYMLINK)
    assert info.installed_size == payload.tree.size + links
    content = path.read_bytes()
    assert info.header_digest == digests.of_bytes(content[info.header_start : info.header_end])
    assert info.archive_size == len(unzstd(content[info.header_end :]))
    assert [(r.name, r.comparison, r.version) for r in info.conflicts] == [
        ("hello-classic", "LT", "1.0")
    ]
    assert [r.name for r in info.requires if not r.is_feature] == [
        "(systemd or systemd-standalone-sysusers > 249)", "/bin/sh", "/bin/sh", "libc6",
    ]  # fmt: skip
    assert RpmFile("/etc/hello", "dir") in info.files
    assert RpmFile("/usr/bin/hello", "file") in info.files


def test_a_package_without_files(tmp_path: Path) -> None:
    from tests.unit.package.samples import METADATA

    empty = Payload(METADATA, tmp_path, Tree(()), prefix="/opt/hello")
    info = read_rpm(write_rpm(empty, RPM, tmp_path).path)
    assert info.files == ()
    assert info.installed_size == 0


def test_a_file_of_four_gib_is_refused_before_it_is_read(tmp_path: Path) -> None:
    from tests.unit.package.samples import METADATA

    huge = Tree.of([Entry("opt/hello/huge", Kind.FILE, 0o644, 2**32, "0" * 64)])
    with pytest.raises(PackageError, match="4 GiB"):
        write_rpm(Payload(METADATA, tmp_path, huge, prefix="/opt/hello"), RPM, tmp_path)


def test_sizes_beyond_32_bits_take_the_long_tags() -> None:
    from omnibuild.package.rpm.writer import _sized

    assert _sized(1000, 270, 2**32 - 1) == {1000: int32([2**32 - 1])}
    assert _sized(1000, 270, 2**32) == {270: int64([2**32])}


@pytest.mark.parametrize(
    "changes",
    [
        {"config_files": ("/etc/missing",)},
        {"scripts": {"rpm": {"postinst": ""}}},
        {"scripts": {"rpm": {"pre": "a\0b"}}},
    ],
)
def test_bad_payloads_are_refused(
    payload: Payload, tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(PackageError):
        write_rpm(replace(payload, **changes), RPM, tmp_path / "out")  # type: ignore[arg-type]


def test_names_that_are_not_utf8_are_refused(payload: Payload, tmp_path: Path) -> None:
    (payload.root / "opt/hello/\udcff").write_bytes(b"x")
    with pytest.raises(PackageError, match="UTF-8"):
        write_rpm(replace(payload, tree=scan(payload.root)), RPM, tmp_path / "out")


def test_system_directories_are_closed_upwards() -> None:
    for directory in SYSTEM_DIRECTORIES:
        parent = directory.rpartition("/")[0]
        assert not parent or parent in SYSTEM_DIRECTORIES
    assert {"opt", "usr/bin", "usr/lib/systemd/system", "etc/systemd/system"} < SYSTEM_DIRECTORIES
    assert "etc/hello" not in SYSTEM_DIRECTORIES


def test_a_header_comes_back(tmp_path: Path) -> None:
    fields = {
        1000: string("ü"),
        1001: int16([1, 65535]),
        1002: strings(["", "a", ""]),
        1003: int64([2**40]),
        1004: Field(Type.BINARY, b"\0\1"),
        1005: int32([7]),
    }
    (tmp_path / "header").write_bytes(encode_header(fields, Tag.IMMUTABLE_REGION))
    with (tmp_path / "header").open("rb") as stream:
        header = read_header(stream, Tag.IMMUTABLE_REGION)
    assert header.fields() == fields
    assert header.number(9, 1005) == 7
    assert header.text(9) == ""


@pytest.fixture(scope="module")
def good_rpm(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    base = tmp_path_factory.mktemp("rpm")
    return write_rpm(sample_payload(base / "root"), RPM, base / "out").path.read_bytes()


@given(st.data())
def test_damaged_files_are_refused_or_read(good_rpm: bytes, data: st.DataObject) -> None:
    from omnibuild.package.rpm.header import INTRO

    headers_size = 96 + 8 + INTRO.size
    damaged = bytearray(good_rpm[: data.draw(st.integers(0, len(good_rpm)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            limit = data.draw(st.sampled_from([headers_size + 200, 4000, len(damaged)]))
            place = data.draw(st.integers(0, min(len(damaged), limit) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.rpm"
        path.write_bytes(bytes(damaged))
        try:
            read_rpm(path)
            read_rpm_headers(path).main.fields()
        except PackageError as error:
            assert error.what  # noqa: PT017


@given(st.data())
def test_a_forged_index_is_refused_or_read(data: st.DataObject) -> None:
    """The main header's digest guards little here: whoever forges can compute it."""
    from omnibuild.package.rpm.signature import encode_signature_header
    from omnibuild.package.rpm.writer import _lead

    blob = bytearray(encode_header({Tag(t): string("x") for t in range(1000, 1003)}, 63))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(8, len(blob) - 1))
        blob[place] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.rpm"
        signature = {SignatureTag.SHA256: string(digests.of_bytes(bytes(blob)))}
        path.write_bytes(_lead("x") + encode_signature_header(signature) + bytes(blob))
        try:
            read_rpm(path)
        except PackageError as error:
            assert error.what  # noqa: PT017


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("depends", "(a or b and c)"),
        ("depends", "(a b)"),
        ("recommends", "(a if b unless c)"),
        ("conflicts", "(a or (b)"),
        ("depends", "(" * 10_000),
        ("provides", "(a or b)"),
    ],
)
def test_expressions_that_hosts_cannot_parse_are_refused(
    payload: Payload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    """Other programs write what they like."""
    monkeypatch.setattr(relations, "parse_rpm_relation", lambda text, condition: (text, "", ""))
    foreign = replace(payload.metadata, overrides={"rpm": {kind: (text,)}})
    path = write_rpm(replace(payload, metadata=foreign), RPM, tmp_path / "out").path
    with pytest.raises(PackageError, match="no boolean expression"):
        check_rpm(path)


def test_others_expressions_are_taken(
    payload: Payload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relations, "parse_rpm_relation", lambda text, condition: (text, "", ""))
    text = "(bundled(golang(x.org/y)) >= 1.2 if npm(@z/w) = 3 else (q with r with s))"
    foreign = replace(payload.metadata, overrides={"rpm": {"depends": (text,)}})
    path = write_rpm(replace(payload, metadata=foreign), RPM, tmp_path / "out").path
    assert text in [relation.name for relation in check_rpm(path).requires]


def test_files_belong_to_whom_the_payload_says(payload: Payload, tmp_path: Path) -> None:
    owned = replace(payload, owners={"/etc/hello/hello.conf": ("root", "hello")})
    main = read_rpm_headers(write_rpm(owned, RPM, tmp_path / "out").path).main
    names = main.strings(Tag.BASE_NAMES)
    groups = dict(zip(names, main.strings(Tag.FILE_GROUPS), strict=True))
    assert {name for name, group in groups.items() if group != "root"} == {"hello.conf"}
    assert groups["hello.conf"] == "hello"
    assert set(main.strings(Tag.FILE_USERS)) == {"root"}
    mode = dict(zip(names, main.numbers(Tag.FILE_MODES), strict=True))["hello.conf"]
    assert mode & 0o7777 == 0o640


def test_ghosts_are_listed_and_not_packed(payload: Payload, tmp_path: Path) -> None:
    ghosts = {"/etc/hello/made here": (), "/var/cache/other": ("deb",), "/opt/hello/z": ("rpm",)}
    haunted = replace(payload, ghosts=ghosts)
    assert Payload.from_data(haunted.to_data(), payload.root, payload.tree).ghosts == ghosts
    path = write_rpm(haunted, RPM, tmp_path / "out").path
    found = {file.path for file in check_rpm(path).files if file.type == "ghost"}
    assert found == {"/etc/hello/made here", "/opt/hello/z"}
    plain = write_rpm(payload, RPM, tmp_path / "plain").path
    trees = []
    for name, each in (("haunted", path), ("plain", plain)):
        scratch = tmp_path / f"opened-{name}"
        scratch.mkdir()
        trees.append(open_package(each, scratch, Limits()).payload.tree)
    assert trees[0] == trees[1]
