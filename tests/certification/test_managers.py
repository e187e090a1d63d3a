"""hello installed by apk and opkg themselves, which are in no Debian.

Who certifies has built both from their sources and put them on PATH: `make certify-managers`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from omnibuild.package.nfpm import tool
from omnibuild.package.nfpm.versions import apk_version
from omnibuild.package.versions import compare_debs
from omnibuild.tools import Tool
from tests.acceptance.hosts import Host, HostPool
from tests.acceptance.steps import CONFIG
from tests.acceptance.test_other_managers import built, keeper, kept_by, works
from tests.integration.package.test_nfpm import sample, written
from tests.unit.package.nfpm.strategies import version_pairs

__all__ = ["built", "keeper"]

LDD = Tool("ldd", "libc-bin")


def test_apk_gives_the_app_what_is_its_own(hosts: HostPool, keeper: Path, tmp_path: Path) -> None:
    host = hosts.debian()
    apk = with_apk(host, keeper, tmp_path)
    host.run(*apk, "add", "--initdb", "/root/glibc.apk")
    names = (f"/root/keeper-{version}-r1.apk" for version in ("1.0", "2.0_rc1"))
    kept_by(host, (*apk, "add"), (*apk, "del"), *names)


def test_opkg_gives_the_app_what_is_its_own(hosts: HostPool, keeper: Path, tmp_path: Path) -> None:
    host = hosts.debian()
    opkg = with_opkg(host, keeper, tmp_path)
    host.run(*opkg, "install", "/root/libc6.ipk")
    names = (f"/root/keeper_{version}-1_x86_64.ipk" for version in ("1.0", "2.0~rc1"))
    kept_by(host, (*opkg, "install"), (*opkg, "remove"), *names)


def with_apk(host: Host, packages: Path, scratch: Path) -> tuple[str, ...]:
    """Give a host apk, packages and a stand-in for glibc; return how it is called."""
    bring(host, "apk")
    host.write("/etc/apk/arch", "x86_64\n")
    for path in (*packages.glob("*.apk"), standing_in("apk", "glibc", scratch)):
        host.copy(path, f"/root/{path.name}")
    return ("apk", "--no-network", "--allow-untrusted")


def with_opkg(host: Host, packages: Path, scratch: Path) -> tuple[str, ...]:
    """Give a host opkg, packages and a stand-in for glibc; return how it is called."""
    bring(host, "opkg")
    configuration = "/etc/opkg/opkg.conf"
    host.write(configuration, "arch all 1\narch x86_64 10\ndest root /\n")
    host.run("mkdir", "-p", "/var/lib/opkg/lists", "/usr/local/var/lib/opkg", "/var/run")
    for path in (*packages.glob("*.ipk"), standing_in("ipk", "libc6", scratch)):
        host.copy(path, f"/root/{path.name}")
    return ("opkg", "-V1", "--conf", configuration)


def bring(host: Host, program: str) -> None:
    """Give a host a program of this machine, with its libraries that are not there."""
    path = shutil.which(program)
    assert path, f"this proof wants {program} on PATH"
    libraries = re.findall(r"(/\S+) \(", LDD.run(path).stdout.decode())
    host.copy(Path(path), f"/usr/bin/{program}")
    for library in libraries:
        if not host.exists(library):
            host.copy(Path(library), library)


def standing_in(packager: str, name: str, directory: Path) -> Path:
    """Make an empty package, for a libc that the manager does not know of."""
    words = ["version: '2.40'", "version_schema: none", "release: '1'", "arch: x86_64"]
    words += ["maintainer: Tests <tests@example.com>", "description: stands in"]
    configuration = directory / "libc.yaml"
    configuration.write_text("\n".join([f"name: {name}", *words, ""]))
    tool.package(configuration, packager, directory / f"{name}.{packager}")
    return directory / f"{name}.{packager}"


def test_apk_from_installation_to_removal(hosts: HostPool, built: Path, tmp_path: Path) -> None:
    host = hosts.debian()
    apk = with_apk(host, built, tmp_path)
    # Without glibc, as on Alpine, it is refused.
    refused = host.run(*apk, "add", "--initdb", "/root/hello-1.0.0-r1.apk", check=False)
    assert refused.status
    assert "glibc (no such package)" in refused.output
    said = host.run(*apk, "add", "--initdb", "/root/glibc.apk", "/root/hello-1.0.0-r1.apk").output
    assert "there is no systemd here; this runs it: /opt/hello/bin/hello-run" in said
    works(host)

    edited = host.read(CONFIG).replace("Hello from omnibuild", "Edited")
    host.write(CONFIG, edited)
    host.run(*apk, "add", "/root/hello-1.1.0-r1.apk")
    assert host.run("hello", "--version").stdout == "hello 1.1.0\n"
    assert host.read(CONFIG) == edited
    assert "1.1" in host.read(f"{CONFIG}.apk-new")
    host.run(*apk, "del", "hello")
    assert not host.exists("/opt/hello")
    assert host.exists("/var/lib/hello/hello.db")


def test_opkg_from_installation_to_removal(hosts: HostPool, built: Path, tmp_path: Path) -> None:
    host = hosts.debian()
    opkg = with_opkg(host, built, tmp_path)
    refused = host.run(*opkg, "install", "/root/hello_1.0.0-1_x86_64.ipk", check=False)
    assert refused.status
    assert "libc6 (>= " in refused.output
    host.run(*opkg, "install", "/root/libc6.ipk")
    said = host.run(*opkg, "install", "/root/hello_1.0.0-1_x86_64.ipk").output
    assert "there is no systemd here; this runs it: /opt/hello/bin/hello-run" in said
    works(host)

    edited = host.read(CONFIG).replace("Hello from omnibuild", "Edited")
    host.write(CONFIG, edited)
    host.run(*opkg, "install", "/root/hello_1.1.0-1_x86_64.ipk")
    assert host.run("hello", "--version").stdout == "hello 1.1.0\n"
    assert host.read(CONFIG) == edited
    assert not host.exists("/run/hello.upgrade")
    host.run(*opkg, "remove", "hello")
    assert not host.exists("/opt/hello")
    assert host.exists("/var/lib/hello/hello.db")


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(version_pairs())
def test_apk_itself_orders_versions_as_dpkg_does(pair: tuple[str, str]) -> None:
    said = [f"{apk_version(version)}-r1" for version in pair]
    done = subprocess.run(["apk", "version", "-t", *said], capture_output=True, text=True)
    sign = {"<": -1, "=": 0, ">": 1}[done.stdout.strip()]
    assert sign == compare_debs(*pair)
    checked = subprocess.run(["apk", "version", "--check", *said], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_apk_verifies_it(tmp_path: Path) -> None:
    path = written(sample(tmp_path / "root"), "apk", tmp_path / "out")
    subprocess.run(["apk", "verify", "--allow-untrusted", path], check=True)
