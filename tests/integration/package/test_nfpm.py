"""What nfpm writes of a payload, read back by readers that know nothing of nfpm."""

from __future__ import annotations

import ctypes
import gzip
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings

from omnibuild.errors import PackageError
from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.package.nfpm.versions import pacman_version
from omnibuild.package.opening.opened import open_package
from omnibuild.package.versions import compare_debs
from omnibuild.payload.model import Payload, Relations
from omnibuild.recipe.models import Apk, ArchLinux, Ipk
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Kind, scan
from tests.unit.package.nfpm.strategies import version_pairs
from tests.unit.package.samples import (
    DATE,
    Found,
    expected,
    random_payload,
    sample_payload,
    with_metadata,
    write,
)

Settings = ArchLinux | Apk | Ipk
FORMS: dict[str, Settings] = {
    "archlinux": ArchLinux(architecture="x86_64"),
    "apk": Apk(architecture="x86_64"),
    "ipk": Ipk(architecture="x86_64"),
}
PACMAN_SCRIPTS = ("pre_install", "post_install", "pre_upgrade", "post_upgrade", "post_remove")
SCRIPTS = {
    "archlinux": {name: f"#!/bin/sh\necho {name}\n" for name in PACMAN_SCRIPTS},
    "apk": {
        name.replace("_", "-").replace("remove", "deinstall"): f"#!/bin/sh\necho {name}\n"
        for name in PACMAN_SCRIPTS
    },
    "ipk": {name: f"#!/bin/sh\necho {name}\n" for name in ("preinst", "postinst", "prerm")},
}


