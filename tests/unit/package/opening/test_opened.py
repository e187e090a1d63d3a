"""Packages laid open: what was packed comes out, and nothing of what they say leads anywhere."""

from __future__ import annotations

import dataclasses
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.errors import PackageError
from omnibuild.package.deb.ar import ar_header, ar_padding
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.opening.opened import Opened, open_package
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.package.tar.writer import write_tar
from omnibuild.recipe.models import Debian, Rpm, Tar
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Entry, Kind, Tree
from tests.unit.package.samples import sample_payload

DEB = Debian(compression="zstd", architecture="amd64")
RPM = Rpm(architecture="x86_64", tree="el9")
TAR = Tar(architecture="x86_64")


def opened(base: Path, data: bytes, limits: Limits | None = None) -> Opened:
    """Open a file of these bytes; whatever happens, only contents are written."""
    scratch = base / "scratch"
    for old in scratch.glob("*"):
        old.unlink()
    scratch.mkdir(exist_ok=True)
    (base / "package").write_bytes(data)
    try:
        return open_package(base / "package", scratch, limits or Limits())
    finally:
        assert sorted(path.name for path in base.iterdir()) == ["package", "scratch"]
        assert all(path.is_file() and not path.is_symlink() for path in scratch.rglob("*"))


def packages(base: Path) -> dict[str, bytes]:
    payload = sample_payload(base / "payload")
    (base / "out").mkdir()
    written = {
        "deb": write_deb(payload, DEB, base / "out", "quick"),
        "rpm": write_rpm(payload, RPM, base / "out", "quick"),
        "tar": write_tar(payload, TAR, base / "out", "quick"),
    }
    return {form: artifact.path.read_bytes() for form, artifact in written.items()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return packages(tmp_path_factory.mktemp("written"))


def files(tree: Tree, below: str = "") -> dict[str, tuple[Kind, int, str, str]]:
    """What is in a tree, without directories; hard links as what they repeat."""
    found = {}
    for entry in tree.entries:
        file = tree.by_path[entry.target] if entry.kind is Kind.HARDLINK else entry
        target = entry.target.removeprefix(below)
        if entry.kind is not Kind.DIRECTORY and entry.path.startswith(below):
            path = entry.path.removeprefix(below)
            found[path] = (entry.kind, entry.mode, file.digest, target)
    return found


@pytest.mark.parametrize("form", ["deb", "rpm", "tar"])
def test_what_was_packed_comes_out(tmp_path: Path, written: dict[str, bytes], form: str) -> None:
    (tmp_path / "package").mkdir()
    package = opened(tmp_path / "package", written[form])
    payload = sample_payload(tmp_path / "payload")
    top = f"{package.payload.tree.entries[0].path}/" if form == "tar" else ""
    below = "opt/hello/" if form == "tar" else ""
    wanted = files(payload.tree, below)
    assert files(package.payload.tree, top) == wanted
    for entry in package.payload.tree.files():
        place = payload.root / below / entry.path.removeprefix(top)
        assert package.payload.read(entry) == place.read_bytes()
    assert package.payload.prefix == ("" if form == "tar" else "/opt/hello")
    assert package.architecture == {"deb": "amd64", "rpm": "x86_64", "tar": ""}[form]


def test_a_directory_is_read_where_it_is(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "payload")
    package = open_package(payload.root, tmp_path / "unused", Limits())
    assert package.payload.tree == payload.tree
    (twin,) = (e for e in package.payload.tree.entries if e.path == "opt/hello/bin/hello")
    assert package.payload.read(twin) == (payload.root / "opt/hello/bin/hallo").read_bytes()
    os.mkfifo(payload.root / "fifo")
    with pytest.raises(PackageError, match="cannot be packaged"):
        open_package(payload.root, tmp_path / "unused", Limits())


def tarball(*members: tuple[str, bytes, dict[str, object]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content, more in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.LNKTYPE) -> tuple[str, bytes, dict]:
    return (name, b"", {"type": kind, "linkname": target})


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([("../outside", b"x", {})], "lies outside"),
        ([("a/../../outside", b"x", {})], "lies outside"),
        ([link("x", "/etc/passwd")], "no file in it"),
        ([link("x", "../outside")], "lies outside"),
        ([("d", b"", {"type": tarfile.DIRTYPE}), link("x", "d")], "no file in it"),
        ([("x", b"1", {}), ("x/y", b"2", {})], "below a file"),
        ([("a/" * 300 + "x", b"", {})], "too deep"),
        ([("x" * 5000, b"", {})], "too deep or too long"),
    ],
)
def test_what_no_package_may_hold(tmp_path: Path, members: list, why: str) -> None:
    with pytest.raises(PackageError, match=why) as caught:
        opened(tmp_path, tarball(*members))
    assert caught.value.where.file == str(tmp_path / "package")


def test_devices_and_fifos_are_told_and_no_files_that_somebody_may_change(tmp_path: Path) -> None:
    kinds = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    members = [(f"dev/{n}", b"", {"type": kind, "mode": 0o666}) for n, kind in enumerate(kinds)]
    package = opened(tmp_path, tarball(*members, ("dev/1", b"a file", {"mode": 0o600})))
    assert package.said == {"devices and fifos": ("/dev/0", "/dev/2")}
    modes = {each.path: each.mode for each in package.payload.tree.entries}
    assert modes == {"dev": 0o755, "dev/0": 0o644, "dev/1": 0o600, "dev/2": 0o644}


