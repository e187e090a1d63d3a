"""Native libraries compiled as components talk to Debian's servers on another host.

One app, whose psycopg, mysqlclient, lxml, Pillow, PyYAML, python-ldap and pyodbc are sources that
are compiled against them, on one booted Debian 12; PostgreSQL, MariaDB and OpenLDAP on another.
Between them is a cable, and TLS by an authority that the app's host trusts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.hosts import Authority, BootedHost, HostPool, trust
from tests.acceptance.hosts.cable import connect
from tests.acceptance.products import omnibuild
from tests.acceptance.steps import GLIBC
from tests.certification.stacks.databases import PACKAGES, serve_data

WORKSPACE = Path(__file__).with_name("natives")
WORD = "a-long-word"
NETWORK = ("postgresql", "mariadb", "directory")
LOCAL = ("markup", "pictures")
MOVED = "/srv/another place"
# Drivers are the host's: unixODBC finds what it says in /etc/odbcinst.ini.
DRIVERS = ("odbc-mariadb", "odbc-postgresql")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the app's package."""
    base = tmp_path_factory.mktemp("natives")
    omnibuild("build", "natives", "-C", WORKSPACE, "-p", "debian-12", "-o", base)
    return base


@pytest.fixture(scope="module")
def data(module_hosts: HostPool) -> BootedHost:
    """A host for data, which serves nothing yet."""
    return module_hosts.booted(packages=PACKAGES, name="data")


@pytest.fixture(scope="module")
def client(module_hosts: HostPool, package: Path, data: BootedHost) -> BootedHost:
    """A host with the app, at the other end of the cable."""
    packages = ("ca-certificates", *DRIVERS)
    host = module_hosts.booted(packages=packages, binds={package: "/packages"}, name="app")
    connect({"192.0.2.1": host, "192.0.2.2": data})
    host.run("dpkg", "--install", "/packages/natives_1.0.0-1_amd64.deb")
    return host


def use(client: BootedHost, *names: str) -> Mapping[str, Any]:
    """Return what the app says that it did."""
    return dict(json.loads(client.run("natives", "data", WORD, *names).stdout))


def refused(client: BootedHost, name: str) -> str:
    done = client.run("natives", "data", WORD, name, check=False)
    assert done.status == 1
    return done.stderr


def own(said: Mapping[str, Any], prefix: str = "/opt/natives") -> set[str]:
    """Return the names of the libraries that a process has loaded; none is the host's."""
    foreign = {path for path in said["libraries"] if not path.startswith(f"{prefix}/")}
    assert {path for path in foreign if not GLIBC.fullmatch(path)} == set()
    return {path.rpartition("/")[2].split(".so")[0] for path in said["libraries"]}


def test_they_talk_to_the_servers_of_another_host(
    client: BootedHost, data: BootedHost, authority: Authority
) -> None:
    serve_data(data, "192.0.2.2", authority, WORD)
    # Who issued the servers' certificates is nobody whom the host knows: nothing is said to them.
    for name, refusal in {
        "postgresql": "certificate verify failed",
        "mariadb": "TLS/SSL error",
        "directory": "certificate verify failed",
    }.items():
        assert refusal in refused(client, name)

    trust(client, authority)
    said = use(client, *NETWORK, *LOCAL)
    assert own(said) >= {
        *("libpq", "libmariadb", "libldap", "liblber", "libsasl2", "libscram", "libxml2"),
        *("libxslt", "libexslt", "libyaml-0", "libjpeg", "libwebp", "libfreetype", "libz"),
        *("libzstd", "libssl", "libcrypto"),
    }
    server = said["postgresql"]
    assert (server["said"], server["tls"]) == ("grün", "TLSv1.3")
    assert (server["implementation"], server["library"]) == ("c", 170011)
    assert server["server"].startswith("PostgreSQL 15.")
    server = said["mariadb"]
    assert (server["said"], server["tls"], server["compressed"]) == ("grün", "TLSv1.3", "ON")
    assert (server["client"], "MariaDB" in server["server"]) == ("3.4.9", True)
    server = said["directory"]
    assert (server["said"], server["tls"]) == ("grün", "TLSv1.3")
    assert server["who"] == ["dn:cn=admin,dc=example,dc=com", "dn:cn=natives,dc=example,dc=com"]


def test_they_make_documents_and_pictures(client: BootedHost) -> None:
    said = use(client, *LOCAL)
    own(said)
    markup, pictures = said["markup"], said["pictures"]
    assert (markup["said"], markup["yaml"]) == ("grün", ["grün", 1])
    assert (markup["libxml2"], markup["libxslt"]) == ([2, 15, 4], [1, 1, 45])
    assert pictures["sizes"] == {form: [64, 32, True] for form in ("jpeg", "png", "webp")}
    versions = pictures["versions"]
    assert (versions["freetype2"], versions["webp"]) == ("2.13.3", "1.5.0")
    assert versions["libjpeg_turbo"] == "3.1.3"


def test_drivers_of_the_host_are_found(client: BootedHost) -> None:
    said = use(client, "odbc")
    assert said["odbc"] == {"MariaDB Unicode": "grün", "PostgreSQL Unicode": "grün"}
    loaded = {path for path in said["libraries"] if "libodbc.so" in path}
    assert loaded == {"/opt/natives/lib/libodbc.so.2.0.0"}


def test_they_do_the_same_wherever_they_are_moved(client: BootedHost) -> None:
    client.add_user("alice", "/home/alice")
    client.run("cp", "-a", "/opt/natives", MOVED)
    client.run("dpkg", "--purge", "natives")
    told = client.run(f"{MOVED}/bin/natives", "data", WORD, *LOCAL, *NETWORK, user="alice")
    said = json.loads(told.stdout)
    assert "libscram" in own(said, MOVED)
    assert {said[name]["said"] for name in NETWORK} == {"grün"}
