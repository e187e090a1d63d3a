"""Programs: what services and commands of an app run, whichever way it is started."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from omnibuild.errors import DefinitionError
from omnibuild.host.layout import Layout

_TARGET = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


@dataclass(frozen=True)
class EntryPoint:
    """A console script of an installed package.

    Args:
        target: the function, as ``shop.cli:main``.
    """

    target: str


@dataclass(frozen=True)
class Module:
    """A module that runs as ``python -m NAME``."""

    name: str


@dataclass(frozen=True)
class Program:
    """A file of the payload that is executed as it is; ``path`` is relative to the prefix."""

    path: str


@dataclass(frozen=True)
class Call:
    """A program with its first arguments."""

    program: EntryPoint | Module | Program
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Installed:
    """What the parts of an app hold, as far as something can be started from it.

    Args:
        entry_points: console scripts of all packages, as ``shop`` to ``shop.cli:main``.
    """

    entry_points: Mapping[str, str]

    def call(self, command: str) -> Call:
        """Return what a command of a recipe calls.

        Raises:
            DefinitionError: there is no such program.
        """
        script, *arguments = shlex.split(command)
        return Call(EntryPoint(self._target(script)), tuple(arguments))

    def _target(self, script: str) -> str:
        """Return the ``module:function`` behind a console script."""
        if script not in self.entry_points:
            near = difflib.get_close_matches(script, self.entry_points, 1)
            raise DefinitionError(
                f"no package of the app has a console script called {script!r}",
                why=f"there are: {', '.join(sorted(self.entry_points)) or 'none'}",
                hint=f"did you mean {near[0]!r}?"
                if near
                else "add it to [project.scripts] of the app",
            )
        # Extras behind the function are obsolete and say nothing about where it is.
        target = self.entry_points[script].partition("[")[0].strip()
        if not _TARGET.fullmatch(target):
            raise DefinitionError(
                f"the console script {script!r} does not say which function it is",
                why=f"its package says: {target}",
                hint="it must be `module:function`; take another version of the package",
            )
        return target


def shell(layout: Layout, call: Call, options: str = "") -> str:
    """Return the shell command that is a call, before the caller's own arguments.

    Args:
        layout: the app's names.
        call: the program and its arguments.
        options: of the interpreter; ``-u`` for services, whose lines belong in the journal at
            once.
    """
    python = " ".join([f'"$root/bin/{layout.python}" -I -B', *filter(None, [options])])
    match call.program:
        case EntryPoint(target):
            # The launcher's path is the program's name.
            start = f'{python} -c {shlex.quote(_code(target))} "$self"'
        case Module(name):
            start = f"{python} -m {name}"
        case Program(path):
            start = f'"$root"/{shlex.quote(path)}'
    return " ".join([start, *map(shlex.quote, call.arguments), '"$@"'])


def _code(target: str) -> str:
    module, _, function = target.partition(":")
    first = function.partition(".")[0]
    return f"import sys; del sys.argv[0]; from {module} import {first}; sys.exit({function}())"
