"""Programs: what services, timers and commands of an app run, whichever way it is started."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from omnibuild.errors import DefinitionError
from omnibuild.host.layout import Layout
from omnibuild.patterns import regex
from omnibuild.recipe.running.commands import (
    INTERPRETER,
    ONLY_MODULES,
    PLACEHOLDER,
    runs_module,
)

_TARGET = regex(r"\w+(\.\w+)*:\w+(\.\w+)*")
_MODULE = regex(r"\w+(\.\w+)*")
# Where a program is looked for that has no path.
_DIRECTORIES = ("bin", "sbin")


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
        modules: what Python can import, as ``shop.cli``.
        programs: paths of executable files, relative to the prefix.
        directories: paths of directories, relative to the prefix.
        recipe: what commands call the recipe, for advice; empty where one need not say it.
    """

    entry_points: Mapping[str, str] = field(default_factory=dict)
    modules: Collection[str] = ()
    programs: Collection[str] = ()
    directories: Collection[str] = ()
    recipe: str = ""

    def call(self, command: str) -> Call:
        """Return what a command of a recipe calls.

        It is a console script, ``python -m MODULE``, or a program of the payload: by its path
        below the app's directory, or by its name if it is in ``bin`` or ``sbin``.

        Raises:
            DefinitionError: there is no such program.
        """
        first, *arguments = shlex.split(command)
        if "/" in first:
            return Call(self._program(first), tuple(arguments))
        if first in self.entry_points:
            return Call(EntryPoint(self._target(first)), tuple(arguments))
        if INTERPRETER.fullmatch(first):
            return self._module_call(command, arguments)
        for directory in _DIRECTORIES:
            if f"{directory}/{first}" in self.programs:
                return Call(Program(f"{directory}/{first}"), tuple(arguments))
        raise self._unknown(first)

    def require_module(self, name: str, key: str) -> None:
        """Refuse a module that ``key`` of the recipe takes for granted."""
        if name not in self.modules:
            raise DefinitionError(
                f"`{key}` is the module {name}, which the app does not have",
                why="neither its own project nor a package of its lock brings it",
                hint=self.advice(name),
            )

    def require_directory(self, path: str, key: str) -> None:
        """Refuse a directory that ``key`` of the recipe takes for granted."""
        if path not in self.directories:
            near = difflib.get_close_matches(path, self.directories, 1)
            raise DefinitionError(
                f"`{key}` is the directory {path}, which the app does not have",
                why="neither a component nor a package nor a step of [build] makes it",
                hint=f"did you mean {near[0]!r}?" if near else "paths are below the app's own",
            )

    def require_program(self, path: str, key: str) -> None:
        """Refuse a program that ``key`` of the recipe takes for granted."""
        if path not in self.programs:
            raise DefinitionError(
                f"`{key}` is the program {path}, which the app does not have",
                why="neither a component nor a package of its lock brings it",
                hint=self._adding(path.rpartition("/")[2]),
            )

    def _program(self, path: str) -> Program:
        if path not in self.programs:
            near = difflib.get_close_matches(path, self.programs, 1)
            raise DefinitionError(
                f"the app has no program {path!r}",
                why="paths of programs are relative to the app's directory, and lead to what its"
                " components and packages bring; nothing else is there on every host",
                hint=f"did you mean {near[0]!r}?" if near else "write it like `bin/tool`",
            )
        return Program(path)

    def _module_call(self, command: str, arguments: list[str]) -> Call:
        if not runs_module(arguments):
            raise DefinitionError(f"{command!r} is not `python -m MODULE`", hint=ONLY_MODULES)
        _, name, *rest = arguments
        runs = f"{name}.__main__" if f"{name}.__init__" in self.modules else name
        self.require_module(runs, f"python -m {name}")
        return Call(Module(name), tuple(rest))

    def _unknown(self, name: str) -> DefinitionError:
        known = {*self.entry_points, *(path.rpartition("/")[2] for path in self._named())}
        near = difflib.get_close_matches(name, known, 1)
        scripts = ", ".join(sorted(self.entry_points)) or "none"
        own = "a script of the project's own belongs into its [project.scripts]"
        return DefinitionError(
            f"the app has no program called {name!r}",
            why=f"console scripts of its packages are: {scripts}; it is no program in bin or sbin",
            hint=f"did you mean {near[0]!r}?" if near else f"{self._adding(name)}; {own}",
        )

    def advice(self, name: str) -> str:
        """Say what to do about a module that is missing."""
        top = name.partition(".")[0]
        tops = {each.partition(".")[0] for each in self.modules}
        # Names of other packages are no closer for ending alike; what the app itself brings comes
        # before what every interpreter has.
        close = [top] if top in tops else []
        for likely in (tops - sys.stdlib_module_names, tops):
            close = close or difflib.get_close_matches(top, likely, 1, 0.8)
        there = [each for each in self.modules if each.partition(".")[0] in close]
        there = [each for each in there if not each.endswith(".__init__")]
        if near := difflib.get_close_matches(name, there, 1):
            return f"did you mean {near[0]!r}?"
        if top in tops:
            return f"{top} is there, and has no such module: perhaps its wheel leaves that out"
        return self._adding(top)

    def _adding(self, name: str) -> str:
        if not self.modules:
            return f"a component brings it, or a file of [files], as /opt/…/bin/{name}"
        lock = " ".join(filter(None, ("omnibuild lock", self.recipe, "--require", name)))
        return f"if a package of the index brings it, say which: {lock}"

    def _named(self) -> list[str]:
        return [path for path in self.programs if path.rpartition("/")[0] in _DIRECTORIES]

    def _target(self, script: str) -> str:
        """Return the ``module:function`` behind a console script."""
        # Extras behind the function are obsolete and say nothing about where it is.
        target = self.entry_points[script].partition("[")[0].strip()
        if not _TARGET.fullmatch(target):
            raise DefinitionError(
                f"the console script {script!r} does not say which function it is",
                why=f"its package says: {target}",
                hint="it must be `module:function`; take another version of the package",
            )
        return target


