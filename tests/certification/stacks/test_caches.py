"""Redis and memcached, each alone in a package, on a booted host.

Valkey is beside PostgreSQL in another test. Both are asked on their sockets, as any client would.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually
from tests.acceptance.products import omnibuild, replace
from tests.acceptance.steps import running_below

RECIPE = """\
[app]
name = "stash"
version = "1.0"
summary = "A server that keeps things"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[bundle.{kind}]
"""
# Sends lines, and prints what comes back; every Debian has it.
CLIENT = """\
my $socket = IO::Socket::UNIX->new(Peer => shift) or die "$!\\n";
print $socket map { "$_\\r\\n" } @ARGV, "quit";
print <$socket>;
"""
STATE = "/var/lib/stash"


@dataclass(frozen=True)
class Kept:
    """A server: what writes a value and reads it, and what an operator changes of its settings."""

    kind: str
    write: tuple[str, ...]
    read: str
    persistent: bool
    setting: tuple[str, str]
    asked: str
    told: str

    def __str__(self) -> str:
        return self.kind

    @property
    def service(self) -> str:
        """Its unit."""
        return f"stash-{self.kind}.service"

    @property
    def socket(self) -> str:
        """Where it answers."""
        return f"/run/stash/{self.kind}.sock"


KEPT = (
    Kept(
        "redis",
        ("set key omnibuild",),
        "get key",
        persistent=True,
        setting=("^maxmemory .*", "maxmemory 33mb"),
        asked="config get maxmemory",
        told="34603008",
    ),
    Kept(
        "memcached",
        ("set key 0 0 9", "omnibuild"),
        "get key",
        persistent=False,
        setting=("^-m .*", "-m 33"),
        asked="stats settings",
        told="STAT maxbytes 34603008",
    ),
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of both servers, 1.0 and 1.1 of each."""
    base = tmp_path_factory.mktemp("caches")
    for directory in (base, *base.parents[:2]):
        directory.chmod(0o755)
    for kept in KEPT:
        recipe = base / kept.kind / "omnibuild.toml"
        recipe.parent.mkdir()
        recipe.write_text(RECIPE.format(kind=kept.kind))
        for version in ("1.0", "1.1"):
            replace(recipe, 'version = "1.0"', f'version = "{version}"')
            output = base / "dist" / kept.kind
            omnibuild("build", "-C", recipe.parent, "-p", "debian-12", "-o", output)
    return base / "dist"


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, packages: Path) -> BootedHost:
    """A booted server that sees the packages."""
    server = module_hosts.booted(binds={packages: "/packages"})
    server.add_user("bob", "/home/bob")
    return server


def install(server: BootedHost, kept: Kept, version: str) -> None:
    server.run("dpkg", "--install", f"/packages/{kept.kind}/stash_{version}-1_amd64.deb")


def ask(server: BootedHost, kept: Kept, *lines: str, user: str = "stash") -> str:
    words = ("perl", "-MIO::Socket::UNIX", "-e", CLIENT, kept.socket, *lines)
    return server.run(*words, user=user, check=False).output


def has_it(server: BootedHost, kept: Kept) -> bool:
    return "omnibuild\r\n" in ask(server, kept, kept.read)


@pytest.mark.parametrize("kept", KEPT, ids=str)
def test_a_server_alone(kept: Kept, server: BootedHost) -> None:
    install(server, kept, "1.0")
    assert server.unit(kept.service)["ActiveState"] == "active"
    assert server.user_of(kept.service) == "stash"
    assert not server.listening()
    # Nobody but the app's user and root reaches it.
    assert "ermission denied" in ask(server, kept, kept.read, user="bob")
    assert not has_it(server, kept)
    ask(server, kept, *kept.write)
    assert has_it(server, kept)

    # What operators set is heeded, and stays.
    before, after = kept.setting
    server.shell(f"sed -i 's/{before}/{after}/' /etc/stash/{kept.kind}.conf")
    server.run("systemctl", "restart", kept.service)
    assert kept.told in ask(server, kept, kept.asked)
    assert has_it(server, kept) == kept.persistent

    ask(server, kept, *kept.write)
    install(server, kept, "1.1")
    assert kept.told in ask(server, kept, kept.asked)
    assert has_it(server, kept) == kept.persistent
    assert server.exists(f"{STATE}/backups/{kept.kind}") == kept.persistent

    ask(server, kept, *kept.write)
    server.reboot()
    assert server.state() == "running"
    assert server.unit(kept.service)["NRestarts"] == "0"
    assert has_it(server, kept) == kept.persistent

    ask(server, kept, *kept.write)
    # On disk within a second.
    server.run("sleep", "1.5")
    pid = server.unit(kept.service)["MainPID"]
    server.shell(f"kill -9 {pid}")
    eventually(lambda: not server.exists(f"/proc/{pid}"), "it is dead")
    eventually(lambda: kept.told in ask(server, kept, kept.asked), "it is back")
    assert server.unit(kept.service)["NRestarts"] == "1"
    assert has_it(server, kept) == kept.persistent

    server.run("dpkg", "--remove", "stash")
    assert not running_below(server, "/opt/stash")
    server.run("dpkg", "--purge", "stash")
    for path in (STATE, "/etc/stash", "/opt/stash", "/run/stash"):
        assert not server.exists(path)


def test_a_copy_of_redis_is_put_back(server: BootedHost) -> None:
    redis = KEPT[0]
    install(server, redis, "1.0")
    ask(server, redis, *redis.write)
    assert server.run("stash-redis-cli", "get", "key").stdout == "omnibuild\n"
    directory = server.run("stash-redis", "backup").stdout.strip()
    server.run("stash-redis-cli", "set", "key", "other")
    server.run("systemctl", "stop", redis.service)
    server.run("stash-redis", "restore", directory)
    server.run("systemctl", "start", redis.service)
    assert has_it(server, redis)
    server.run("dpkg", "--purge", "stash")


def test_memcached_has_nothing_to_copy(server: BootedHost) -> None:
    memcached = KEPT[1]
    install(server, memcached, "1.0")
    assert server.run("stash-memcached", "backup").stdout == ""
    refused = server.run("stash-memcached", "restore", "/tmp", check=False)
    assert (refused.status, "it keeps nothing" in refused.stderr) == (1, True)
    server.run("dpkg", "--purge", "stash")
