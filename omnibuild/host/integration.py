"""Host integration: everything of a payload that is neither compiled nor a Python package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from omnibuild.errors import DefinitionError
from omnibuild.host import bundled, health, secrets, servers
from omnibuild.host.additions import path_file
from omnibuild.host.hooks import PREPARE, check_hooks
from omnibuild.host.launchers import environment, launchers, prepare
from omnibuild.host.layout import Layout, config_copies
from omnibuild.host.maintainer.applied import applied
from omnibuild.host.maintainer.scripts import Scripts
from omnibuild.host.maintainer.unpacked import special
from omnibuild.host.model import Command, HostModel, Process, Timer
from omnibuild.host.programs import Installed, started
from omnibuild.host.runner import ENTRY, WEB, container, container_entry, runner
from omnibuild.host.servers import certificates
from omnibuild.host.units.names import DIRECTORY, links, unit_names
from omnibuild.host.units.service import HELPER
from omnibuild.host.units.texts import unit_helper, units
from omnibuild.host.users import directories, sysusers_conf, sysusers_path
from omnibuild.payload.assembly import GeneratedFile
from omnibuild.payload.model import Container
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.models.services import Resources
from omnibuild.tree import Entry

EXECUTABLE = 0o755

Content = TypeVar("Content")


@dataclass(frozen=True)
class HostFiles:
    """What :func:`integrate` returns.

    Args:
        files: host path to content and mode.
        symlinks: host path to what the symlink says.
        config_files: host paths of configuration files.
        copies: host paths of those that not everybody may read, so that the package has them
            once, and where a moved tree has them, relative to the prefix.
        scripts: maintainer scripts by format (``deb``, ``rpm`` …), then by name.
        container: what an image starts, which has a file of its own for that.
    """

    files: Mapping[str, GeneratedFile]
    symlinks: Mapping[str, str]
    config_files: tuple[str, ...]
    copies: Mapping[str, str]
    scripts: Mapping[str, Mapping[str, str]]
    container: Container | None = None

    @property
    def owners(self) -> dict[str, tuple[str, str]]:
        """Host path to user and group of what is not all root's."""
        return {
            path: (file.owner, file.group)
            for path, file in self.files.items()
            if (file.owner, file.group) != ("root", "root")
        }


def integrate(
    recipe: Recipe,
    hooks: Mapping[str, str],
    config_contents: Mapping[str, bytes],
    installed: Installed,
    own: Sequence[Entry] = (),
) -> HostFiles:
    """Return the host integration of an app.

    Args:
        recipe: the app.
        hooks: texts by their point, as :func:`omnibuild.host.hooks.load_hooks` reads them.
        config_contents: content of every file of ``[config]``, by its host path.
        installed: what its parts hold.
        own: what ``[files]`` brings, laid out.

    Raises:
        DefinitionError: an unknown hook or program, or two files of one name.
    """
    return rendered(described(recipe, hooks, config_contents, installed, own))


def described(
    recipe: Recipe,
    hooks: Mapping[str, str],
    config_contents: Mapping[str, bytes],
    installed: Installed,
    own: Sequence[Entry] = (),
) -> HostModel:
    """Return what the app is on a host; arguments are those of :func:`integrate`."""
    check_hooks(hooks)
    layout = Layout.of(recipe)
    return HostModel(
        layout=layout,
        summary=recipe.app.summary,
        processes=_processes(recipe, layout, installed),
        timers=_timers(recipe, layout, installed),
        commands={
            name: Command(installed.call(command), _launcher(name, installed))
            for name, command in recipe.commands.items()
        }
        | bundled.commands(recipe, layout, installed),
        environment=recipe.environment,
        config=_configuration(recipe, layout, config_contents),
        server_config=servers.configuration(recipe.web, layout) if recipe.web else {},
        hooks=hooks,
        told=bundled.variables(recipe, layout),
        versioned=bundled.versioned(recipe),
        shares=bool(recipe.build and (recipe.build.steps or recipe.build.node)),
        additions=bool(recipe.python and recipe.python.additions),
        special=tuple(special(recipe.host_files, own)),
        applied=applied(recipe.host_files, own),
        ghosts={path: file.formats for path, file in recipe.host_files.items() if file.ghost},
        secrets={name: secret.made for name, secret in recipe.secrets.items()},
        health=recipe.web.health if recipe.web else "",
        homepage=recipe.app.homepage,
        version=f"{recipe.app.release}-{recipe.package.revision}",
    )


def _processes(recipe: Recipe, layout: Layout, installed: Installed) -> tuple[Process, ...]:
    found = [*bundled.processes(recipe, layout)]
    for process in servers.processes(recipe.web, layout, installed) if recipe.web else ():
        takes = recipe.web.resources if recipe.web and process.name == WEB else Resources()
        found.append(replace(process, resources=takes))
    for name, service in recipe.services.items():
        found.append(
            Process(
                name,
                name,
                started(layout, installed.call(service.command)),
                instances=service.instances,
                notifies=service.notify,
                watchdog=service.watchdog or 0,
                resources=service.resources,
            )
        )
    return tuple(found)


def _timers(recipe: Recipe, layout: Layout, installed: Installed) -> tuple[Timer, ...]:
    return tuple(
        Timer(
            name,
            started(layout, installed.call(timer.command)),
            timer.calendar,
            timer.persistent,
            timer.resources,
        )
        for name, timer in recipe.timers.items()
    )


