"""Hosts belong to their operators: what they did before and between, through a package's life.

Small packages with the real maintainer scripts, in chroots where no systemd runs; services have
their own tests. Each story says what the operator does, and what must hold after each step; a
walk has several of them in one life.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.acceptance.hosts import HostPool
from tests.acceptance.operators import Machine, make_packages
from tests.acceptance.stories import KINDS, MODES, ROWS, THEIRS, THEIRS_STAY, UPGRADED, WALKS

DEBIANS = ("bullseye", "bookworm", "trixie")


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield host, tool and walk: on EL by both tools; on the Debians by turns, mostly by apt."""
    for number, name in enumerate(WALKS):
        for place, suite in enumerate(DEBIANS):
            yield suite, "apt" if (number + place) % 3 else "dpkg", name
        yield from (("el", tool, name) for tool in ("rpm", "dnf"))


@pytest.fixture(scope="module")
def machines(
    module_hosts: HostPool, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Machine]:
    binds = {make_packages(tmp_path_factory.mktemp("operators")): "/packages"}
    found = {suite: Machine(module_hosts.debian(suite, binds=binds)) for suite in DEBIANS}
    return found | {"el": Machine(module_hosts.simulated_el(binds=binds))}


@pytest.fixture
def machine(request: pytest.FixtureRequest, machines: Mapping[str, Machine]) -> Iterator[Machine]:
    """The host of the test's parameter, with the tool that it names."""
    suite, tool = request.param
    machine = machines[suite]
    machine.tool = tool
    yield machine
    machine.forget()


def everywhere(*tools: str) -> pytest.MarkDecorator:
    """Run a test on all hosts, by these tools."""
    kinds = {"dpkg": DEBIANS, "apt": DEBIANS, "rpm": ("el",), "dnf": ("el",)}
    hosts = [(suite, tool) for tool in tools for suite in kinds[tool]]
    return pytest.mark.parametrize("machine", hosts, ids=" ".join, indirect=True)


@pytest.mark.parametrize(
    ("machine", "name"),
    [((suite, tool), name) for suite, tool, name in cases()],
    ids=[f"{suite} {tool}: {name}" for suite, tool, name in cases()],
    indirect=["machine"],
)
def test_what_the_operator_did_holds(machine: Machine, name: str) -> None:
    rows = [ROWS[row] for row in WALKS[name]]

    def each(*scripts: str) -> None:
        for script in filter(None, scripts):
            machine.host.shell(script)

    each(*(row.before for row in rows))
    try:
        machine.install("1")
        each(*(row.installed for row in rows))
        each(*(row.between for row in rows))
        machine.install("2")
        each(*(row.upgraded for row in rows))
        machine.install("2", "reinstall")
        each(*(row.upgraded for row in rows))
        machine.remove()
        each(*(row.removed for row in rows))
        if machine.is_debian:
            machine.remove("purge")
            each(*(row.purged for row in rows))
    finally:
        each(*(row.after for row in reversed(rows)))


def test_every_story_is_told_once() -> None:
    assert sorted(row for rows in WALKS.values() for row in rows) == sorted(ROWS)


@everywhere("apt", "rpm", "dnf")
def test_a_downgrade(machine: Machine) -> None:
    for version, verb in (("1", "install"), ("2", "install"), ("1", "downgrade")):
        machine.install(version, verb)
    machine.host.shell("cd /opt/shop/share; test -d a; test -L d; test -f c; test -L f")
    machine.host.shell("test \"$(stat -c '%U:%G %a' /etc/shop/opens.ini)\" = 'root:shop 640'")


@everywhere("dpkg", "rpm", "dnf")
def test_what_is_mounted_is_not_replaced(machine: Machine) -> None:
    machine.install("1")
    machine.host.shell(
        f"{THEIRS}mkdir /opt/shop/share/a/mnt; mount --bind /srv/theirs /opt/shop/share/a/mnt"
    )
    done = machine.install("2", check=False)
    assert done.status
    assert "something is mounted at /opt/shop/share/a/mnt" in done.output
    assert "unmount it first" in done.output
    machine.host.shell(
        f"{THEIRS_STAY}cd /opt/shop/share; test $(cat version) = 1; test -L d; test -d a"
    )
    machine.host.shell("umount /opt/shop/share/a/mnt")
    machine.install("2")
    machine.host.shell(KINDS + THEIRS_STAY)


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


@everywhere("apt")
def test_an_older_version_that_owned_opt(machine: Machine) -> None:
    machine.host.shell(OLD_PACKAGE)
    try:
        machine.install("1")
        machine.host.shell(
            "test $(readlink /opt) = /srv/opt; test $(cat /opt/shop/share/version) = 1;"
            " test ! -e /opt/shop/old; test ! -e /opt.dpkg-kept"
        )
    finally:
        machine.host.shell("[ ! -L /opt ] || rm /opt; mv /srv/opt /opt")


