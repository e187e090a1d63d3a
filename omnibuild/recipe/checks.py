"""What one field alone cannot tell: rules between fields, and between a file and its neighbours."""

from __future__ import annotations

import itertools
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import UnsetType

from omnibuild.patterns import regex
from omnibuild.recipe.building.faults import build_faults
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import (
    AppSource,
    ConfigFile,
    HostPackages,
    Python,
    Recipe,
    Web,
)
from omnibuild.recipe.models.audit import NEVER_WAIVED, NO_GLOBS, WILDCARDS
from omnibuild.recipe.models.package import DEFAULT_MODE
from omnibuild.recipe.placing.host_files import host_file_faults, mode_faults, source_fault
from omnibuild.recipe.placing.host_places import long_names, some, unusual_path
from omnibuild.recipe.running.bundle import bundle_faults
from omnibuild.recipe.running.commands import ADD_PYTHON, command_faults
from omnibuild.recipe.running.environment import environment_faults
from omnibuild.recipe.running.files import file_faults, unread_faults
from omnibuild.recipe.running.names import HOSTS, name_faults
from omnibuild.recipe.running.timers import timer_faults
from omnibuild.recipe.running.web import OWN, web_faults
from omnibuild.recipe.validate import quoted

# Hooks that run as the app's user, in this order.
AS_USER: Final = ("prepare", "migrate")

_USER = regex(r"[a-z_][a-z0-9_-]{0,30}")


def service_user(recipe: Recipe) -> str:
    """Return the system user that runs the services; empty when there are none."""
    serves = bool(recipe.web or recipe.bundle or recipe.services or recipe.timers)
    return recipe.package.user or (recipe.app.name if serves else "")


def faults(recipe: Recipe, path: Path) -> Iterator[Fault]:
    """Yield what is wrong with a recipe whose fields are each right."""
    yield from _content_faults(recipe)
    yield from _source_faults(recipe, path)
    yield from _service_faults(recipe)
    yield from environment_faults(recipe)
    yield from _host_faults(recipe, path.parent)
    yield from build_faults(recipe)
    yield from _waiver_faults(recipe)


def _content_faults(recipe: Recipe) -> Iterator[Fault]:
    if isinstance(recipe.python, Python):
        return
    web = recipe.web
    needing = [
        *([] if isinstance(recipe.source, UnsetType) else ["source"]),
        # An own server may be any program, but what opens its socket for it is Python.
        *(["web"] if isinstance(web, Web) and (web.server != OWN or web.socket) else []),
    ]
    for table in needing:
        what = f"[{table}] needs an interpreter, and there is no [python]"
        yield Fault((table,), what, ADD_PYTHON)
    if not recipe.software and not recipe.bundle and not recipe.files:
        hint = "add [python] for a Python app, [software] for components, or [files]"
        what = "nothing to package: neither [python] nor [software] nor [files] is there"
        yield Fault((), what, hint)


def _source_faults(recipe: Recipe, path: Path) -> Iterator[Fault]:
    source = recipe.source
    if not isinstance(source, AppSource):
        return
    if bool(source.path) == bool(source.index):
        found = "both are" if source.path else "none is"
        yield Fault(("source",), f"[source] takes one of `path` and `index`, and {found} there")
    elif source.path and not os.path.isdir(path.parent / source.path):
        hint = f"it is looked up in {path.parent}"
        yield Fault(("source", "path"), f"there is no directory {quoted(source.path)} here", hint)


