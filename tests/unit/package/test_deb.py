from __future__ import annotations

import gzip
import hashlib
import lzma
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests
from omnibuild.digests import of_file
from omnibuild.errors import PackageError
from omnibuild.package.deb.ar import ar_header
from omnibuild.package.deb.reader import check_deb, read_deb_control
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.system_directories import SYSTEM_DIRECTORIES
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Debian
from omnibuild.tree import Kind, scan
from tests.unit.package.samples import (
    DATE,
    DEB,
    Found,
    deb_member,
    expected,
    random_payload,
    read_tar,
    sample_payload,
    unzstd,
    with_metadata,
    write,
)


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    return sample_payload(tmp_path / "root")


def controls_of(path: Path) -> dict[str, tuple[int, bytes]]:
    found, _ = read_tar(gzip.decompress(deb_member(path, "control.tar.gz")), ".")
    return {name: (entry.mode, entry.data) for name, entry in found.items()}


def owned(payload: Payload) -> dict[str, Found]:
    """What a deb holds: no directories of the distribution, and configuration as defaults."""
    found = expected(payload)
    directories = {*SYSTEM_DIRECTORIES}
    for path in payload.config_files:
        place = f"{payload.prefix}/share/omnibuild/defaults{path}".lstrip("/")
        found[place] = found.pop(path.lstrip("/"))
        directories.add("etc/hello")
        for parent in list(Path(place).parents)[:-3]:
            found.setdefault(str(parent), Found(Kind.DIRECTORY, 0o755))
    return {path: entry for path, entry in found.items() if path not in directories}


def test_the_artifact_says_what_was_written(payload: Payload, tmp_path: Path) -> None:
    artifact = write_deb(payload, DEB, tmp_path / "out")
    assert artifact.path == tmp_path / "out" / "hello_1.4.2-3_amd64.deb"
    assert artifact.size == artifact.path.stat().st_size
    assert artifact.digest == digests.of_file(artifact.path)
    assert list((tmp_path / "out").iterdir()) == [artifact.path]


def test_the_data_is_the_payload(payload: Payload, tmp_path: Path) -> None:
    path = write_deb(payload, DEB, tmp_path / "out").path
    found, infos = read_tar(unzstd(deb_member(path, "data.tar.zst")), ".")
    assert found == owned(payload)
    assert {(i.uid, i.gid, i.uname, i.gname, i.mtime) for i in infos} == {
        (0, 0, "root", "root", DATE)
    }
    names = [info.name for info in infos[1:]]
    assert names == sorted(names, key=str.encode)


def test_the_control_archive(payload: Payload, tmp_path: Path) -> None:
    controls = controls_of(write_deb(payload, DEB, tmp_path / "out").path)
    assert list(controls) == [*("control", "md5sums", "postinst", "postrm", "preinst", "prerm")]
    # dpkg asks about conffiles.
    assert "\nroot root 640 /etc/hello/hello.conf\n" in controls["postinst"][1].decode()
    assert controls["postinst"][0] == 0o755
    lines = controls["md5sums"][1].decode().splitlines()
    sums = {line[34:]: line[:32] for line in lines}
    files = {path: e.data for path, e in owned(payload).items() if e.kind is Kind.FILE}
    assert sums == {path: hashlib.md5(data).hexdigest() for path, data in files.items()}  # noqa: S324


def test_empty_control_files_are_left_out(payload: Payload, tmp_path: Path) -> None:
    bare = replace(payload, config_files=(), scripts={})
    controls = controls_of(write_deb(bare, DEB, tmp_path / "out").path)
    assert list(controls) == ["control", "md5sums", "postinst", "postrm", "preinst"]


@pytest.mark.parametrize(
    ("compression", "member", "decompress"),
    [("xz", "data.tar.xz", lzma.decompress), ("gzip", "data.tar.gz", gzip.decompress)],
)
def test_other_compressions_and_a_suffix(
    payload: Payload, tmp_path: Path, compression: str, member: str, decompress: object
) -> None:
    platform = Debian(compression=compression, architecture="arm64", revision_suffix="~deb11")  # type: ignore[arg-type]
    artifact = write_deb(payload, platform, tmp_path / "out")
    assert artifact.path.name == "hello_1.4.2-3~deb11_arm64.deb"
    assert read_deb_control(artifact.path)["Version"] == "1.4.2-3~deb11"
    data = decompress(deb_member(artifact.path, member))  # type: ignore[operator]
    assert read_tar(data, ".")[0] == owned(payload)


