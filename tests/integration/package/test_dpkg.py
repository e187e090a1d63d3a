"""Real dpkg reads, unpacks and installs what the deb writer wrote."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.package.artifact import Artifact
from omnibuild.package.deb.configuration import configuration_of, entries_with
from omnibuild.package.deb.reader import read_deb_control
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.members import archive_members
from omnibuild.payload.model import Payload, Relations
from omnibuild.recipe.models import Debian
from omnibuild.tools import Tool
from omnibuild.tree import Tree, scan
from tests.unit.package.samples import DEB, EVERYTHING, sample_payload

DPKG_DEB = Tool("dpkg-deb", "dpkg")
DPKG = Tool("dpkg", "dpkg")
BUSYBOX = Tool("busybox", "busybox")
LDD = Tool("ldd", "libc-bin")
DPKG_QUERY = Tool("dpkg-query", "dpkg")
GENCONTROL = Tool("dpkg-gencontrol", "dpkg-dev")


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    return sample_payload(tmp_path / "root")


@pytest.fixture
def artifact(payload: Payload, tmp_path: Path) -> Artifact:
    return write_deb(payload, DEB, tmp_path / "out")


def whole_tree(payload: Payload) -> Tree:
    """What a host must get: the payload with its hard links in archive order, and defaults."""
    return Tree(archive_members(entries_with(payload, configuration_of(payload))))


def test_info_shows_the_control_file(artifact: Artifact) -> None:
    shown = DPKG_DEB.run("--field", artifact.path).stdout.decode()
    names = [line.split(":")[0] for line in shown.splitlines() if not line.startswith(" ")]
    assert names == list(read_deb_control(artifact.path))
    for name, value in read_deb_control(artifact.path).items():
        field = DPKG_DEB.run("--field", artifact.path, name).stdout.decode()
        assert field == f"{value}\n"
    information = DPKG_DEB.run("--info", artifact.path).stdout.decode()
    assert re.search(r"\* +postinst", information)


def test_contents_are_listed_as_root(artifact: Artifact) -> None:
    lines = DPKG_DEB.run("--contents", artifact.path).stdout.decode().splitlines()
    assert all(" root/root " in line for line in lines)
    assert any(line.startswith("-rwsr-xr-x") and line.endswith("bin/raise") for line in lines)
    assert any(line.endswith("bin/hello link to ./opt/hello/bin/hallo") for line in lines)


@pytest.mark.parametrize("compression", ["zstd", "xz", "gzip"])
def test_unpacking_gives_the_payload_again(
    payload: Payload, tmp_path: Path, compression: str
) -> None:
    platform = Debian(compression=compression, architecture="amd64")  # type: ignore[arg-type]
    path = write_deb(payload, platform, tmp_path / "out").path
    DPKG_DEB.run("-x", path, tmp_path / "unpacked")
    assert scan(tmp_path / "unpacked") == whole_tree(payload)


def test_installing_gives_the_payload_and_its_configuration(
    payload: Payload, tmp_path: Path
) -> None:
    host = empty_host(tmp_path / "host")
    metadata = replace(payload.metadata, relations=Relations())
    plain = replace(payload, scripts={}, metadata=metadata)
    path = write_deb(plain, DEB, tmp_path / "out").path
    dpkg(host, "--install", path)
    installed = [
        entry
        for entry in scan(host).entries
        if not entry.path.startswith(("bin", "dev", "lib", "var", "etc/passwd", "etc/group"))
        and entry.path != "usr/bin"
    ]
    # Laid by postinst, which dpkg does not list.
    laid = [entry for entry in plain.tree.entries if entry.path.startswith("etc")]
    packaged = [entry for entry in whole_tree(plain).entries if entry.path != "usr/bin"]
    wanted = sorted(packaged + laid, key=lambda entry: entry.path)
    assert installed == wanted
    query = DPKG_QUERY.run(
        f"--admindir={host}/var/lib/dpkg", "-W", "-f=${Status};${Conffiles}", "hello"
    ).stdout.decode()
    assert query == "install ok installed;"
    (host / "opt/hello/share/empty").write_text("damaged")
    changed = dpkg(host, "--verify", "hello", check=False)
    assert "/opt/hello/share/empty" in changed
    dpkg(host, "--purge", "hello")
    # It was there before, or it might have been: base directories belong to nobody's package.
    assert list((host / "opt").iterdir()) == []
    assert not (host / "usr/lib/systemd").exists()
    assert not (host / "etc/hello").exists()


def test_an_epoch_is_newer_than_any_version(payload: Payload, tmp_path: Path) -> None:
    host = empty_host(tmp_path / "host")
    plain = replace(payload.metadata, relations=Relations(), version="2024.1")
    anew = replace(plain, version="1.0", epoch=1)
    first, second = (
        write_deb(replace(payload, scripts={}, metadata=each), DEB, tmp_path / "out").path
        for each in (plain, anew)
    )
    assert [first.name, second.name] == ["hello_2024.1-3_amd64.deb", "hello_1.0-3_amd64.deb"]
    dpkg(host, "--install", first)
    dpkg(host, "--install", "--refuse-downgrade", second)
    shown = DPKG_QUERY.run(f"--admindir={host}/var/lib/dpkg", "-W", "-f=${Version}", "hello")
    assert shown.stdout == b"1:1.0-3"


def test_all_fields_are_read(payload: Payload, tmp_path: Path) -> None:
    path = write_deb(replace(payload, metadata=EVERYTHING), DEB, tmp_path / "out").path
    shown = DPKG_DEB.run("--field", path).stdout.decode()
    assert "Pre-Depends: adduser (>= 3.1), passwd | shadow\n" in shown
    for field, value in {
        "Version": "2:1.4.2-3",
        "Breaks": "hello-client (<< 2.0)",
        "Suggests": "redis | valkey (>= 7)",
        "Enhances": "nginx",
        "Section": "web",
        "Priority": "extra",
    }.items():
        assert f"\n{field}: {value}\n" in shown


def test_the_installed_size_is_what_dpkg_computes(payload: Payload, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "debian").mkdir(parents=True)
    (source / "debian/control").write_text(
        "Source: hello\nMaintainer: a <a@example.org>\n\nPackage: hello\nArchitecture: any\n"
        "Description: x\n"
    )
    (source / "debian/changelog").write_text(
        "hello (1-1) unstable; urgency=low\n\n  * x\n\n"
        " -- a <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
    )
    path = write_deb(payload, DEB, tmp_path / "out").path
    DPKG_DEB.run("-x", path, tmp_path / "copy")
    shown = GENCONTROL.run("-O", f"-P{tmp_path}/copy", "-phello", directory=source)
    (line,) = [
        line for line in shown.stdout.decode().splitlines() if line.startswith("Installed-Size")
    ]
    assert line.split()[1] == read_deb_control(path)["Installed-Size"]


def empty_host(root: Path) -> Path:
    """Make the least that dpkg takes for a host, with a shell for maintainer scripts."""
    shell = BUSYBOX.path()
    loaded = re.findall(r"/\S+", LDD.run(shell).stdout.decode())
    for library in loaded:
        (root / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library.lstrip("/"))
    for directory in ("bin", "dev"):
        (root / directory).mkdir()
    shutil.copy(shell, root / "bin/busybox")
    tools = "sh cat chmod chown cut find grep md5sum mkdir mv readlink rm rmdir sed stat tac"
    for applet in tools.split():
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    for directory in ("dpkg/info", "dpkg/updates", "dpkg/triggers", "misc"):
        (root / "var/lib" / directory).mkdir(parents=True)
    for file in ("status", "available"):
        (root / "var/lib/dpkg" / file).touch()
    return root


def dpkg(host: Path, *arguments: str | Path, check: bool = True) -> str:
    options = [f"--root={host}", f"--log={host}/var/log"]
    return DPKG.run(*options, *arguments, check=check).stdout.decode()
