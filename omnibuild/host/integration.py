"""Host integration: everything of a payload that is neither compiled nor a Python package."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from omnibuild.errors import DefinitionError
from omnibuild.host import listening
from omnibuild.host.hooks import PREPARE, check_hooks
from omnibuild.host.launchers import environment, launchers, prepare
from omnibuild.host.layout import Layout, config_copies
from omnibuild.host.maintainer import Scripts
from omnibuild.host.nginx import nginx_conf
from omnibuild.host.processes import Process, processes
from omnibuild.host.runner import runner
from omnibuild.host.units import DIRECTORY, unit_names, units
from omnibuild.host.users import directories, sysusers_conf, sysusers_path
from omnibuild.payload.assembly import GeneratedFile
from omnibuild.recipe.models import Recipe

EXECUTABLE = 0o755

Content = TypeVar("Content")


@dataclass(frozen=True)
class HostFiles:
    """What :func:`integrate` returns; all of it belongs to root.

    Args:
        files: host path to content and mode.
        symlinks: host path to what the symlink says.
        config_files: host paths of conffiles.
        scripts: maintainer scripts by format (``deb``, ``rpm``), then by name.
    """

    files: Mapping[str, GeneratedFile]
    symlinks: Mapping[str, str]
    config_files: tuple[str, ...]
    scripts: Mapping[str, Mapping[str, str]]


def integrate(
    recipe: Recipe,
    hooks: Mapping[str, str],
    config_contents: Mapping[str, bytes],
    entry_points: Mapping[str, str],
) -> HostFiles:
    """Return the host integration of an app.

    Args:
        recipe: the app.
        hooks: texts by their point, as :func:`omnibuild.host.hooks.load_hooks` reads them.
        config_contents: content of every file of ``[config]``, by its host path.
        entry_points: console scripts of all installed packages, as ``shop`` to
            ``shop.cli:main``.

    Raises:
        DefinitionError: an unknown hook or console script, or two files of one name.
    """
    check_hooks(hooks)
    layout = Layout.of(recipe)
    running = processes(recipe, layout, entry_points)
    config = dict(config_contents)
    if recipe.web and recipe.web.proxy:
        conf = nginx_conf(layout, recipe.web.listen).encode()
        _add(config, f"{layout.etc}/nginx.conf", conf)
    files: dict[str, GeneratedFile] = {path: GeneratedFile(data) for path, data in config.items()}
    for part in (
        _programs(recipe, layout, running, entry_points),
        _defaults(recipe, layout, running, config),
        _system(recipe, layout, running, hooks),
    ):
        for path, file in part:
            _add(files, path, file)
    scripts = Scripts(layout, unit_names(layout, running) if running else (), hooks)
    return HostFiles(
        files=dict(sorted(files.items())),
        symlinks={f"/usr/bin/{name}": f"{layout.prefix}/bin/{name}" for name in recipe.commands},
        config_files=tuple(sorted(config)),
        scripts={"deb": scripts.deb(), "rpm": scripts.rpm()},
    )


def _programs(
    recipe: Recipe,
    layout: Layout,
    running: tuple[Process, ...],
    entry_points: Mapping[str, str],
) -> list[tuple[str, GeneratedFile]]:
    texts = launchers(recipe, layout, running, entry_points)
    return [
        (f"{layout.prefix}/bin/{name}", GeneratedFile(text.encode(), EXECUTABLE))
        for name, text in texts
    ]


def _defaults(
    recipe: Recipe,
    layout: Layout,
    running: tuple[Process, ...],
    config: Mapping[str, bytes],
) -> list[tuple[str, GeneratedFile]]:
    """Return the runner and what it starts from: a moved tree has no /etc."""
    copies = config_copies(layout, config)
    found = [
        (f"{layout.prefix}/{copy}", GeneratedFile(config[host])) for host, copy in copies.items()
    ]
    if running or recipe.commands:
        text = runner(
            layout,
            running,
            listen=recipe.web.listen if recipe.web else "",
            environment=recipe.environment,
            copies={host: copy for host, copy in copies.items() if host in recipe.config},
        )
        name = f"{layout.prefix}/bin/{layout.app}-run"
        found.append((name, GeneratedFile(text.encode(), EXECUTABLE)))
    return found


def _system(
    recipe: Recipe, layout: Layout, running: tuple[Process, ...], hooks: Mapping[str, str]
) -> list[tuple[str, GeneratedFile]]:
    found = []
    if layout.python:
        text = environment(recipe, layout)
        found.append((f"{layout.prefix}/libexec/environment", GeneratedFile(text.encode())))
    if any(process.listens for process in running):
        text = inspect.getsource(listening)
        found.append((f"{layout.prefix}/libexec/listen.py", GeneratedFile(text.encode())))
    if PREPARE in hooks:
        text = prepare(layout, hooks[PREPARE])
        name = f"{layout.prefix}/libexec/{PREPARE}"
        found.append((name, GeneratedFile(text.encode(), EXECUTABLE)))
    if layout.user:
        found.append((sysusers_path(layout), GeneratedFile(sysusers_conf(layout).encode())))
        text = directories(layout)
        found.append((layout.directories, GeneratedFile(text.encode(), EXECUTABLE)))
    listen = recipe.web.listen if recipe.web else ""
    for name, text in units(layout, recipe.app.summary, running, listen).items():
        found.append((f"{DIRECTORY}/{name}", GeneratedFile(text.encode())))
    return found


def _add(mapping: dict[str, Content], path: str, value: Content) -> None:
    if path in mapping:
        raise DefinitionError(
            f"two things of the recipe want to be {path}",
            hint="names of commands, services and configuration files must differ from `web`,"
            " `nginx`, `run` and from each other",
        )
    mapping[path] = value