def _service_faults(recipe: Recipe) -> Iterator[Fault]:
    python = isinstance(recipe.python, Python)
    if isinstance(recipe.web, Web):
        yield from web_faults(recipe.web, python=python)
        yield from file_faults(recipe, recipe.web)
    for name, service in recipe.services.items():
        yield from command_faults(("services", name, "command"), service.command, python=python)
        if service.watchdog and not service.notify:
            what = "`watchdog` is for a service that tells systemd of itself"
            yield Fault(("services", name, "watchdog"), what, "add `notify = true`")
    for name, timer in recipe.timers.items():
        yield from timer_faults(name, timer, python=python)
    for name, command in recipe.commands.items():
        yield from command_faults(("commands", name), command, python=python)
    yield from bundle_faults(recipe)
    yield from name_faults(recipe)
    user = service_user(recipe)
    yield from _secret_faults(recipe, user)
    if user and not _USER.fullmatch(user):
        what = f"{quoted(user)} cannot be the name of a system user"
        yield Fault(("app", "name"), what, "name another one with `user` in [package]")
    if user == "root":
        key = ("package", "user") if recipe.package.user else ("app", "name")
        hint = "name another one with `user` in [package]; systemd can give it rights of root's"
        yield Fault(key, "services do not run as root", hint)


def _secret_faults(recipe: Recipe, user: str) -> Iterator[Fault]:
    if recipe.secrets and not user:
        hint = "add [services] or [web], or name a user in [package]"
        yield Fault(("secrets",), "[secrets] is for an app that has a user of its own", hint)
    for name, secret in recipe.secrets.items():
        if not secret.generated and secret.bytes is not None:
            what = "`bytes` is for a secret that is generated, and the operator writes this one"
            yield Fault(("secrets", name, "bytes"), what, "take `bytes` out")


def _host_faults(recipe: Recipe, directory: Path) -> Iterator[Fault]:
    own = f"/opt/{recipe.app.name}"
    for target, file in recipe.config_files.items():
        wrong = [*_place_faults(target, own)]
        yield from wrong or _neighbour_faults(target, recipe.config)
        yield from _file_faults(recipe, target, file, directory)
    if isinstance(recipe.web, Web):
        yield from unread_faults(recipe, recipe.web, directory)
    yield from host_file_faults(recipe, service_user(recipe), directory)
    scripts = recipe.package.scripts
    needing = [name for name in AS_USER if scripts and (directory / scripts / name).exists()]
    if needing and not service_user(recipe):
        what = f"the hook {quoted(needing[0])} has no user to run as"
        yield Fault(("package", "scripts"), what, 'name one: [package] with user = "…"')
    if scripts and not os.path.isdir(directory / scripts):
        what, hint = f"there is no directory {quoted(scripts)}", f"it is looked up in {directory}"
        yield Fault(("package", "scripts"), what, hint)


def _waiver_faults(recipe: Recipe) -> Iterator[Fault]:
    for index, waiver in enumerate(recipe.audit.waivers if recipe.audit else ()):
        path = ("audit", "waivers", index)
        if why := NEVER_WAIVED.get(waiver.check):
            what = f"{quoted(waiver.check)} can never be waived: {why}"
            hint = "leave the file out, with [python.prune] or `prune` of a component, or mend it"
            yield Fault((*path, "check"), what, hint)
        if waiver.check in NO_GLOBS and set(waiver.path) & set(WILDCARDS):
            what = f"a waiver of {quoted(waiver.check)} is for one path, and {quoted(waiver.path)}"
            yield Fault((*path, "path"), f"{what} is a glob", "write a waiver for each file")
        if waiver.depends != HostPackages() and waiver.check != "libraries":
            what = f"`depends` is for waivers of `libraries`, not of {quoted(waiver.check)}"
            yield Fault((*path, "depends"), what, "packages for other reasons go into [package]")


