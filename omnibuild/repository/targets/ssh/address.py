"""Where a repository is on a host that is reached by ssh."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from omnibuild.errors import UsageError
from omnibuild.patterns import regex

SCHEME: Final = "ssh://"
_PARTS = regex(
    r"ssh://(?:(?P<user>[A-Za-z0-9_.][A-Za-z0-9_.+-]*)@)?"
    r"(?P<host>[A-Za-z0-9_.][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^?#]+)"
)
_HOME: Final = "/~/"


class Address(Struct, frozen=True):
    """A directory on a host.

    Args:
        host: as ssh takes it: a name of ``~/.ssh/config``, of the network, or an address.
        path: absolute, or below the user's home with ``./`` before it.
        user: whom to be there; empty: whom ssh's configuration says.
        port: empty: what ssh's configuration says.
    """

    host: str
    path: str
    user: str = ""
    port: str = ""

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the address in ``ssh://[user@]host[:port]/path``.

        >>> Address.of("ssh://deploy@web.example.com:2222/srv/www/my%20repo").path
        '/srv/www/my repo'
        >>> Address.of("ssh://web.example.com/~/repo").path
        './repo'

        Raises :class:`UsageError` for anything else.
        """
        match = _PARTS.fullmatch(url)
        path = unquote(match["path"], errors="surrogateescape").rstrip("/") if match else ""
        if not match or not path or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
            # Not loaded for addresses that are right.
            from omnibuild.transfer.http import without_password

            raise UsageError(
                f"{without_password(url)!r} is no directory on a host",
                hint="it is written ssh://user@host:port/srv/repo, or ssh://host/~/repo for one in"
                " the user's home; %20 is a blank, %3F a question mark, %23 a hash",
            )
        if path.startswith(_HOME):
            path = f"./{path.removeprefix(_HOME)}"
        return cls(match["host"].strip("[]"), path, match["user"] or "", match["port"] or "")

    @property
    def options(self) -> tuple[str, ...]:
        """What tells ssh whom to be where."""
        user = ("-l", self.user) if self.user else ()
        port = ("-p", self.port) if self.port else ()
        return (*user, *port, "--", self.host)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        path = f"/~{self.path[1:]}" if self.path.startswith("./") else self.path
        return f"{SCHEME}{user}{host}{port}{path}"
