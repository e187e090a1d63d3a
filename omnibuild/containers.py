"""Container engines: the one module that speaks to dockerd and to podman's service.

Both answer the same API on a local socket.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from omnibuild.errors import SandboxError
from omnibuild.tools import require_library

if TYPE_CHECKING:
    from docker import APIClient

EngineName = Literal["docker", "podman"]

ENGINES: tuple[EngineName, ...] = get_args(EngineName)

# Seconds until an engine that does not answer counts as dead; pulling and waiting take longer.
CONNECT_TIMEOUT = 10
CALL_TIMEOUT = 3600


@dataclass(frozen=True)
class Engine:
    """A container engine that answered.

    Args:
        name: which it is.
        address: of its socket, as ``unix:///run/docker.sock``.
        version: of its API.
        rootless: whether user 0 inside is the user of this process.
        limits: whether it can limit what a container takes.
        filters: whether it refuses on its own the system calls that no step gets.
    """

    name: EngineName
    address: str
    version: str
    rootless: bool
    limits: bool
    filters: bool

    def client(self) -> APIClient:
        """Return a client, to be closed; each thread needs one of its own."""
        return _client(self.address, self.version, CALL_TIMEOUT)

    def user(self) -> tuple[int, int]:
        """Return the user and group inside a container to whom files of this user belong."""
        return (0, 0) if self.rootless else (os.geteuid(), os.getegid())


def addresses(name: EngineName) -> list[str]:
    """Return where an engine is looked for: only where the user says, else the usual sockets."""
    variable = "DOCKER_HOST" if name == "docker" else "CONTAINER_HOST"
    if told := os.environ.get(variable):
        return [told]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if name == "docker":
        usual = [f"{runtime}/docker.sock"] if runtime else []
        return [f"unix://{path}" for path in ("/var/run/docker.sock", *usual)]
    usual = [f"{runtime}/podman/podman.sock"] if runtime else []
    return [f"unix://{path}" for path in (*usual, "/run/podman/podman.sock")]


def connect(name: EngineName) -> Engine:
    """Find a running engine; raises :class:`SandboxError` saying what was tried.

    Raises :class:`MissingExtraError` without the library that speaks to engines.
    """
    require_library("docker", "docker")
    tried = []
    for address in addresses(name):
        try:
            return _ask(name, address)
        except SandboxError as error:
            tried.append(error.why)
    service = "docker" if name == "docker" else "podman.socket"
    variable = "DOCKER_HOST" if name == "docker" else "CONTAINER_HOST"
    raise SandboxError(
        f"{name} does not answer",
        why="\n".join(tried),
        hint=(
            f"start it (systemctl start {service}), let this user write to its socket, "
            f"or name its socket by {variable}=unix:///…"
        ),
    )


def connect_any() -> Engine:
    """Find docker, else podman; raises :class:`SandboxError` when neither answers."""
    errors = []
    for name in ENGINES:
        try:
            return connect(name)
        except SandboxError as error:
            errors.append(error)
    raise SandboxError(
        "neither docker nor podman answers",
        why="\n".join(error.why for error in errors),
        hint="\n".join(error.hint for error in errors),
    )


@contextlib.contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn an engine's refusals and silences during the block into :class:`SandboxError`.

    Args:
        what: was not possible then, as ``docker cannot make a container``.
    """
    import requests
    from docker.errors import DockerException

    try:
        yield
    except (DockerException, requests.RequestException, OSError) as error:
        raise SandboxError(
            what,
            why=str(getattr(error, "explanation", None) or error),
            hint="look into the engine's own log (journalctl -u docker, journalctl -u podman)",
        ) from error


@contextlib.contextmanager
def missing_is_fine() -> Iterator[None]:
    """Leave the block quietly where the engine says that something is not there, or has ended."""
    from docker.errors import APIError

    try:
        yield
    except APIError as error:
        if error.status_code not in (404, 409):
            raise


def has_image(client: APIClient, name: str) -> bool:
    """Tell whether an engine holds an image."""
    with missing_is_fine():
        client.inspect_image(name)
        return True
    return False


def split_tag(image: str) -> tuple[str, str]:
    """Return an image's name and its tag, which may be empty."""
    from docker.utils import parse_repository_tag

    name, tag = parse_repository_tag(image)
    return name, tag or ""


def printed_by(stream: Any) -> Iterator[tuple[int, bytes]]:
    """Yield what a container prints: the number of the stream, and bytes, until both end."""
    from docker.utils.socket import frames_iter

    printed: Iterator[tuple[int, bytes]] = frames_iter(stream, tty=False)
    return printed


def _ask(name: EngineName, address: str) -> Engine:
    path = Path(address.removeprefix("unix://"))
    if not address.startswith("unix://"):
        # Steps see directories of this machine: an engine elsewhere could not mount them.
        raise SandboxError("", why=f"{address}: not a local socket (unix:///…)")
    if not path.is_socket() or not os.access(path, os.W_OK):
        reason = "not writable for this user" if path.is_socket() else "no such socket"
        raise SandboxError("", why=f"{path}: {reason}")
    try:
        with engine_errors(""), _client(address, None, CONNECT_TIMEOUT) as client:
            version: str = client.api_version
            info: dict[str, Any] = client.info()
    except SandboxError as error:
        raise SandboxError("", why=f"{path}: {error.why}") from error
    options = info.get("SecurityOptions") or ()
    rootless = bool(info.get("Rootless")) or any("rootless" in option for option in options)
    limits = bool(info.get("MemoryLimit") and info.get("PidsLimit"))
    # docker's own filter refuses keyrings and user namespaces; that of podman lets both pass.
    confined = any(o.startswith("name=seccomp") and "unconfined" not in o for o in options)
    return Engine(name, address, version, rootless, limits, name == "docker" and confined)


def _client(address: str, version: str | None, timeout: int) -> APIClient:
    import docker

    return docker.APIClient(base_url=address, version=version, timeout=timeout)