def test_a_directory_of_packages_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "usr/share").mkdir(parents=True)
    (tmp_path / "usr/share/x.deb").touch()
    assert open_package(tmp_path, tmp_path, Limits()).payload.tree.entries
    (tmp_path / "x_1.0_amd64.deb").touch()
    with pytest.raises(PackageError, match=r"a directory of packages, as x_1\.0_amd64") as caught:
        open_package(tmp_path, tmp_path, Limits())
    assert caught.value.hint == f"name them: {tmp_path}/*"


def test_bounds(tmp_path: Path) -> None:
    large = tarball(("a", bytes(5000), {}), ("b", bytes(6000), {}))
    for most in (8_000, 15_000):
        with pytest.raises(PackageError, match="holds more") as caught:
            opened(tmp_path, large, Limits(size=most))
        assert "--max-unpacked" in caught.value.hint
    with pytest.raises(PackageError, match="more than 1 entries"):
        opened(tmp_path, large, Limits(entries=1))


def test_whom_files_belong_to_and_what_they_may(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "payload")
    payload = dataclasses.replace(
        payload,
        owners={"/opt/hello/bin/hello": ("root", "hello")},
        capabilities={"/opt/hello/bin/hallo": "cap_net_raw=ep"},
    )
    (tmp_path / "out").mkdir()
    data = write_rpm(payload, RPM, tmp_path / "out", "quick").path.read_bytes()
    (tmp_path / "package").mkdir()
    package = opened(tmp_path / "package", data)
    assert package.payload.owners["/opt/hello/bin/hello"] == ("root", "hello")
    assert package.payload.capabilities == {"/opt/hello/bin/hallo": "cap_net_raw=ep"}
    assert package.said["%config(noreplace)"] == ("/etc/hello/hello.conf",)
    assert "%pretrans" in package.said


def test_a_script_may_give_what_it_names(tmp_path: Path) -> None:
    payload = dataclasses.replace(
        sample_payload(tmp_path / "payload"),
        scripts={
            "deb": {"postinst": "#!/bin/sh\nset -eu\nchown root:hello '/opt/hello/bin/hello'\n"}
        },
    )
    (tmp_path / "out").mkdir()
    data = write_deb(payload, DEB, tmp_path / "out", "quick").path.read_bytes()
    (tmp_path / "package").mkdir()
    owners = opened(tmp_path / "package", data).payload.owners
    assert owners["/opt/hello/bin/hello"] == ("", "")
    assert "/opt/hello/bin/hallo" not in owners


def test_a_zip_is_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", "b")
    for start in (b"", b"#!/usr/bin/env python3\n"):
        with pytest.raises(PackageError, match="it is a zip"):
            opened(tmp_path, start + stream.getvalue())


def test_a_tarball_that_ends_within_a_file(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="its archive is damaged"):
        opened(tmp_path, tarball(("a", bytes(5000), {}))[:3000])


def test_symlinks_and_repeated_names(tmp_path: Path) -> None:
    """Symlinks are never made, so what is written through them goes nowhere."""
    package = opened(
        tmp_path,
        tarball(
            link("./etc", "/etc", tarfile.SYMTYPE),
            ("etc/passwd", b"mine", {}),
            ("/a", b"first", {}),
            link("b", "a"),
            link("c", "./b"),
            ("a", b"second", {"mode": 0o4755}),
            link("d", "etc"),
        ),
    ).payload
    found = package.tree.by_path
    assert found["etc"] == Entry("etc", Kind.SYMLINK, 0o777, target="/etc")
    assert found["d"] == Entry("d", Kind.SYMLINK, 0o777, target="/etc")
    contents = {e.path: package.read(e) for e in package.tree.entries if e.kind is not Kind.SYMLINK}
    assert contents == {"a": b"second", "b": b"first", "c": b"first", "etc/passwd": b"mine"}
    assert (found["a"].mode, found["c"].target) == (0o4755, "b")


def test_a_deb_of_nothing(tmp_path: Path) -> None:
    control = tarball(("control", b"Package: x\nVersion: 1\nArchitecture: all\n", {}))
    data = b"!<arch>\n"
    for name, content in (
        ("debian-binary", b"2.0\n"),
        ("control.tar", control),
        ("data.tar", tarball(("./", b"", {"type": tarfile.DIRTYPE}))),
    ):
        data += ar_header(name, len(content), 0) + content + ar_padding(len(content))
    assert opened(tmp_path, data).payload.tree.entries == ()


@pytest.mark.parametrize("form", ["deb", "rpm", "tar"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_an_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory,
    written: dict[str, bytes],
    form: str,
    data: st.DataObject,
) -> None:
    damaged = bytearray(written[form])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.integers(0, len(damaged)))
    kept = bytes(damaged[:end]) if data.draw(st.booleans()) else bytes(damaged)
    base = tmp_path_factory.mktemp("damaged")
    try:
        package = opened(base, kept, Limits(size=1 << 24, entries=10_000))
    except PackageError:
        return
    for entry in package.payload.tree.files():
        package.payload.read(entry)
