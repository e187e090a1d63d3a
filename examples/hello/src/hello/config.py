"""Configuration: one TOML file, every setting with a default."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FILE = "/etc/hello/hello.toml"
DEFAULT_STATE = "/var/lib/hello"


class ConfigError(Exception):
    """The configuration file is missing or wrong."""


@dataclass(frozen=True)
class Config:
    """Everything an operator can set.

    Args:
        title: heading of the page.
        database: file of the database.
        tls_check: ``host:port`` of the server that the health check connects to, or nothing.
    """

    title: str = "Hello"
    database: Path = Path(DEFAULT_STATE, "hello.db")
    tls_check: tuple[str, int] | None = None


def load(environment: dict[str, str] | os._Environ[str] = os.environ) -> Config:
    """Read the file that ``HELLO_CONFIG`` names; ``HELLO_STATE`` is the state directory."""
    path = environment.get("HELLO_CONFIG", DEFAULT_FILE)
    try:
        with open(path, "rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = data.keys() - {"title", "database", "tls-check"}
    if unknown:
        raise ConfigError(f"{path}: unknown setting: {', '.join(sorted(unknown))}")
    wrong = sorted(key for key, value in data.items() if not isinstance(value, str))
    if wrong:
        raise ConfigError(f"{path}: not a string: {', '.join(wrong)}")
    state = Path(environment.get("HELLO_STATE", DEFAULT_STATE))
    return Config(
        title=data.get("title", Config.title),
        database=state / data.get("database", "hello.db"),
        tls_check=_endpoint(data["tls-check"], path) if "tls-check" in data else None,
    )


def _endpoint(text: str, path: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"{path}: tls-check is not host:port: {text!r}")
    return host.strip("[]"), int(port)