@given(st.integers(0, 2**32))
def test_random_trees_come_back_and_bytes_repeat(seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        root.mkdir()
        payload = random_payload(root, seed)
        first = write_deb(payload, DEB, Path(directory) / "1")
        again = write_deb(payload, DEB, Path(directory) / "2")
        assert first.digest == again.digest
        found, _ = read_tar(unzstd(deb_member(first.path, "data.tar.zst")), ".")
        assert found == owned(payload)


def test_names_that_are_not_utf8_survive(payload: Payload, tmp_path: Path) -> None:
    from omnibuild.tree import scan

    (payload.root / "opt/hello/\udcff").write_bytes(b"x")
    path = write_deb(replace(payload, tree=scan(payload.root)), DEB, tmp_path / "out").path
    found, _ = read_tar(unzstd(deb_member(path, "data.tar.zst")), ".")
    assert found["opt/hello/\udcff"].data == b"x"


@pytest.mark.parametrize(
    "changes",
    [
        {"config_files": ("/etc/missing",)},
        {"config_files": ("/etc/hello",)},
        {"config_files": ("/opt/hello/bin/hello",)},
        {"scripts": {"deb": {"postinstall": ""}}},
        {"scripts": {"deb": {"postinst": "\0"}}},
        {"scripts": {"deb": {"postinst": "\udcff"}}},
    ],
)
def test_bad_payloads_leave_nothing_behind(
    payload: Payload, tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(PackageError):
        write_deb(replace(payload, **changes), DEB, tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def known_sums(payload: Payload) -> Payload:
    """Return the payload with the sums that placing finds."""
    sums = {
        entry.digest: hashlib.md5((payload.root / entry.path).read_bytes()).hexdigest()  # noqa: S324
        for entry in payload.tree.files()
    }
    return replace(payload, md5=sums)


@pytest.mark.parametrize("known", [False, True])
def test_a_file_that_changed_leaves_nothing_behind(
    payload: Payload, tmp_path: Path, known: bool
) -> None:
    payload = known_sums(payload) if known else payload
    (payload.root / "opt/hello/bin/raise").write_bytes(b"SETUID")
    with pytest.raises(PackageError, match="not what it was"):
        write_deb(payload, DEB, tmp_path / "out")
    assert list((tmp_path / "out").glob("*")) == []


@pytest.mark.parametrize("change", [b"setuid and more", b"set", b"SETUID"])
def test_a_file_of_another_size_or_content_is_refused(
    payload: Payload, tmp_path: Path, change: bytes
) -> None:
    payload = known_sums(payload)
    (payload.root / "opt/hello/bin/raise").write_bytes(change)
    with pytest.raises(PackageError, match="not what it was"):
        write_deb(payload, DEB, tmp_path / "out")


def test_sums_that_are_known_already_are_the_same(payload: Payload, tmp_path: Path) -> None:
    first = write_deb(payload, DEB, tmp_path / "first")
    second = write_deb(known_sums(payload), DEB, tmp_path / "second")
    assert first.digest == second.digest == of_file(second.path)
    assert second.size == second.path.stat().st_size


def test_a_forged_name_is_refused(payload: Payload, tmp_path: Path) -> None:
    with pytest.raises(PackageError):
        write_deb(with_metadata(payload, name="a\nEssential: yes"), DEB, tmp_path)


def test_the_control_paragraph_is_read_back(payload: Payload, tmp_path: Path) -> None:
    fields = read_deb_control(write_deb(payload, DEB, tmp_path / "out").path)
    assert fields["Package"] == "hello"
    assert fields["Depends"].startswith("libc6 (>= 2.31), systemd | ")
    assert fields["Description"].splitlines()[2] == " ."


@pytest.fixture(scope="module")
def good_deb(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    base = tmp_path_factory.mktemp("deb")
    return write_deb(sample_payload(base / "root"), DEB, base / "out").path.read_bytes()


@given(st.data())
def test_damaged_files_are_refused_or_read(good_deb: bytes, data: st.DataObject) -> None:
    damaged = bytearray(good_deb[: data.draw(st.integers(0, len(good_deb)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            place = data.draw(st.integers(0, min(len(damaged), 700) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(damaged))


@given(st.binary(max_size=3000))
def test_any_control_archive_is_refused_or_read(archive: bytes) -> None:
    for control in (archive, gzip.compress(archive)):
        read_or_refuse(b"!<arch>\n" + ar_header("control.tar.gz", len(control), 0) + control)


@given(st.binary(min_size=156, max_size=156), st.binary(max_size=1024))
def test_any_tar_header_is_refused_or_read(front: bytes, rest: bytes) -> None:
    control = gzip.compress(b"./control".ljust(100, b"\0") + front[100:] + b"0" + rest)
    read_or_refuse(b"!<arch>\n" + ar_header("control.tar.gz", len(control), 0) + control)


def read_or_refuse(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.deb"
        path.write_bytes(content)
        try:
            read_deb_control(path)
        except PackageError as error:
            assert error.where is not None  # noqa: PT017


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("control.tar.gz", gzip.compress(b"\0" * 1024, mtime=0)),
        ("control.tar.xz", b""),
        ("data.tar.gz", b""),
        ("control.tar.gz", b"not gzip"),
        ("control.tar.gz", gzip.compress(bytes(65 << 20), mtime=0)),
    ],
    ids=["empty tar", "xz", "no control", "not gzip", "bomb"],
)
def test_control_archives_that_cannot_be(tmp_path: Path, name: str, control: bytes) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(b"!<arch>\n" + ar_header(name, len(control), 0) + control)
    with pytest.raises(PackageError):
        read_deb_control(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"gone\.deb"):
        read_deb_control(tmp_path / "gone.deb")


def test_a_member_beyond_the_limit_of_ar() -> None:
    with pytest.raises(PackageError):
        ar_header("data.tar.zst", 10**10, 0)


@pytest.mark.parametrize("limit", [100_000, 1_000_000_000])
def test_what_inflates_without_end_is_ended(
    tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnibuild.package.decompression.MOST_BYTES", limit)
    payload = sample_payload(tmp_path / "root")
    write(payload.root, "opt/hello/zeros", bytes(500_000))
    payload = replace(payload, tree=scan(payload.root))
    path = write_deb(payload, DEB, tmp_path / "out").path
    if limit > 500_000:
        assert check_deb(path).fields["Package"] == "hello"
        return
    with pytest.raises(PackageError, match="unpacks to more than 100000 bytes"):
        check_deb(path)
