"""What was found, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from omnibuild.patterns import regex

# What a recipe takes as the name of a command.
SCRIPT = regex(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")

# What projects call the addresses where one reads about them, the best first.
_HOME = ("homepage", "home", "repository", "source", "source code", "documentation")

# Stands for the app's directory on hosts, as long as nobody knows what the app is called.
PREFIX = "{prefix}"

Interface = Literal["wsgi", "asgi"]


@dataclass(frozen=True)
class Found:
    """A value and where it was found, as ``pyproject.toml: project.name``."""

    value: str
    where: str


@dataclass(frozen=True)
class WebApp:
    """An object that a server serves.

    Args:
        interface: how a server calls it.
        target: ``module:object``, with ``()`` when the object makes the app.
        where: the file and line that has it.
        framework: what it is made with, as ``Flask``; empty when nothing says so.
    """

    interface: Interface
    target: str
    where: str
    framework: str = ""


@dataclass(frozen=True)
class FrontEnd:
    """A directory with a ``package.json`` whose script ``build`` makes something.

    Args:
        directory: relative to the project.
        output: where it puts that, relative to the directory.
        where: what says so.
        run: shell that makes it; empty for the script alone.
    """

    directory: str
    output: str
    where: str
    run: str = ""


@dataclass
class Findings:
    """All that could be found about an app; what is missing was not.

    Args:
        name: what it calls itself.
        version: of the app.
        summary: one line.
        license: SPDX licence expression.
        maintainer: name and address.
        homepage: where to read more.
        requires_python: the versions it runs on, as PEP 440 writes them.
        commands: console scripts.
        web: what is served, if something is.
        health: a path that answers 200.
        services: further processes: name to command.
        timers: what runs by the clock: name to command and calendar.
        environment: variables of all that runs.
        prepare: modules with their arguments that run at each installation and upgrade.
        config: file on the host to file of the project.
        steps: what its build is to run over the installed app.
        static: directory of the installed app, made by these, with files that a proxy can serve.
        static_url: below which path they are.
        front_end: what node is to build.
        requirements: normalised names of what it requires.
        require: what the recipe is to require, and where that is said.
        prune: files below the app's directory that are left out.
        notes: what was seen and is not in the recipe.
    """

    name: Found | None = None
    version: Found | None = None
    summary: Found | None = None
    license: Found | None = None
    maintainer: Found | None = None
    homepage: Found | None = None
    requires_python: Found | None = None
    commands: dict[str, Found] = field(default_factory=dict)
    web: WebApp | None = None
    health: Found | None = None
    services: dict[str, Found] = field(default_factory=dict)
    timers: dict[str, tuple[Found, Found]] = field(default_factory=dict)
    environment: dict[str, Found] = field(default_factory=dict)
    prepare: list[Found] = field(default_factory=list)
    config: dict[str, Found] = field(default_factory=dict)
    steps: list[Found] = field(default_factory=list)
    static: Found | None = None
    static_url: str = "/static/"
    front_end: FrontEnd | None = None
    requirements: set[str] = field(default_factory=set)
    require: dict[str, str] = field(default_factory=dict)
    prune: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_scripts(self, names: Iterable[str], where: str) -> None:
        """Add console scripts as commands, as far as a recipe can call one so."""
        for name in names:
            if SCRIPT.fullmatch(name):
                self.commands.setdefault(name, Found(name, where))


def home_of(urls: Mapping[str, object]) -> str:
    """Return where to read more: the best of a project's addresses, by their labels."""
    labelled = {label.lower(): url for label, url in urls.items()}
    found = (labelled[label] for label in _HOME if label in labelled)
    return next((url for url in found if isinstance(url, str)), "")