def sample(root: Path) -> Payload:
    payload = replace(
        sample_payload(root), scripts=SCRIPTS, glibc={"libc.so.6": ("GLIBC_2.28", "GLIBC_2.2.5")}
    )
    write(root, "opt/hello/share/a*[b]{c}?$HOME \\ \U0001f600", b"odd")
    relations = Relations(
        depends=("bash (>= 5)",), conflicts=("hello-classic (<< 1.0~rc1)",), provides=("greeter",)
    )
    summary, description = "It costs $5, ${HOME} or $$: 1 # \"x\" 'y'", "One.\n\n.dot\n  * $PATH"
    payload = with_metadata(payload, relations=relations, summary=summary, description=description)
    return replace(payload, tree=scan(root))


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def written(payload: Payload, form: str, directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return write_package(payload, FORMS[form], Making(directory)).path


def read(path: Path) -> tuple[dict[str, Found], dict[str, str], list[tarfile.TarInfo]]:
    """Return what a host gets of a package, what it says of itself, and all members."""
    data = path.read_bytes()
    if path.name.endswith(".zst"):
        return parts(zstandard.ZstdDecompressor().decompressobj().decompress(data))
    if path.name.endswith(".apk"):
        return parts(gzip.decompress(data))
    outer = tar_of(gzip.decompress(data))
    control, files = (gzip.decompress(outer[f"./{name}.tar.gz"][1]) for name in ("control", "data"))
    found, _, members = parts(files)
    inner = tar_of(control)
    said = {name.removeprefix("./"): text.decode() for name, (_, text) in inner.items()}
    return found, said, [*members, *(info for info, _ in (*outer.values(), *inner.values()))]


def parts(data: bytes) -> tuple[dict[str, Found], dict[str, str], list[tarfile.TarInfo]]:
    """Return what one archive holds for a host, what is in it besides, and all members."""
    found, said = {}, {}
    members = tar_of(data)
    for path, (info, content) in members.items():
        name = path.removeprefix("./").rstrip("/")
        if name.startswith("."):
            said[name] = content.decode("utf-8", "replace")
        elif info.isdir():
            found[name] = Found(Kind.DIRECTORY, info.mode)
        elif info.issym():
            found[name] = Found(Kind.SYMLINK, 0o777, target=info.linkname)
        else:
            found[name] = Found(Kind.FILE, info.mode, content)
    return found, said, [info for info, _ in members.values()]


def tar_of(data: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Return the members of an archive by their names, with their contents."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", ignore_zeros=True) as archive:
        found = {}
        for info in archive.getmembers():
            stream = archive.extractfile(info) if info.isreg() else None
            found[info.name] = (info, stream.read() if stream else b"")
        return found


def test_files_are_what_they_shall_be(form: str, tmp_path: Path) -> None:
    payload = sample(tmp_path / "root")
    found, _, members = read(written(payload, form, tmp_path / "out"))
    assert found == expected(payload)
    assert {(info.uid, info.gid) for info in members} == {(0, 0)}
    assert {info.uname for info in members} | {info.gname for info in members} <= {"", "root"}
    times = {info.mtime for info in members}
    assert times <= {DATE, 0}


@pytest.mark.parametrize("seed", range(8))
def test_files_of_any_shape(form: str, seed: int, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    payload = random_payload(tmp_path / "root", seed)
    payload = with_metadata(payload, relations=Relations())
    try:
        found, _, _ = read(written(payload, form, tmp_path / "out"))
    except PackageError as error:
        assert "nfpm cannot write the symlink" in error.what  # noqa: PT017
    else:
        assert found == expected(payload)


def test_the_same_bytes_for_anybody_at_any_time(form: str, tmp_path: Path) -> None:
    first = written(sample(tmp_path / "one"), form, tmp_path / "first").read_bytes()
    other = sample(tmp_path / "two")
    for path in (tmp_path / "two").rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    mask = os.umask(0o077)
    try:
        second = written(other, form, tmp_path / "second")
    finally:
        os.umask(mask)
    assert second.read_bytes() == first
    assert second.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in second.parent.iterdir()) == [
        second.name,
        f"{second.name}.sha256",
    ]


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    payload = sample(tmp_path / "root")
    cost = "It costs $5, ${HOME} or $$: 1 # \"x\" 'y'"
    path = written(payload, "archlinux", tmp_path / "out")
    assert path.name == "hello-1.4.2-3-x86_64.pkg.tar.zst"
    _, said, _ = read(path)
    lines = said[".PKGINFO"].splitlines()
    assert set(lines) >= {
        *("pkgname = hello", "pkgver = 1.4.2-3", "arch = x86_64", f"pkgdesc = {cost}"),
        *("depend = glibc>=2.28", "depend = bash>=5", "conflict = hello-classic<1.0rc1"),
        *("provides = greeter", "backup = etc/hello/hello.conf", "license = MIT"),
        *(f"builddate = {DATE}", "packager = Hello team <hello@example.org>"),
    }
    assert said[".INSTALL"].count("function ") == len(PACMAN_SCRIPTS)

    path = written(payload, "apk", tmp_path / "out")
    assert path.name == "hello-1.4.2-r3.apk"
    _, said, _ = read(path)
    assert set(said[".PKGINFO"].splitlines()) >= {
        *("pkgname = hello", "pkgver = 1.4.2-r3", "arch = x86_64", f"pkgdesc = {cost}"),
        *("depend = glibc>=2.28", "depend = bash>=5", "depend = !hello-classic<1.0_rc1"),
    }
    assert {name: said[f".{name}"] for name in SCRIPTS["apk"]} == SCRIPTS["apk"]

    path = written(payload, "ipk", tmp_path / "out")
    assert path.name == "hello_1.4.2-3_x86_64.ipk"
    _, said, _ = read(path)
    assert set(said["control"].splitlines()) >= {
        *("Package: hello", "Version: 1.4.2-3", "Architecture: x86_64", f"Description: {cost}"),
        *("Depends: libc6 (>= 2.28), bash (>= 5)", "Conflicts: hello-classic (<< 1.0~rc1)"),
        *(" One.", " .", " * $PATH"),
    }
    assert said["conffiles"] == "/etc/hello/hello.conf\n"
    assert {name: said[name] for name in SCRIPTS["ipk"]} == SCRIPTS["ipk"]


@pytest.mark.parametrize("architecture", ["aarch64", "core2-64", "all"])
def test_the_architecture_is_called_as_the_platform_says(
    form: str, architecture: str, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(FORMS[form], architecture=architecture)
    payload = with_metadata(sample(tmp_path / "root"), epoch=0 if form == "apk" else 3)
    # What was written is read back, with all that it says of itself.
    artifact = write_package(payload, settings, Making(tmp_path))
    _, said, _ = read(artifact.path)
    assert any(
        line in (f"arch = {architecture}", f"Architecture: {architecture}")
        for text in said.values()
        for line in text.splitlines()
    )


def test_they_are_opened_again(form: str, tmp_path: Path) -> None:
    payload = sample(tmp_path / "root")
    path = written(payload, form, tmp_path / "out")
    # Its content says what it is.
    renamed = path.rename(tmp_path / "something")
    (tmp_path / "scratch").mkdir()
    opened = open_package(renamed, tmp_path / "scratch", Limits())
    metadata = opened.payload.metadata
    version = "1.4.2-r3" if form == "apk" else "1.4.2-3"
    assert (opened.form, opened.architecture) == (form, "x86_64")
    assert (metadata.name, metadata.version) == ("hello", version)
    contents = {
        entry.path: opened.payload.read(entry)
        for entry in opened.payload.tree.entries
        if entry.kind in (Kind.FILE, Kind.HARDLINK)
    }
    there = expected(payload)
    assert contents == {path: one.data for path, one in there.items() if one.kind is Kind.FILE}
    scripts = {"archlinux": ".INSTALL", "apk": ".post-upgrade", "ipk": "prerm"}
    assert len(opened.said[scripts[form]][0]) == 16


def test_a_file_that_was_damaged_in_the_store_is_noticed(form: str, tmp_path: Path) -> None:
    payload = sample(tmp_path / "root")
    (tmp_path / "root/opt/hello/share/empty").write_bytes(b"not any more")
    with pytest.raises(PackageError, match="not what it was told: opt/hello/share/empty"):
        written(payload, form, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_no_script_sets_right_is_refused(form: str, tmp_path: Path) -> None:
    payload = sample(tmp_path / "root")
    owned = replace(payload, owners={"/opt/hello/bin/raise": ("hello", "hello")})
    able = replace(payload, capabilities={"/opt/hello/bin/raise": "cap_net_raw=ep"})
    for one in (owned, able):
        with pytest.raises(PackageError, match="cannot give /opt/hello/bin/raise") as caught:
            written(one, form, tmp_path / "out")
        assert "post-configure" in caught.value.hint
    # Configuration is made over by the scripts.
    written(
        replace(payload, owners={"/etc/hello/hello.conf": ("root", "hello")}),
        form,
        tmp_path / "out",
    )


def test_apk_keeps_configuration_below_etc_alone(tmp_path: Path) -> None:
    payload = replace(
        sample(tmp_path / "root"), config_files=("/opt/hello/share/empty",), owners={}
    )
    written(payload, "archlinux", tmp_path / "out")
    with pytest.raises(PackageError, match="would overwrite the configuration file"):
        written(payload, "apk", tmp_path / "out")


def test_too_low_a_limit_of_open_files_is_told(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from tests.integration.package.test_nfpm import sample, written;"
        "written(sample(Path(sys.argv[1])), 'archlinux', Path(sys.argv[2]))"
    )
    words = (sys.executable, "-c", code, tmp_path / "root", tmp_path / "out")
    for number in range(200):
        write(tmp_path / "root", f"opt/hello/many/{number}", b"")
    done = subprocess.run(
        ["prlimit", "--nofile=100:100", *words], capture_output=True, text=True, check=False
    )
    assert "ulimit -n" in done.stderr


def test_pacman_reads_it(tmp_path: Path) -> None:
    path = written(sample(tmp_path / "root"), "archlinux", tmp_path / "out")
    asked = ("pacman", "--dbpath", tmp_path, "--query", "--file", path)
    info = subprocess.run([*asked, "--info"], capture_output=True, text=True, check=True).stdout
    assert "Depends On      : glibc>=2.28  bash>=5\n" in info
    assert "Install Script  : Yes\n" in info
    listed = subprocess.run([*asked, "--list"], capture_output=True, text=True, check=True).stdout
    assert "hello /opt/hello/bin/hello\n" in listed


def of_pacman() -> Callable[[str, str], int]:
    library = ctypes.CDLL("libalpm.so.13")
    return lambda left, right: int(library.alpm_pkg_vercmp(left.encode(), right.encode()))


@settings(max_examples=500)
@given(version_pairs(local=True))
def test_pacman_itself_orders_versions_as_dpkg_does(pair: tuple[str, str]) -> None:
    left, right = (f"1:{pacman_version(version)}-1" for version in pair)
    assert of_pacman()(left, right) == compare_debs(*pair)