def _launcher(command: str, installed: Installed) -> str:
    """Return where a command's launcher is: beside the program of its name, if there is one."""
    return f"{'libexec' if f'bin/{command}' in installed.programs else 'bin'}/{command}"


def rendered(model: HostModel) -> HostFiles:
    """Return all files of an app on a host."""
    # A recipe may bring a whole configuration of its own for a server.
    config = {path: GeneratedFile(content) for path, content in model.server_config.items()}
    config |= model.config
    files = dict(config)
    for part in (_programs(model), _defaults(model, config), _system(model), _health(model)):
        for path, file in part:
            _add(files, path, file)
    scripts = Scripts(
        model.layout,
        unit_names(model),
        model.hooks,
        tuple(f"{f.owner} {f.group} {f.mode:o} {path}" for path, f in sorted(config.items())),
        tuple(process.name for process in model.beneath),
        model.versioned,
        model.additions,
        model.special,
        tuple(model.secrets),
        model.ghosts,
        bool(model.health),
        model.applied,
    )
    return HostFiles(
        files=dict(sorted(files.items())),
        symlinks={**model.symlinks, **links(model)},
        config_files=tuple(sorted(config)),
        copies={
            path: copy
            for path, copy in config_copies(model.layout, config).items()
            if not config[path].is_public
        },
        scripts=scripts.by_format(),
        container=container(model) if model.starts or model.layout.user else None,
    )


def _configuration(
    recipe: Recipe, layout: Layout, contents: Mapping[str, bytes]
) -> dict[str, GeneratedFile]:
    said = recipe.config_files
    found = {
        path: GeneratedFile(data, said[path].permissions, said[path].owner, said[path].group)
        for path, data in contents.items()
    }
    for path, content in bundled.configuration(recipe, layout).items():
        # The recipe's own is what it wants instead.
        found.setdefault(path, GeneratedFile(content))
    return found


def _programs(model: HostModel) -> list[tuple[str, GeneratedFile]]:
    return [
        (f"{model.layout.prefix}/{path}", GeneratedFile(text.encode(), EXECUTABLE))
        for path, text in launchers(model)
    ]


def _defaults(
    model: HostModel, config: Mapping[str, GeneratedFile]
) -> list[tuple[str, GeneratedFile]]:
    """Return the runner and what it starts from: a moved tree has no /etc."""
    layout = model.layout
    copies = config_copies(layout, config)
    found = [
        (f"{layout.prefix}/{copy}", GeneratedFile(config[host].content, config[host].mode))
        for host, copy in copies.items()
        if config[host].is_public
    ]
    if model.starts:
        text = runner(model, {host: copy for host, copy in copies.items() if host in model.config})
        name = f"{layout.prefix}/bin/{layout.app}-run"
        found.append((name, GeneratedFile(text.encode(), EXECUTABLE)))
        name, text = f"{layout.prefix}/{ENTRY}", container_entry(model)
        found.append((name, GeneratedFile(text.encode(), EXECUTABLE)))
    return found


def _system(model: HostModel) -> list[tuple[str, GeneratedFile]]:
    layout, found = model.layout, []
    if layout.python or model.processes or model.timers or model.commands:
        text = environment(model)
        found.append((f"{layout.prefix}/libexec/environment", GeneratedFile(text.encode())))
    if model.additions:
        path, text = path_file(layout)
        found.append((path, GeneratedFile(text.encode())))
    for name in sorted({name for process in model.processes for name in process.helpers}):
        text = servers.helper(name)
        found.append((f"{layout.prefix}/libexec/{name}", GeneratedFile(text.encode())))
    if model.prepares:
        text = prepare(model)
        name = f"{layout.prefix}/libexec/{PREPARE}"
        found.append((name, GeneratedFile(text.encode(), EXECUTABLE)))
    if layout.user:
        found.append((sysusers_path(layout), GeneratedFile(sysusers_conf(layout).encode())))
        text = directories(layout)
        found.append((layout.directories, GeneratedFile(text.encode(), EXECUTABLE)))
    if model.secrets:
        name, text = f"{layout.prefix}/libexec/{secrets.PROGRAM}", secrets.program(model)
        found.append((name, GeneratedFile(text.encode(), EXECUTABLE)))
    if process := model.secured:
        text = certificates.program(layout, process)
        found.append((certificates.path(layout), GeneratedFile(text.encode(), EXECUTABLE)))
    if model.processes:
        name = f"{layout.prefix}/libexec/{HELPER}"
        found.append((name, GeneratedFile(unit_helper(layout).encode(), EXECUTABLE)))
    for name, text in units(model).items():
        found.append((f"{DIRECTORY}/{name}", GeneratedFile(text.encode())))
    return found


def _health(model: HostModel) -> list[tuple[str, GeneratedFile]]:
    if not model.health:
        return []
    path, asks = f"{model.layout.prefix}/libexec", servers.helper(health.ASKS)
    return [
        (f"{path}/{health.PROGRAM}", GeneratedFile(health.program(model).encode(), EXECUTABLE)),
        (f"{path}/{health.ASKS}", GeneratedFile(asks.encode())),
    ]


def _add(mapping: dict[str, Content], path: str, value: Content) -> None:
    if path in mapping:
        raise DefinitionError(
            f"two things of the recipe want to be {path}",
            hint="names of commands, services and configuration files must differ from `web`,"
            " `nginx`, `run` and from each other",
        )
    mapping[path] = value
