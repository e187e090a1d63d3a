"""Hosts belong to their operators: what they did before and between, through a package's life.

Small packages with the real maintainer scripts, in chroots where no systemd runs; services have
their own tests. Each row says what the operator does, and what must hold after each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from omnibuild.host.layout import Layout
from omnibuild.host.maintainer import Scripts
from omnibuild.host.users import directories, sysusers_conf, sysusers_path
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian, Rpm
from omnibuild.tree import scan
from tests.acceptance.hosts import Done, Host, HostPool

SHOP = Layout("shop", "shop", "")
COMMON = {
    "etc/shop/shop.conf": "of version {version}\n",
    "etc/shop/plugins/extra.conf": "extra\n",
    "opt/shop/share/version": "{version}\n",
    "usr/lib/systemd/system/shop-note": "a file in a directory that minimal hosts lack\n",
    sysusers_path(SHOP)[1:]: sysusers_conf(SHOP),
}
# What a path is in each version: a text is a file, `-> …` a symlink.
OLD = {
    "opt/shop/share/a/file": "was in a directory\n",
    "opt/shop/share/b/file": "was in a directory\n",
    "opt/shop/share/c": "was a file\n",
    "opt/shop/share/d": "-> e",
    "opt/shop/share/e/file": "behind a symlink\n",
    "opt/shop/share/f": "-> version",
    "etc/shop/gone.conf": "gone\n",
    "etc/shop/edited.conf": "edited and gone\n",
    "etc/shop/kind": "was a file\n",
}
NEW = {
    "opt/shop/share/a": "is a file\n",
    "opt/shop/share/b": "-> e",
    "opt/shop/share/c/file": "is in a directory\n",
    "opt/shop/share/d/file": "is in a directory\n",
    "opt/shop/share/e/file": "on its own\n",
    "opt/shop/share/f": "is a file\n",
    "etc/shop/kind/kind.conf": "is in a directory\n",
}
VERSIONS: Mapping[str, Mapping[str, str]] = {"1": COMMON | OLD, "2": COMMON | NEW}


@dataclass(frozen=True)
class Row:
    """One story. Every text is shell for the host; an empty one says nothing.

    Args:
        before: what the operator does first.
        installed: what holds then.
        between: what the operator does before the upgrade, to version 2.
        upgraded, removed, purged: what holds after each.
        after: what takes the operator's doings back.
    """

    before: str = ""
    installed: str = ""
    between: str = ""
    upgraded: str = ""
    removed: str = ""
    purged: str = ""
    after: str = ""


UPGRADED = "test $(cat /opt/shop/share/version) = 2\n"

ROWS = {
    "nothing": Row(
        before="test ! -e /opt/shop; ls -di /opt / /usr/bin /etc >/tmp/base",
        installed="""
            test "$(stat -c '%U:%G %a' /var/lib/shop /var/log/shop | uniq)" = 'shop:shop 750'
        """,
        purged="""
            ls -di /opt / /usr/bin /etc | cmp - /tmp/base
            for path in /opt/shop /etc/shop /var/lib/shop /var/log/shop /run/shop; do
                test ! -e $path
            done
        """,
    ),
    "kinds change": Row(
        between="echo mine >/etc/shop/edited.conf",
        upgraded=UPGRADED
        + """
            cd /opt/shop/share
            test -f a && test "$(cat a)" = 'is a file'
            test "$(readlink b)" = e
            test "$(cat c/file d/file | uniq)" = 'is in a directory'
            test ! -L d && test "$(cat e/file)" = 'on its own'
            test ! -L f && test "$(cat f)" = 'is a file'
            test "$(find /opt/shop -name '*.dpkg-*' -o -name '*.rpm*')" = ''
            test "$(cat /etc/shop/kind/kind.conf)" = 'is in a directory'
            test ! -e /etc/shop/gone.conf && test ! -e /etc/shop/edited.conf
            test "$(cat /etc/shop/edited.conf.*)" = mine
            if command -v dpkg-query >/dev/null; then
                test "$(dpkg --verify shop)" = ''
                test "$(dpkg-query -W -f '${Conffiles}' shop | grep -c obsolete)" = 0
            fi
        """,
        purged="test ! -e /opt/shop && test ! -e /etc/shop",
    ),
    "directories are symlinks to another disk": Row(
        before="""
            mkdir -p /srv/disk/state /srv/disk/logs /srv/disk/app
            ln -s /srv/disk/state /var/lib/shop
            ln -s /srv/disk/logs /var/log/shop
            ln -s /srv/disk/app /opt/shop
        """,
        installed="""
            test "$(stat -c '%U' /srv/disk/state /srv/disk/logs | uniq)" = shop
            echo data >/var/lib/shop/data
        """,
        upgraded=UPGRADED
        + "test -L /opt/shop; test -L /var/lib/shop; test -e /srv/disk/state/data",
        removed="test -e /srv/disk/state/data",
        purged='test -L /var/lib/shop; test -z "$(ls -A /srv/disk/state)"',
        after="rm -rf /srv/disk",
    ),
    "logs lie in a directory of others": Row(
        before="""
            mkdir -p /srv/logs
            echo theirs >/srv/logs/other.log
            ln -s /srv/logs /var/log/shop
        """,
        removed="test -e /srv/logs/other.log",
        purged="test -L /var/log/shop; grep -q theirs /srv/logs/other.log",
        after="rm -rf /srv/logs /var/log/shop",
    ),
    "/opt is a symlink": Row(
        before="mv /opt '/srv/o pt'; ln -s '/srv/o pt' /opt",
        upgraded=UPGRADED + "test -L /opt",
        purged="test -L /opt; test -d '/srv/o pt'",
        after="rm /opt; mv '/srv/o pt' /opt",
    ),
    "directories are mounts": Row(
        before="""
            for directory in /var/lib/shop /var/log/shop /opt/shop; do
                mkdir $directory
                mount -t tmpfs -o mode=755 shop $directory
            done
        """,
        installed="""
            test "$(stat -c '%U' /var/lib/shop)" = shop
            mkdir -p /var/lib/shop/inner /var/lib/shop/other
            echo data >/var/lib/shop/inner/data
            mount -t tmpfs other /var/lib/shop/other
            echo theirs >/var/lib/shop/other/file
        """,
        upgraded=UPGRADED + "test -e /var/lib/shop/inner/data",
        purged="""
            test "$(find /var/lib/shop -mindepth 1)" = "$(
                printf '%s\n' /var/lib/shop/other /var/lib/shop/other/file)"
        """,
    ),
    "owners and modes": Row(
        between="chown root:adm /var/log/shop; chmod 2750 /var/log/shop",
        upgraded="test \"$(stat -c '%U:%G %a' /var/log/shop)\" = 'root:adm 2750'",
    ),
    "statoverride": Row(
        before="""
            if command -v dpkg-statoverride >/dev/null; then
                dpkg-statoverride --add root adm 2750 /var/log/shop
                dpkg-statoverride --add root '#4' 711 /var/lib/shop
            else
                mkdir -m 2750 /var/log/shop
                chown root:adm /var/log/shop
            fi
        """,
        installed="test \"$(stat -c '%U:%G %a' /var/log/shop)\" = 'root:adm 2750'",
        upgraded="test \"$(stat -c '%U:%G %a' /var/log/shop)\" = 'root:adm 2750'",
        removed="""
            if command -v dpkg-statoverride >/dev/null; then
                test "$(stat -c '%u:%g %a' /var/lib/shop)" = '0:4 711'
                dpkg-statoverride --remove /var/log/shop
                dpkg-statoverride --remove /var/lib/shop
            fi
        """,
    ),
    "the group exists": Row(
        before="""
            groupadd --gid 777 shop
            mv "$(command -v systemd-sysusers)" /tmp/sysusers || :
        """,
        installed='test "$(id -g shop)" = 777',
        after="[ ! -e /tmp/sysusers ] || mv /tmp/sysusers /usr/bin/systemd-sysusers",
    ),
    "the system account exists": Row(
        before="useradd --system --gid nogroup shop",
        installed='test "$(stat -c %U:%G /var/lib/shop)" = shop:nogroup',
        upgraded=UPGRADED,
    ),
    "own files in configuration": Row(
        before="mkdir /etc/shop; echo mine >/etc/shop/mine",
        installed="echo FLAG=1 >/etc/shop/environment; rm /etc/shop/plugins/extra.conf",
        # dpkg keeps a deleted configuration file deleted; rpm brings it again.
        upgraded="[ ! -e /var/lib/dpkg/status ] || test ! -e /etc/shop/plugins/extra.conf",
        purged='test "$(find /etc/shop)" = "$(printf \'%s\\n\' /etc/shop /etc/shop/mine)"',
    ),
    "an edited configuration file": Row(
        between="echo mine >/etc/shop/shop.conf",
        upgraded=UPGRADED + 'test "$(cat /etc/shop/shop.conf)" = mine',
    ),
}


FORGET = """
umount --lazy /var/lib/shop/other /var/lib/shop /var/log/shop /opt/shop 2>/dev/null || :
rm -rf /etc/shop /opt/shop /var/lib/shop /var/log/shop /home/shop
userdel shop 2>/dev/null || :
groupdel shop 2>/dev/null || :
"""


@dataclass
class Machine:
    """A host and how packages are handled on it."""

    host: Host
    is_debian: bool

    def package(self, version: str) -> str:
        return (
            f"/packages/shop_{version}-1_amd64.deb"
            if self.is_debian
            else (f"/packages/shop-{version}-1.x86_64.rpm")
        )

    def install(self, version: str, *, check: bool = True) -> Done:
        if self.is_debian:
            words = ["dpkg", "--force-confold", "--force-unsafe-io", "--install"]
        else:
            words = ["rpm", "--upgrade", "--force", "--nosignature", "--nodeps"]
        return self.host.run(*words, self.package(version), check=check)

    def remove(self) -> None:
        self.host.run(*(["dpkg", "--remove"] if self.is_debian else ["rpm", "--erase"]), "shop")

    def purge(self) -> None:
        if self.is_debian:
            self.host.run("dpkg", "--purge", "shop")

    def forget(self) -> None:
        """Make the host again what it was, whatever a test has left."""
        remove = "dpkg --purge shop" if self.is_debian else "rpm --erase shop"
        self.host.shell(f"{remove} 2>/dev/null || :\n{FORGET}")


def make_packages(directory: Path) -> Path:
    for version, files in VERSIONS.items():
        root = directory / f"root-{version}"
        for path, text in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("-> "):
                place.symlink_to(text[3:])
            else:
                place.write_text(text.format(version=version))
                place.chmod(0o644)
        program = root / SHOP.directories[1:]
        program.parent.mkdir(parents=True)
        program.write_text(directories(SHOP))
        program.chmod(0o755)
        scripts = Scripts(SHOP, (), {})
        payload = Payload(
            metadata=Metadata(
                name="shop",
                version=version,
                revision="1",
                summary="A shop",
                description="",
                license="MIT",
                maintainer="Shop <shop@example.org>",
                homepage="",
                vendor="",
                date=1_700_000_000,
            ),
            root=root,
            tree=scan(root),
            prefix=SHOP.prefix,
            config_files=tuple(f"/{path}" for path in sorted(files) if path.startswith("etc/")),
            scripts={"deb": scripts.deb(), "rpm": scripts.rpm()},
        )
        write_deb(payload, Debian(compression="gzip", architecture="amd64"), directory / "packages")
        write_rpm(payload, Rpm(architecture="x86_64", tree="el9"), directory / "packages")
    return directory / "packages"


@pytest.fixture(scope="module", params=["bullseye", "bookworm", "trixie", "el"])
def machine(
    request: pytest.FixtureRequest, module_hosts: HostPool, tmp_path_factory: pytest.TempPathFactory
) -> Machine:
    packages = make_packages(tmp_path_factory.mktemp("operators"))
    binds = {packages: "/packages"}
    if request.param == "el":
        return Machine(module_hosts.simulated_el(binds=binds), is_debian=False)
    return Machine(module_hosts.debian(request.param, binds=binds), is_debian=True)


@pytest.fixture(autouse=True)
def forgotten(machine: Machine) -> Iterator[None]:
    yield
    machine.forget()


@pytest.mark.parametrize("name", ROWS)
def test_what_the_operator_did_holds(machine: Machine, name: str) -> None:
    row = ROWS[name]
    host = machine.host
    host.shell(row.before or ":")
    try:
        machine.install("1")
        host.shell(row.installed or ":")
        host.shell(row.between or ":")
        machine.install("2")
        host.shell(row.upgraded or ":")
        machine.install("2")
        host.shell(row.upgraded or ":")
        machine.remove()
        host.shell(row.removed or ":")
        if machine.is_debian:
            machine.purge()
            host.shell(row.purged or ":")
    finally:
        host.shell(row.after or ":")


def test_a_downgrade(machine: Machine) -> None:
    for version in ("1", "2", "1"):
        machine.install(version)
    machine.host.shell("cd /opt/shop/share; test -d a; test -L d; test -f c; test -L f")


OLD_PACKAGE = """
mkdir -p /tmp/old/DEBIAN /tmp/old/opt/shop
echo old >/tmp/old/opt/shop/old
printf '%s: %s\\n' Package shop Version 0 Architecture amd64 Maintainer 'X <x@example.org>' \\
    Description old >/tmp/old/DEBIAN/control
