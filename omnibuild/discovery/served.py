"""What of a project serves and works: its web app, its other processes."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

from omnibuild.discovery.code import (
    App,
    apps_in,
    has_root,
    health_in,
    modules,
    parsed,
    project_file,
    read_source,
)
from omnibuild.discovery.findings import Findings, Found, WebApp

_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_TARGET = re.compile(r"[\w.]+:[\w.]+(\(\))?")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_ASGI_SERVERS = {"uvicorn", "hypercorn", "daphne", "granian"}
_WSGI_SERVERS = {"gunicorn", "waitress-serve"}
# FastAPI answers this in every app that does not turn it off.
_OPENAPI = "/openapi.json"


def served(directory: Path, found: Findings) -> None:
    """Add the web app and the services of a project in a directory."""
    _of_procfile(directory / "Procfile", found)
    if found.web is None:
        _of_django(directory, found)
    _of_modules(directory, found)
    if found.web is None:
        _of_paste(directory, found)


def _of_procfile(path: Path, found: Findings) -> None:
    for number, line in enumerate(read_source(path).splitlines(), 1):
        name, colon, command = line.partition(":")
        name, where = name.strip(), f"Procfile:{number}"
        if not colon or not _SERVICE.fullmatch(name):
            continue
        try:
            words = shlex.split(command)
        except ValueError:
            words = []
        if not words or name == "release":
            found.notes.append(f"{where}: `{name}` is for the hook `prepare`, or for the operator")
            continue
        web = _web_of(words, where) if name == "web" else None
        if web:
            found.web = web
        elif "$" in command:
            found.notes.append(f"{where}: `{name}` takes values of a shell, and is left out")
        else:
            found.services[name] = Found(command.strip(), where)


def _web_of(words: list[str], where: str) -> WebApp | None:
    """Return what a command of a server serves; none when it is no server that omnibuild has."""
    server = words[0].rpartition("/")[2]
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


def _of_django(directory: Path, found: Findings) -> None:
    places = (directory / "manage.py", directory / "src/manage.py")
    manage = next((path for path in places if read_source(path)), places[0])
    text = read_source(manage)
    settings = _SETTINGS.search(text)
    if not settings:
        return
    package = settings[1].partition(".")[0]
    where = f"{project_file(directory, manage)}: {settings[1]}"
    for interface in ("wsgi", "asgi"):
        for place in (f"{package}/{interface}.py", f"{package}/config/{interface}.py"):
            if read_source(manage.parent / place):
                module = place.removesuffix(".py").replace("/", ".")
                found.web = WebApp(interface, f"{module}:application", where, "Django")
                found.requirements.add("django")
                return


def _of_modules(directory: Path, found: Findings) -> None:
    apps: list[App] = []
    health: Found | None = None
    root = False
    for name, path in modules(directory):
        tree = parsed(read_source(path))
        if tree is None:
            continue
        file = project_file(directory, path)
        apps += apps_in(name, file, tree)
        root = root or has_root(tree)
        if health is None and (answer := health_in(tree)):
            health = Found(answer, file)
    if found.web is None and apps:
        best = min(apps, key=_rank)
        found.web = WebApp(best.interface, best.target, best.where, best.framework)
        others = sorted({app.target for app in apps} - {best.target})
        if others:
            found.notes.append(f"there are other apps: {', '.join(others[:5])}")
    if found.web:
        framework = found.web.framework
        if health is None and framework == "FastAPI" and not root:
            health = Found(_OPENAPI, "every FastAPI app has it")
        found.health = health


def _rank(app: App) -> tuple[bool, bool, int]:
    """Order: objects before functions, usual names before others, then as they were found."""
    name = app.target.partition(":")[2]
    usual = name in ("app", "application", "api", "asgi", "wsgi")
    return app.target.endswith("()"), not usual, app.target.count(".")


def _of_paste(directory: Path, found: Findings) -> None:
    """Take Pyramid's way: ``pserve`` with a configuration that the host keeps."""
    for name in ("production.ini", "development.ini"):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(read_source(directory / name))
        except configparser.Error:
            continue
        if parser.get("app:main", "use", fallback="").startswith("egg:"):
            app = found.name.value if found.name else directory.resolve().name
            host = f"/etc/{app}/{name}"
            found.config[host] = Found(name, f"{name}: [app:main]")
            found.services["web"] = Found(f"pserve {host}", f"{name}: [app:main]")
            return
