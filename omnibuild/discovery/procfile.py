"""A ``Procfile``: what a project serves, what else it runs, and what it does at each release."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from omnibuild.discovery.code import read_source
from omnibuild.discovery.findings import Findings, Found, WebApp

# The line by which `manage.py` names a project's settings.
DJANGO_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_TARGET = re.compile(r"[\w.]+:[\w.]+(\(\))?")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_MODULE = re.compile(r"(\w+/)*\w+\.py")
# What only a shell understands.
_SHELL = re.compile(r"[$`;|<>(){}*?\\#&]")
# Programs of hosts that start others.
_OF_HOST = {"sh", "bash", "dash", "zsh", "env", "exec", "sudo", "cd"}
_ASGI_SERVERS = {"uvicorn", "hypercorn", "daphne", "granian"}
_WSGI_SERVERS = {"gunicorn", "waitress-serve"}


def read_procfile(directory: Path, found: Findings) -> None:
    """Add the processes of a project's ``Procfile``, if it has one."""
    for number, line in enumerate(read_source(directory / "Procfile").splitlines(), 1):
        name, colon, command = line.partition(":")
        name, where = name.strip(), f"Procfile:{number}"
        if not colon or not _SERVICE.fullmatch(name):
            continue
        if name == "release":
            _release(directory, command, where, found)
            continue
        words = split(command)
        web = _web_of(command, where) if name == "web" else None
        if web:
            found.web = web
        elif not words:
            found.notes.append(f"{where}: `{name}` takes values of a shell, and is left out")
        else:
            command_words = as_module(directory, words)
            if why := not_of_app(command_words):
                found.notes.append(f"{where}: `{name}` {why}, and is left out")
            else:
                found.services[name] = Found(shlex.join(command_words), where)


def split(command: str) -> list[str]:
    """Return the words of a command; none when it takes a shell to run it."""
    return [] if _SHELL.search(command) else _words(command)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []


def not_of_app(words: Sequence[str]) -> str:
    """Say why a recipe cannot have a command, whatever its app brings; nothing where it may.

    >>> not_of_app(["./run.sh"])
    'runs ./run.sh, which is at no known place on hosts'
    >>> not_of_app(["celery", "worker"])
    ''
    """
    first, *rest = words
    if "/" in first:
        return f"runs {first}, which is at no known place on hosts"
    if first in _OF_HOST:
        return f"takes {first}, which is no part of the app"
    if _PYTHON.fullmatch(first) and rest[:1] != ["-m"]:
        given = " ".join(rest[:2]) or "nothing"
        return f"gives the interpreter {given}, which is no module of the project"
    return ""


def as_module(directory: Path, words: Sequence[str]) -> list[str]:
    """Return a command with a file of the project as the module that it is.

    Where a project lies on hosts is nobody's business; the interpreter finds its modules.
    """
    if len(words) < len(("python", "FILE")) or not _PYTHON.fullmatch(words[0]):
        return list(words)
    file = words[1].removeprefix("./")
    text = read_source(directory / file) if _MODULE.fullmatch(file) else ""
    if DJANGO_SETTINGS.search(text):
        # What it adds is the name of the settings, and that is in the environment.
        return ["python", "-m", "django", *words[2:]]
    if text:
        module = file.removeprefix("src/").removesuffix(".py").replace("/", ".")
        return ["python", "-m", module, *words[2:]]
    return ["python", *words[1:]]


def _release(directory: Path, command: str, where: str, found: Findings) -> None:
    """Take what runs at each release for the hook ``prepare``, if the interpreter runs it."""
    lines = []
    for part in command.split("&&"):
        words = as_module(directory, split(part))
        if words[:2] != ["python", "-m"]:
            found.notes.append(f"{where}: `release` is for the hook `prepare`, or for the operator")
            return
        lines.append(shlex.join(words[2:]))
    found.prepare = [Found(line, where) for line in lines]


def _web_of(command: str, where: str) -> WebApp | None:
    """Return what a command of a server serves; none when it is no server that omnibuild has."""
    words = _words(command)
    server = words[0].rpartition("/")[2] if words else ""
    target = next((word for word in words[1:] if _TARGET.fullmatch(word)), "")
    if server == "gunicorn" and not target:
        # gunicorn takes `application` where no object is named.
        target = next((f"{w}:application" for w in words[1:] if re.fullmatch(r"[\w.]+", w)), "")
    worker = " ".join(words)
    if target and server in _WSGI_SERVERS and "Uvicorn" not in worker and "asgi" not in worker:
        return WebApp("wsgi", target, where)
    if target and server in _ASGI_SERVERS | _WSGI_SERVERS:
        factory = "--factory" in words and not target.endswith("()")
        return WebApp("asgi", f"{target}()" if factory else target, where)
    return None
