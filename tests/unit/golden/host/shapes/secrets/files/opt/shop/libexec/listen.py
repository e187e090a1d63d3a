"""Opens the sockets that a server listens on, gives them to systemd to keep, becomes the server.

This module is a program of hosts: it is installed as ``libexec/listen.py``, and the launchers of
servers start it with the packaged interpreter. So it needs nothing but the standard library.

systemd keeps a copy of each socket while the service restarts, and hands it to the next start:
clients wait in its queue instead of being refused. The addresses stay where operators edit them,
which no ``.socket`` unit could promise; one that is no longer wanted is let go.

    listen gunicorn ADDRESS COMMAND...    passes the socket by LISTEN_FDS
    listen socket ADDRESS COMMAND...      the same for who does not say when it is ready, and opens
                                          no socket itself: so it is also used without systemd
    listen telling ADDRESS COMMAND...     the same for who tells systemd itself
    listen nginx NOTE COMMAND...          asks nginx for its addresses; passes them by NGINX
    listen reload NOTE COMMAND...         refuses what nginx could not reload; NOTE is a file that
                                          says where it listens
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

FIRST = 3
BACKLOG = 2048
# systemd lets go of a socket a moment after it is asked to.
PATIENCE = 40
PAUSE = 0.05
# Descriptors from here on are free.
OUT_OF_THE_WAY = 100

_COMMENT = re.compile(r"#[^\n]*")
_LISTEN = re.compile(r"(?:^|(?<=[{;]))\s*listen\s+([^;{}]+);", re.MULTILINE)
_DATAGRAMS = {"quic", "udp"}
# These make other sockets of an address, which nginx opens itself. They are said once, and true of
# every `listen` of the address.
_OWN = {"reuseport", "ipv6only=off"}


@dataclass(frozen=True)
class Address:
    """Where a server listens: a path, or an address in numbers and a port."""

    family: socket.AddressFamily
    host: str
    port: int = 0
    dual: bool = False

    @classmethod
    def parse(cls, text: str, *, dual: bool = False) -> Address | None:
        """Return an address as servers spell it; None for a name that has to be looked up.

        Args:
            text: such as ``127.0.0.1:8080``, ``[::]:80`` or ``unix:/run/shop/web.sock``.
            dual: whether ``[::]`` is also for IPv4, where the host's kernel is set up so.
        """
        if text.startswith("unix:"):
            return cls(socket.AF_UNIX, text[len("unix:") :])
        found = re.fullmatch(r"(?:(\*|[\d.]*|\[[0-9a-fA-F:.]+\]):)?(\d+)", text)
        if not found:
            return None
        host, port = found[1] or "*", int(found[2])
        if host.startswith("["):
            return cls(socket.AF_INET6, host[1:-1], port, dual)
        return cls(socket.AF_INET, "0.0.0.0" if host == "*" else host, port)  # noqa: S104

    @property
    def name(self) -> str:
        """What systemd calls the socket: it takes no colon."""
        return str(self).replace(":", "/")

    def __str__(self) -> str:
        if self.family == socket.AF_UNIX:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def covers(self, other: Address) -> bool:
        """Tell whether a socket for every address of the port also serves the other address."""
        every = self.host in ("0.0.0.0", "::")  # noqa: S104
        return every and (self.family, self.port) == (other.family, other.port)

    def open(self) -> socket.socket:
        """Listen."""
        opened = socket.socket(self.family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.family == socket.AF_UNIX:
            if os.path.exists(self.host):
                os.unlink(self.host)
            opened.bind(self.host)
        else:
            if self.family == socket.AF_INET6 and not self.dual:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((self.host, self.port))
        opened.listen(BACKLOG)
        opened.setblocking(False)
        return opened


def nginx_addresses(configuration: str) -> list[Address]:
    """Return the addresses that ``nginx -T`` shows and that a plain socket serves."""
    found: list[Address] = []
    own: set[Address] = set()
    for words in _LISTEN.findall(_COMMENT.sub("", configuration)):
        first, *options = words.split()
        address = Address.parse(first)
        if not address or address.family == socket.AF_UNIX or _DATAGRAMS & set(options):
            continue
        if _OWN & set(options):
            own.add(address)
        if address not in found:
            found.append(address)
    # nginx, too, listens once where every address of a port is wanted.
    return [
        one
        for one in found
        if one not in own and not any(other.covers(one) for other in found if other != one)
    ]


def inherited(environment: Mapping[str, str]) -> list[tuple[str, socket.socket]]:
    """Return the sockets that systemd kept, each with its name."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(environment.get("LISTEN_FDS", "0"))
    names = environment.get("LISTEN_FDNAMES", "").split(":") + [""] * count
    return [(names[number], socket.socket(fileno=FIRST + number)) for number in range(count)]


def is_at(kept: socket.socket, address: Address) -> bool:
    """Tell whether a socket is the one of an address, and clients still find it there."""
    if kept.family != address.family:
        return False
    if address.family == socket.AF_UNIX:
        return bool(kept.getsockname() == address.host and os.path.exists(address.host))
    return bool(kept.getsockname()[:2] == (address.host, address.port))