def shell(
    layout: Layout, call: Call, options: str = "", values: Mapping[str, str] | None = None
) -> str:
    """Return the shell command that is a call, before the caller's own arguments.

    Args:
        layout: the app's names.
        call: the program and its arguments.
        options: of the interpreter.
        values: shell expansions, by the name that stands in braces for each in the arguments.
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
    words = (_word(argument, values or {}) for argument in call.arguments)
    return " ".join([start, *words, '"$@"'])


def started(
    layout: Layout, call: Call, values: Mapping[str, str] | None = None, through: str = ""
) -> str:
    """Return shell that becomes a call whose lines belong in the journal at once.

    Args:
        layout: the app's names.
        call: the program and its arguments.
        values: as :func:`shell` takes them.
        through: a command that the call is handed over to.
    """
    command = f"exec {through} {shell(layout, call, '-u', values)}".replace("  ", " ", 1)
    if isinstance(call.program, Program):
        # Perhaps it is a script of the packaged interpreter's, or starts one.
        return f"PYTHONUNBUFFERED=1\nexport PYTHONUNBUFFERED\n{command}"
    return command


def _word(argument: str, values: Mapping[str, str]) -> str:
    """Return an argument as shell, each of the values in quotes of its own."""
    # Texts and names take turns.
    parts = PLACEHOLDER.split(argument)
    if not set(parts[1::2]) & values.keys():
        return shlex.quote(argument)
    written = [
        f'"{values[part]}"' if number % 2 else shlex.quote(part)
        for number, part in enumerate(parts)
        if part
    ]
    return "".join(written)


def _code(target: str) -> str:
    module, _, function = target.partition(":")
    first = function.partition(".")[0]
    return f"import sys; del sys.argv[0]; from {module} import {first}; sys.exit({function}())"