def _place_faults(target: str, own: str) -> Iterator[Fault]:
    path = ("config", target)
    app = own.rpartition("/")[2]
    yield from long_names(path, target)
    if fault := unusual_path(path, target):
        yield fault
    elif target.startswith(f"/etc/{app}/secrets/") or target == f"/etc/{app}/secrets":
        what = f"{quoted(target)} would be in the package, and so no secret"
        yield Fault(path, what, "name it in [secrets]: each host makes its own", in_key=True)
    elif target == f"/etc/{app}" or target.removeprefix("/etc/") in HOSTS:
        whose = "the app" if target == f"/etc/{app}" else "every host"
        what = f"{quoted(target)} is what {whose} has already, as a directory or a file"
        yield Fault(path, what, f"put it below `/etc/{app}/`", in_key=True)
    elif target == f"/etc/{app}/keep-data" or ".dpkg-" in posixpath.basename(target):
        what = f"{quoted(target)} is a name that operators and dpkg use"
        yield Fault(path, what, "give it another one", in_key=True)
    elif target == own or target.startswith(f"{own}/"):
        what = f"{quoted(target)} is in the app's own directory, which upgrades replace"
        yield Fault(path, what, f"put it below `/etc/{app}/`", in_key=True)
    elif not target.startswith("/etc/"):
        what = f"{quoted(target)} is not below /etc: [config] is for what operators edit"
        hint = (
            f"put it below `/etc/{app}/`; manual pages, completions and other files"
            f" that upgrades replace belong to a component, below its $PREFIX"
        )
        yield Fault(path, what, hint, in_key=True)


def _neighbour_faults(target: str, config: Iterable[str]) -> Iterator[Fault]:
    """Yield what is wrong between a file of ``[config]`` and others of it."""
    path, name = ("config", target), posixpath.basename(target)
    before = itertools.takewhile(lambda other: other != target, config)
    if below := [other for other in config if other.startswith(f"{target}/")]:
        what = f"{quoted(target)} is the directory of {some(below)}"
        yield Fault(path, what, in_key=True)
    if twin := next((other for other in before if posixpath.basename(other) == name), ""):
        what = f"{quoted(target)} has the name of {quoted(twin)}"
        hint = "give one of them another one: a moved tree has all of them in one directory"
        yield Fault(path, what, hint, in_key=True)


def _file_faults(recipe: Recipe, target: str, file: ConfigFile, directory: Path) -> Iterator[Fault]:
    path = ("config", target)
    short = isinstance(recipe.config[target], str)
    if fault := source_fault(path if short else (*path, "source"), file.source, directory):
        yield fault
    elif not os.path.isfile(directory / file.source):
        what, hint = f"there is no file {quoted(file.source)}", f"it is looked up in {directory}"
        yield Fault(path if short else (*path, "source"), what, hint)
    elif short and not (mode := stat.S_IMODE(os.stat(directory / file.source).st_mode)) & 0o004:
        # git keeps no such mode: it would depend on who has checked the project out.
        what = (
            f"{quoted(file.source)} is not readable by everybody (mode {mode:04o}), and the recipe"
            " does not say what it shall be on hosts"
        )
        hint = (
            f'write {{ source = "{file.source}", mode = "{mode & 0o770:04o}" }}, or chmod a+r; a'
            " package can be read by whoever fetches it: a secret is made on the host, by the hook"
            " `post-configure` or the operator"
        )
        yield Fault(path, what, hint)
    elif file.mode == DEFAULT_MODE and os.stat(directory / file.source).st_mode & 0o111:
        what = f"{quoted(file.source)} is executable, and on hosts it would not be"
        hint = f'write {{ source = "{file.source}", mode = "0755" }}, or chmod a-x'
        yield Fault(path if short else (*path, "source"), what, hint)
    if not short:
        hint = "let its group write it: `group` takes the app's user"
        yield from mode_faults((*path, "mode"), file.mode, hint)
        yield from _owner_faults(recipe, path, file)


def _owner_faults(recipe: Recipe, path: tuple[str, ...], file: ConfigFile) -> Iterator[Fault]:
    user = service_user(recipe)
    for key, name in (("owner", file.owner), ("group", file.group)):
        if name in ("root", user):
            continue
        what = f"{quoted(name)} cannot be the {key} of a configuration file"
        if not user:
            hint = "write `root`: the app has no services, and so no user; [package] can name one"
        else:
            hint = (
                f"write `root` or {quoted(user)}: hosts have these for certain; for another one,"
                " change it in the hook `post-configure`"
            )
        yield Fault((*path, key), what, hint)
