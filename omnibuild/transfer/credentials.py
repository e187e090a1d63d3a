"""Who this machine is to private servers: names and passwords that no file of a project has.

They are looked up where the field keeps them, and go into requests alone: never into a lock, a
log, or the arguments of a program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from omnibuild.errors import MissingToolError
from omnibuild.tools import Tool

KEYRING = Tool("keyring", package="python3-keyring")

# Of uv and of Poetry; between stands the name of the index.
_VARIABLES = ("UV_INDEX_", "POETRY_HTTP_BASIC_")
LOGIN_HINT = (
    "say who you are: UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD (NAME is what the project"
    " calls the index), netrc, or the program keyring; npm's registries: .npmrc"
)

Login = tuple[str, str]


@dataclass(frozen=True)
class Bearer:
    """A token by itself, as some servers want it (RFC 6750)."""

    token: str

    def __call__(self, request: Any) -> Any:
        """Add it to a request, as the library for HTTP asks whoever logs in."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Credentials:
    """Knows who to be to which server; threads may share one.

    Args:
        environment: where variables are looked up.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._known: dict[str, Login | Bearer] = {}

    def learn(self, url: str, name: str = "") -> None:
        """Look up who to be below ``url``, and to the server that it is on.

        Args:
            url: of an index; it may hold a name and a password.
            name: what the index is called.
        """
        bare = without_login(url)
        if bare not in self._known and (login := self._find(url, name)):
            self._known[bare] = login

    def know(self, url: str, login: Login | Bearer) -> None:
        """Take who to be below ``url`` from somebody who has looked it up."""
        self._known[without_login(url)] = login

    def of(self, url: str) -> Login | Bearer | None:
        """Return who to be for ``url``: as learned for the longest beginning, else its server."""
        bare = without_login(url)
        below = [known for known in self._known if bare.startswith(known)]
        same = below or [known for known in self._known if _server(known) == _server(bare)]
        return self._known[max(same, key=len)] if same else None

    def in_url(self, url: str) -> str:
        """Return ``url`` with name and password, for programs that take them from there alone."""
        login, parts = self.of(url), urlsplit(without_login(url))
        if not login or isinstance(login, Bearer):
            return url
        from urllib.parse import quote

        user, password = (quote(each, safe="") for each in login)
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))

    def hidden(self, text: str) -> str:
        """Return a text without any of the passwords."""
        for login in self._known.values():
            password = login.token if isinstance(login, Bearer) else login[1]
            text = text.replace(password, "****") if password else text
        return text

    def _find(self, url: str, name: str) -> Login | None:
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if name:
            word = re.sub(r"[^A-Z0-9]", "_", name.upper())
            for before in _VARIABLES:
                user = self._environment.get(f"{before}{word}_USERNAME", "") or user
                password = self._environment.get(f"{before}{word}_PASSWORD", "") or password
        if user and password:
            return user, password
        return self._of_netrc(url, user) or self._of_keyring(url, user) or _given(user, password)

    def _of_netrc(self, url: str, user: str) -> Login | None:
        import netrc

        named = self._environment.get("NETRC")
        for place in (named,) if named else ("~/.netrc", "~/_netrc"):
            path = os.path.expanduser(place)
            if not os.path.exists(path):
                continue
            try:
                found = netrc.netrc(path).authenticators(urlsplit(url).hostname or "")
            except (OSError, netrc.NetrcParseError):
                return None
            login = (found[0] or found[1], found[2]) if found else ("", "")
            return login if any(login) and (not user or login[0] == user) else None
        return None

    def _of_keyring(self, url: str, user: str) -> Login | None:
        """Ask the user's keyring, where one is installed, and whose password is asked is known."""
        if not user:
            return None
        for service in (without_login(url), urlsplit(url).hostname or ""):
            try:
                done = KEYRING.run("get", service, user, environment=os.environ, check=False)
            except MissingToolError:
                return None
            if done.returncode == 0 and (password := done.stdout.decode().strip("\r\n")):
                return user, password
        return None


def without_login(url: str) -> str:
    """Return a URL without the name and the password in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _given(user: str, password: str) -> Login | None:
    # A token may stand alone, on either side.
    return (user, password) if user or password else None


def _server(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