dpkg-deb --build /tmp/old /tmp/old.deb
mv /opt /srv/opt
ln -s /srv/opt /opt
dpkg --install /tmp/old.deb
"""


def test_an_older_version_that_owned_opt(machine: Machine) -> None:
    if not machine.is_debian:
        return
    machine.host.shell(OLD_PACKAGE)
    try:
        machine.install("1")
        machine.host.shell(
            "test $(readlink /opt) = /srv/opt; test $(cat /opt/shop/share/version) = 1;"
            " test ! -e /opt/shop/old; test ! -e /opt.dpkg-kept"
        )
    finally:
        machine.host.shell("[ ! -L /opt ] || rm /opt; mv /srv/opt /opt")


def test_somebodys_account_is_not_taken(machine: Machine) -> None:
    machine.host.run("useradd", "--create-home", "shop")
    done = machine.install("1", check=False)
    assert done.status
    assert "shop: the account shop has the number 1000" in done.output
    assert not machine.host.exists("/opt/shop/share/version")


def test_no_account_no_package(machine: Machine) -> None:
    """A useradd that fails is no "Complete!"."""
    machine.host.shell(
        """
        for tool in useradd systemd-sysusers; do
            path=$(command -v $tool) || continue
            mv $path $path.away
            printf '#!/bin/sh\\necho no accounts >&2\\nexit 1\\n' >$path
            chmod 755 $path
        done
        """
    )
    done = machine.install("1", check=False)
    machine.host.shell(
        "for path in /usr/sbin/useradd /usr/bin/systemd-sysusers; do"
        " [ ! -e $path.away ] || mv $path.away $path; done"
    )
    assert done.status
    assert "no accounts" in done.output
    machine.install("1")
    machine.host.run("id", "shop")


def test_a_full_disk(machine: Machine) -> None:
    machine.install("1")
    machine.host.shell(
        """
        mkdir /tmp/full
        cp -a /opt/shop/. /tmp/full/
        mount -t tmpfs -o size=64k,mode=755 full /opt/shop
        cp -a /tmp/full/. /opt/shop/
        dd if=/dev/zero of=/opt/shop/zero bs=1k 2>/dev/null || :
        """
    )
    done = machine.install("2", check=False)
    assert done.status
    machine.host.shell("rm /opt/shop/zero")
    if machine.is_debian:
        # As it was: dpkg puts files back, and what was set aside comes back, too.
        machine.host.shell("cd /opt/shop/share; cat a/file b/file; test -f c; test -L d; test -L f")
        assert not machine.host.shell("find /opt/shop -name '*.dpkg-*'").stdout
    machine.install("2")
    machine.host.shell(ROWS["kinds change"].upgraded.partition("test ! -e /etc")[0])
    machine.host.shell("rm -rf /tmp/full")


def test_read_only_usr(machine: Machine) -> None:
    machine.host.shell("mount --bind /usr /usr; mount -o remount,ro,bind /usr")
    done = machine.install("1", check=False)
    machine.host.shell("umount --lazy /usr")
    assert done.status
    machine.install("1")
    machine.host.shell("test $(cat /opt/shop/share/version) = 1")