CONFFILES = """
mkdir -p /tmp/theirs/DEBIAN /tmp/theirs/etc/shop/plugins
cd /tmp/theirs
echo 'of somebody' | tee etc/shop/shop.conf >etc/shop/same.conf
echo gone >etc/shop/theirs.conf
(find etc -type f | sed 's|^|/|') >DEBIAN/conffiles
printf '%s: %s\\n' Package shop Version 0 Architecture amd64 Maintainer 'X <x@example.org>' \\
    Description theirs >DEBIAN/control
dpkg-deb --build /tmp/theirs /tmp/theirs.deb
dpkg --install /tmp/theirs.deb
echo mine >/etc/shop/same.conf
"""


@everywhere("apt")
def test_a_package_of_others_had_conffiles(machine: Machine) -> None:
    machine.host.shell(CONFFILES)
    machine.install("1")
    machine.host.shell(
        """
        cd /etc/shop
        test "$(cat shop.conf same.conf same.conf.dpkg-dist)" = "$(
            printf '%s\\n' 'of version 1' mine 'the same')"
        test ! -e theirs.conf
        """
    )
    machine.install("2")
    machine.host.shell('test "$(cat /etc/shop/shop.conf)" = "of version 2"')
    machine.remove("purge")
    assert not machine.host.exists("/etc/shop")


@everywhere("dpkg")
def test_operators_may_ask_for_new_configuration(machine: Machine) -> None:
    machine.install("1")
    machine.host.shell("cd /etc/shop; echo mine | tee secret.ini >shop.conf; rm same.conf")
    package = machine.package("2")
    machine.host.run("dpkg", "--force-confnew", "--force-confmiss", "--install", package)
    machine.host.shell(
        MODES
        + """
        modes secret root:shop 640
        test "$(cat shop.conf secret.ini same.conf)" = "$(
            printf '%s\\n' 'of version 2' 'of version 2' 'the same')"
        test "$(cat shop.conf.dpkg-old secret.ini.dpkg-old | uniq)" = mine
        """
    )


@everywhere("dpkg")
def test_a_failed_upgrade_leaves_configuration_as_it_was(machine: Machine) -> None:
    machine.install("1")
    configuration = "cd /etc/shop; find . -type f | sort | xargs md5sum"
    before = machine.host.shell(configuration).stdout
    # What is mounted there cannot make room, and by then some configuration went aside.
    machine.host.shell("mount -t tmpfs theirs /opt/shop/share/a")
    assert machine.install("2", check=False).status
    machine.host.shell("umount /opt/shop/share/a")
    assert machine.host.shell(configuration).stdout == before
    machine.install("2")
    machine.host.shell(UPGRADED + KINDS)


@everywhere("apt", "dnf")
def test_somebodys_account_is_not_taken(machine: Machine) -> None:
    machine.host.run("useradd", "--create-home", "shop")
    done = machine.install("1", check=False)
    assert done.status
    assert "shop: the account shop has the number 1000" in done.output
    assert not machine.host.exists("/opt/shop/share/version")


@everywhere("dpkg", "rpm")
def test_what_cannot_be_a_directory_is_said(machine: Machine) -> None:
    machine.host.run("ln", "-s", "/srv/nowhere", "/var/lib/shop")
    said = machine.install("1", check=False).output
    assert "shop: /var/lib/shop is no directory and leads to none: put one there" in said
    machine.host.shell("mkdir -p /srv/nowhere; rm -rf /opt/shop; mkdir /opt/shop")
    machine.host.shell("mount -t tmpfs -o noexec,mode=755 shop /opt/shop")
    said = machine.install("1", "reinstall", check=False).output
    assert "shop: no program below /opt/shop can be started: mount it without noexec" in said
    machine.host.run("mount", "-o", "remount,exec", "/opt/shop")
    machine.install("1", "reinstall")
    machine.host.shell("test $(stat -L -c %U /var/lib/shop) = shop")


@everywhere("apt", "dnf")
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


@everywhere("apt", "rpm")
def test_a_full_disk(machine: Machine) -> None:
    machine.install("1")
    machine.host.shell(
        """
        mkdir /tmp/full
        cp -a /opt/shop/. /tmp/full/
        mount -t tmpfs -o size=256k,mode=755 full /opt/shop
        cp -a /tmp/full/. /opt/shop/
        dd if=/dev/zero of=/opt/shop/zero bs=1k 2>/dev/null || :
        """
    )
    done = machine.install("2", check=False)
    assert done.status
    machine.host.shell("rm /opt/shop/zero")
    if machine.is_debian:
        # As it was: dpkg puts files back, and what was set aside comes back, too.
        machine.host.shell("cd /opt/shop/share; cat a/file b/own; test -f c; test -L d; test -L f")
        assert not machine.host.shell("find /opt/shop -name '*.dpkg-*'").stdout
    machine.install("2")
    machine.host.shell(UPGRADED + KINDS)
    machine.host.shell("rm -rf /tmp/full")


@everywhere("apt", "dnf")
def test_read_only_usr(machine: Machine) -> None:
    machine.host.shell("mount --bind /usr /usr; mount -o remount,ro,bind /usr")
    done = machine.install("1", check=False)
    machine.host.shell("umount --lazy /usr")
    assert done.status
    machine.install("1")
    machine.host.shell("test $(cat /opt/shop/share/version) = 1")
