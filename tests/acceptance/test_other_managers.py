"""hello installed by pacman itself, which is Debian's.

apk and opkg are in no Debian: tests/certification/test_managers.py does the same with theirs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, Host, HostPool, eventually
from tests.acceptance.products import CHECKOUT, next_version, omnibuild
from tests.acceptance.steps import (
    CONFIG,
    WEB,
    answers,
    assert_account_is_locked,
    assert_self_contained,
    running,
    visit,
)

PLATFORMS = ("arch", "wolfi", "yocto")
PACMAN = ("pacman-package-manager",)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with hello 1.0.0 and 1.1.0 for all three."""
    base = tmp_path_factory.mktemp("others")
    named = [word for name in PLATFORMS for word in ("--platform", name)]
    for workspace in (CHECKOUT, next_version(base / "next")):
        omnibuild("build", "hello", "-C", workspace, "-o", base / "dist", *named)
    return base / "dist"


def pacman(host: Host, *words: str) -> str:
    """Call pacman on a host whose glibc is none of its packages."""
    return host.run("pacman", "--noconfirm", "--assume-installed", "glibc=2.36", *words).output


def as_arch(host: Host, built: Path) -> None:
    """Give a host what nfpm's packages find on Arch: sh is bash there."""
    host.shell("ln -sf bash /bin/sh; ln -sf /proc/self/mounts /etc/mtab")
    for path in built.glob("*.zst"):
        host.copy(path, f"/root/{path.name}")


def package(version: str) -> str:
    return f"/root/hello-{version}-1-x86_64.pkg.tar.zst"


def test_pacman_from_installation_to_removal(hosts: HostPool, built: Path) -> None:
    host = hosts.debian(packages=PACMAN)
    as_arch(host, built)
    before = host.paths()
    said = pacman(host, "--upgrade", package("1.0.0"))
    assert "there is no systemd here; this runs it: /opt/hello/bin/hello-run" in said
    assert "failed" not in said
    assert "0 altered files" in host.run("pacman", "-Qkk", "hello").stdout
    works(host)

    edited = host.read(CONFIG).replace("Hello from omnibuild", "Edited")
    host.write(CONFIG, edited)
    pacman(host, "--upgrade", package("1.1.0"))
    assert host.run("hello", "--version").stdout == "hello 1.1.0\n"
    assert host.read(CONFIG) == edited
    assert "1.1" in host.read(f"{CONFIG}.pacnew")

    pacman(host, "--remove", "--nosave", "hello")
    host.run("rm", f"{CONFIG}.pacnew")
    kept = ("/etc/", "/var/lib/hello", "/var/log/", "/var/cache/", "/var/lib/pacman/")
    assert not [path for path in host.paths() - before if not path.startswith(kept)]
    assert host.exists("/var/lib/hello/hello.db")


def runs(host: BootedHost, version: str) -> bool:
    return answers(host, WEB) and visit(host).version == version


def test_pacman_with_systemd(hosts: HostPool, built: Path) -> None:
    host = hosts.booted(packages=PACMAN)
    as_arch(host, built)
    # Arch's own, which is to decide whether anything is enabled.
    host.write("/etc/systemd/system-preset/99-default.preset", "disable *\n")
    said = pacman(host, "--upgrade", package("1.0.0"))
    assert "systemctl enable --now hello.target" in said
    assert not answers(host, WEB)
    host.run("systemctl", "enable", "--now", "hello.target")
    eventually(lambda: runs(host, "1.0.0"), "hello answers")

    # A unit that the next version lacks: pacman deletes what only the old one has.
    unit = "/usr/lib/systemd/system/hello-old.service"
    host.write(unit, "[Unit]\nPartOf=hello.target\n[Service]\nExecStart=/bin/sleep infinity\n")
    files = "/var/lib/pacman/local/hello-1.0.0-1/files"
    host.run("sed", "-i", f"/hello-nginx.service$/a {unit.lstrip('/')}", files)
    host.shell("systemctl daemon-reload; systemctl start hello-old")
    number = host.unit("hello-web.service")["MainPID"]
    pacman(host, "--upgrade", package("1.1.0"))
    eventually(lambda: runs(host, "1.1.0"), "the new version answers")
    assert host.unit("hello-web.service")["MainPID"] != number
    assert not host.exists(unit)
    assert host.unit("hello-old.service")["ActiveState"] == "inactive"

    pacman(host, "--remove", "hello")
    eventually(lambda: not answers(host, WEB), "nothing answers")
    assert host.unit("hello.target")["ActiveState"] == "inactive"
    assert host.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""


KEEPER = """\
[app]
name = "keeper"
version = "{version}"
summary = "Keeps what is its own"
license = "MIT"
maintainer = "Shop team <shop@example.com>"

[software]
zlib = "1.3"

[package]
user = "keeper"
scripts = "scripts"

[config]
"/etc/keeper/keeper.conf" = {{ source = "keeper.conf", mode = "0640", group = "keeper" }}

[files]
"/opt/keeper/share/index" = {{ ghost = true }}
"""
HOOK = 'mkdir -p /opt/keeper/share; echo "$1 as $(as_user id -un)" >>/opt/keeper/share/index\n'


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with keeper 1.0 and 2.0rc1, for all three."""
    base = tmp_path_factory.mktemp("keeper")
    named = [word for name in PLATFORMS for word in ("--platform", name)]
    (base / "recipes/scripts").mkdir(parents=True)
    (base / "recipes/scripts/post-configure").write_text(HOOK)
    for version in ("1.0", "2.0rc1"):
        (base / "recipes/keeper.toml").write_text(KEEPER.format(version=version))
        (base / "recipes/keeper.conf").write_text(f"# {version}\n")
        omnibuild("build", "keeper", "-C", base, "-o", base / "dist", *named)
    return base / "dist"


def keeps(host: Host, version: str, *said: str) -> None:
    """Check whose configuration is, and what the hook wrote."""
    configuration = "/etc/keeper/keeper.conf"
    assert host.run("stat", "-c", "%U %G %a", configuration).stdout == "root keeper 640\n"
    assert host.read(configuration) == f"# {version}\n"
    assert host.read("/opt/keeper/share/index").splitlines() == [*said]


def kept_by(host: Host, install: tuple[str, ...], remove: tuple[str, ...], *files: str) -> None:
    """Check what becomes of the app's own files, by any manager."""
    first, second = (f"{action} as keeper" for action in ("install", "upgrade"))
    host.run(*install, files[0])
    keeps(host, "1.0", first)
    host.run(*install, files[1])
    keeps(host, "2.0rc1", first, second)
    host.run(*remove, "keeper")
    assert not host.exists("/opt/keeper")
    assert host.run("id", "-un", "keeper").stdout == "keeper\n"


def test_pacman_gives_the_app_what_is_its_own(hosts: HostPool, keeper: Path) -> None:
    host = hosts.debian(packages=PACMAN)
    as_arch(host, keeper)
    words = ("pacman", "--noconfirm", "--assume-installed", "glibc=2.36")
    names = (f"/root/keeper-{version}-1-x86_64.pkg.tar.zst" for version in ("1.0", "2.0rc1"))
    kept_by(host, (*words, "--upgrade"), (*words, "--remove"), *names)


def works(host: Host) -> None:
    """Check that hello runs, as its own user."""
    assert host.run("hello", "--version").stdout == "hello 1.0.0\n"
    assert_account_is_locked(host)
    with running(host, "/opt/hello/bin/hello-run", "--state", "/var/lib/hello"):
        assert visit(host).server == "nginx"
        assert_self_contained(host)
