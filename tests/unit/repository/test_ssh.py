"""Addresses of hosts, and the shell text that runs there."""

from __future__ import annotations

import pytest

from omnibuild.errors import UsageError
from omnibuild.repository.targets import open_target
from omnibuild.repository.targets.ssh.address import Address
from omnibuild.repository.targets.ssh.failures import refused, unreachable

HOST = Address("host", "/srv/r", "me", "22")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ssh://host/srv/repo", Address("host", "/srv/repo")),
        ("ssh://me@host:2222/srv/repo/", Address("host", "/srv/repo", "me", "2222")),
        ("ssh://host/~/repo", Address("host", "./repo")),
        ("ssh://[::1]:22/srv", Address("::1", "/srv", port="22")),
        ("ssh://host/a%20b%3Fc%23d", Address("host", "/a b?c#d")),
        ("ssh://host/$(id)/'x'", Address("host", "/$(id)/'x'")),
    ],
)
def test_an_address_is_read_and_written(url: str, address: Address) -> None:
    assert Address.of(url) == address
    assert Address.of(str(address).replace("?", "%3F").replace("#", "%23")) == address


@pytest.mark.parametrize(
    "url",
    [
        "ssh://host",
        "ssh://host/",
        "ssh:///srv/repo",
        "ssh://-oProxyCommand=id/srv",
        "ssh://-x@host/srv",
        "ssh://me:secret@host/srv",
        "ssh://host:port/srv",
        "ssh://host/srv?port=1",
        "ssh://host/srv%0Aremove%0Astate",
        "ssh://host/srv%00",
        "ssh://ho st/srv",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no directory on a host") as caught:
        open_target(url)
    assert "secret" not in str(caught.value)


def test_options_cannot_come_from_the_host() -> None:
    assert HOST.options == ("-l", "me", "-p", "22", "--", "host")


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "is another one"),
        ("Host key verification failed.", "does not know the host's key"),
        ("me@host: Permission denied (publickey).", "lets nobody in"),
        ("ssh: Could not resolve hostname host", "no host of that name"),
        ("ssh: connect to host host port 22: Connection refused", "cannot be reached"),
    ],
)
def test_what_ssh_says_is_explained(said: str, what: str) -> None:
    error = unreachable(HOST, said)
    assert what in error.what
    assert error.why == said
    assert error.hint
    assert str(error.where) == "ssh://me@host:22/srv/r"


@pytest.mark.parametrize(
    ("what", "said", "meant"),
    [
        ("missing flock", "", "lacks the program flock"),
        ("cannot write x", "head: error writing: No space left on device", "disk of the host is"),
        ("cannot write x", "mkdir: cannot create: Permission denied", "may not write there"),
        ("cannot write x", "Read-only file system", "cannot be written to"),
        ("lies on several disks", "", "several disks"),
        ("no directory", "", "no directory"),
    ],
)
def test_what_the_host_says_is_explained(what: str, said: str, meant: str) -> None:
    error = refused(HOST, what, said)
    assert meant in error.what
    assert error.hint
