"""From what was found to what a recipe says: every gap is closed, or named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from omnibuild.discovery.findings import PREFIX, Findings, Found
from omnibuild.discovery.licences import UNKNOWN
from omnibuild.discovery.recipe_text import Draft
from omnibuild.recipe.wheeltags import full_version

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,59}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_VERSION = re.compile(r"([0-9]{1,9}!)?[0-9][A-Za-z0-9.+~]{0,49}")
_WORKER = re.compile(r"(?:.*-)?(worker|daemon|scheduler|consumer|listener|beat|bot|server)")
# Servers of the index that are called like their packages, and how each serves.
_KNOWN_SERVERS = {
    "datasette": "datasette serve",
    "jupyterhub": "jupyterhub",
    "octoprint": "octoprint serve",
    "radicale": "radicale",
}
# The source of its release is in a distribution's archive for years; newer ones come and go there.
USUAL_SERIES = "3.13"
_LONGEST_SUMMARY = 80
_SERVERS = {"wsgi": "gunicorn", "asgi": "uvicorn"}

# Where a version comes from that no file of a project says.
OF_GIT = "git's tags"

# What stands beside a value that somebody has to look at.
PLEASE = "not found: please correct it"


def app_name(wanted: str) -> str:
    """Return a package's name made of any; empty when nothing of it can be one."""
    name = re.sub(r"[^a-z0-9+.-]+", "-", wanted.lower().replace("_", "-")).strip("-.+")
    return name if _NAME.fullmatch(name) else ""


def draft_of(
    found: Findings, app: str, account: Found, series: Sequence[str], source: tuple[str, str]
) -> Draft:
    """Return the draft of an app's recipe.

    Args:
        found: what there is.
        app: name of the package.
        account: who writes the recipe, for apps that name nobody.
        series: series of CPython that can be built, as ``3.13``.
        source: key and value of ``[source]``.
    """
    version, origin = found.version, ""
    if version is None or not _VERSION.fullmatch(version.value):
        version = Found("0.1.0", PLEASE)
    elif source[0] == "path":
        origin = "git" if version.where == OF_GIT else "project"
    summary = found.summary or Found(app, PLEASE)
    if len(summary.value) > _LONGEST_SUMMARY:
        cut = summary.value[: _LONGEST_SUMMARY - 1].rpartition(" ")[0]
        summary = Found(f"{cut or summary.value[: _LONGEST_SUMMARY - 1]}…", summary.where)
    serves = bool(found.web or found.services or found.timers)
    _leave_out_taken(found, app)
    _note_workers(found)
    for name, said in found.services.items():
        found.services[name] = Found(said.value.replace(PREFIX, f"/opt/{app}"), said.where)
    return Draft(
        app=app,
        version=version,
        summary=summary,
        license=found.license or Found(UNKNOWN, PLEASE),
        maintainer=found.maintainer or account,
        python=_python(found, series),
        source=source,
        server=_SERVERS[found.web.interface] if found.web else "",
        user="" if not serves or _USER.fullmatch(app) else _user(app),
        findings=found,
        origin=origin,
    )


def _leave_out_taken(found: Findings, app: str) -> None:
    """Leave out commands that are called like the launcher of a process, as a recipe must."""
    names = {"run", *found.services, *found.timers, *(("web", "nginx") if found.web else ())}
    for name in sorted({f"{app}-{each}" for each in names} & found.commands.keys()):
        del found.commands[name]
        found.notes.append(f"the command {name} is left out: a launcher of the app is called so")


def _note_workers(found: Findings) -> None:
    """Note commands that go on running by their names: nobody starts them unasked."""
    started = {said.value.partition(" ")[0] for said in found.services.values()}
    for name in sorted(found.commands.keys() - started):
        match, command = _WORKER.fullmatch(name), _KNOWN_SERVERS.get(name, name)
        if match or name in _KNOWN_SERVERS:
            table = f'[services.{match[1] if match else "server"}] command = "{command}"'
            found.notes.append(f"{name} runs when somebody calls it; as a service it is: {table}")


def _user(app: str) -> str:
    return (
        f"_{canonicalize_name(app)}"[:31].rstrip("-")
        if app[0].isdigit()
        else (canonicalize_name(app)[:31].rstrip("-"))
    )


def _python(found: Findings, series: Sequence[str]) -> Found:
    """Return the series that an app is given: the first of those that it says it runs on."""
    every = by_preference(series)
    if not found.requires_python:
        return Found(every[0], "")
    where = f"{found.requires_python.where}: {found.requires_python.value}"
    if fitting := series_for(found, series):
        return Found(fitting[0], where)
    said = f"{found.requires_python.where} is {found.requires_python.value}"
    there = f"there are {', '.join(every)}, of which {every[0]} is taken"
    found.notes.append(f"{said}, and no such interpreter is defined: {there}")
    return Found(every[0], where)


def series_for(found: Findings, series: Sequence[str]) -> list[str]:
    """Return the series of CPython that an app says it runs on: the preferred, and older ones."""
    try:
        allowed = SpecifierSet(found.requires_python.value if found.requires_python else "")
    except InvalidSpecifier:
        allowed = SpecifierSet()
    return and_older(each for each in by_preference(series) if allowed.contains(full_version(each)))


def by_preference(series: Iterable[str]) -> list[str]:
    """Return series of CPython in the order in which they are tried.

    First the one whose source stays where it is, then older ones, the newest first. Newer ones are
    for apps that run on nothing else.
    """
    usual = Version(USUAL_SERIES)
    versions = sorted(map(Version, series), reverse=True)
    older = [each for each in versions if each <= usual]
    newer = [each for each in versions if each > usual]
    return [str(each) for each in (*older, *reversed(newer))]


def and_older(series: Iterable[str]) -> list[str]:
    """Return the first of some series and those that are older, in their order.

    What one of them removed, so that it cannot run an app, newer ones lack, too.
    """
    every = list(series)
    return [each for each in every if Version(each) <= Version(every[0])]