def notify(message: str, sockets: Iterable[socket.socket] = ()) -> None:
    """Tell systemd, where it listens."""
    where = os.environ.get("NOTIFY_SOCKET")
    if not where:
        return
    where = f"\0{where[1:]}" if where.startswith("@") else where
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        try:
            manager.connect(where)
            socket.send_fds(manager, [message.encode()], [one.fileno() for one in sockets])
        except OSError as error:
            # The variable may be left over, of another service: that is no reason not to serve.
            sys.stderr.write(f"systemd cannot be told: {error.strerror}\n")


def open_patiently(address: Address, patience: int) -> socket.socket:
    """Listen; try again while a socket that was just let go is in the way."""
    while True:
        try:
            return address.open()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or patience <= 0:
                raise
        patience -= 1
        time.sleep(PAUSE)


def listen(wanted: list[Address]) -> list[socket.socket]:
    """Return a listening socket for each address: a kept one, or one that is kept from now on."""
    kept = inherited(os.environ)
    found = [next((one for _, one in kept if is_at(one, address)), None) for address in wanted]
    stale = [(name, one) for name, one in kept if one not in found]
    for name, one in stale:
        notify(f"FDSTOREREMOVE=1\nFDNAME={name}")
        one.close()
    return [
        one or keep(address, PATIENCE if stale else 0)
        for address, one in zip(wanted, found, strict=True)
    ]


def keep(address: Address, patience: int) -> socket.socket:
    """Listen, and have systemd keep the socket."""
    try:
        opened = open_patiently(address, patience)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "another program listens there" if taken else error.strerror
        sys.exit(f"cannot listen on {address}: {why}")
    notify(f"FDSTORE=1\nFDNAME={address.name}", [opened])
    return opened


def pass_on(sockets: list[socket.socket]) -> list[int]:
    """Make the sockets the descriptors from 3 on, which the next program inherits."""
    # First out of the way of one another.
    far = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) for one in sockets]
    for one in sockets:
        one.close()
    return [os.dup2(copy, FIRST + number) for number, copy in enumerate(far)]


def become(command: tuple[str, ...], **variables: str) -> None:
    """Become the server."""
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    os.environ |= variables
    # Systemd was told that all is ready, and may pass on a reload before the server is: to begin
    # with, what would end it is ignored.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(command[0], command)  # noqa: S606


def gunicorn(text: str, *command: str) -> None:
    """Become gunicorn, which listens on one address."""
    address = Address.parse(text, dual=True)
    numbers = pass_on(listen([address] if address else []))
    if numbers:
        become(command, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)))
    become(command)


def looked_up(text: str) -> Address:
    """Return the address that a name stands for."""
    host, _, port = text.rpartition(":")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        sys.exit(f"cannot listen on {text}: {error.strerror}")
    # Who says `localhost` to clients means this one.
    family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
    return Address(family, str(where[0]), int(where[1]))


def passed(text: str, *command: str) -> None:
    """Become a server whose one socket is descriptor 3; clients wait there until it is ready."""
    numbers = pass_on(listen([Address.parse(text, dual=True) or looked_up(text)]))
    notify("READY=1")
    become(command, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)))


def telling(text: str, *command: str) -> None:
    """Become a server that says when it is ready, and knows that its socket is descriptor 3."""
    pass_on(listen([Address.parse(text, dual=True) or looked_up(text)]))
    become(command)


def configured(command: tuple[str, ...]) -> list[Address]:
    """Return where nginx shall listen, once its configuration is right."""
    shown = subprocess.run([*command, "-T"], capture_output=True, text=True, check=False)
    if shown.returncode:
        sys.stderr.write(shown.stderr)
        sys.exit(shown.returncode)
    return nginx_addresses(shown.stdout)


def nginx(note: str, *command: str) -> None:
    """Become nginx, once its sockets are open."""
    wanted = configured(command)
    numbers = pass_on(listen(wanted))
    with open(note, "w", encoding="utf-8") as file:
        file.writelines(f"{address}\n" for address in wanted)
    notify("READY=1")
    if numbers:
        become(command, NGINX="".join(f"{number};" for number in numbers))
    become(command)


def check_reload(note: str, *command: str) -> None:
    """Refuse to leave an address: systemd keeps its socket, and clients would wait there."""
    wanted = {str(address) for address in configured(command)}
    if not os.path.exists(note):
        return
    with open(note, encoding="utf-8") as file:
        gone = [address for address in file.read().splitlines() if address not in wanted]
    if gone:
        sys.exit(
            f"nginx listens on {', '.join(gone)}, its configuration no longer says so:"
            " restart it, a reload would leave clients waiting there"
        )


if __name__ == "__main__":
    ways: dict[str, Callable[..., None]]
    ways = {
        "gunicorn": gunicorn,
        "nginx": nginx,
        "reload": check_reload,
        "socket": passed,
        "telling": telling,
    }
    ways[sys.argv[1]](*sys.argv[2:])
