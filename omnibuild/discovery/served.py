"""What of a project serves and works: its web app, its other processes."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from packaging.utils import canonicalize_name

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
from omnibuild.discovery.findings import SCRIPT, Findings, Found, WebApp
from omnibuild.discovery.procfile import DJANGO_SETTINGS, read_procfile
from omnibuild.discovery.schedule import read_schedule

# Where a setting's value is said by the host, a program may write there.
_STATIC_OF_HOST = re.compile(r"^STATIC_ROOT\s*=.*(environ|getenv|env\(|config\()", re.MULTILINE)
# FastAPI answers this in every app that does not turn it off.
_OPENAPI = "/openapi.json"


def served(directory: Path, found: Findings) -> None:
    """Add the web app and the services of a project in a directory."""
    read_procfile(directory, found)
    _of_django(directory, found)
    read_schedule(directory, found)
    _of_modules(directory, found)
    if found.web is None:
        _of_paste(directory, found)


def django_project(directory: Path) -> tuple[Path, str]:
    """Return the ``manage.py`` of a project, and the module of settings that it names, if any."""
    places = (directory / "manage.py", directory / "src/manage.py")
    manage = next((path for path in places if read_source(path)), places[0])
    settings = DJANGO_SETTINGS.search(read_source(manage))
    return manage, settings[1] if settings else ""


def _of_django(directory: Path, found: Findings) -> None:
    manage, settings = django_project(directory)
    if not settings:
        return
    where = f"{project_file(directory, manage)}: {settings}"
    found.requirements.add("django")
    found.environment["DJANGO_SETTINGS_MODULE"] = Found(settings, where)
    _add_management(found, where)
    if not found.prepare:
        found.prepare = [Found("django migrate --noinput", where)]
        module = f"{settings.replace('.', '/')}.py"
        if _STATIC_OF_HOST.search(read_source(manage.parent / module)):
            found.prepare.append(Found("django collectstatic --noinput", f"{module}: STATIC_ROOT"))
    package = settings.partition(".")[0]
    for interface in ("wsgi", "asgi"):
        for place in (f"{package}/{interface}.py", f"{package}/config/{interface}.py"):
            if found.web is None and read_source(manage.parent / place):
                module = place.removesuffix(".py").replace("/", ".")
                found.web = WebApp(interface, f"{module}:application", where, "Django")


def _add_management(found: Findings, where: str) -> None:
    """Let operators call what `manage.py` can do by the project's name."""
    name = canonicalize_name(found.name.value) if found.name else ""
    name = f"{name}-manage" if name in found.commands else name
    if SCRIPT.fullmatch(name):
        found.commands[name] = Found("python -m django", where)


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
