"""Commands of recipes: words as a shell reads them, with names in braces for what is known later.

>>> sorted(placeholders("shop --host={host} --port {port}"))
['host', 'port']
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from omnibuild.patterns import regex
from omnibuild.recipe.located import Fault
from omnibuild.recipe.positions import Path
from omnibuild.recipe.validate import quoted

INTERPRETER = regex(r"python(3(\.[0-9]+)?)?")
PLACEHOLDER = regex(r"\{([a-z]+)\}")
ADD_PYTHON = 'add [python] with `version = "3.13"`'
ONLY_MODULES = "of the interpreter, only modules can be run: files are at no known place"


def runs_module(arguments: list[str]) -> bool:
    """Tell whether arguments of the interpreter say which module it runs, and nothing before."""
    return arguments[:1] == ["-m"] and len(arguments) > 1


def placeholders(command: str) -> set[str]:
    """Return the names that stand in braces in a command."""
    return set(PLACEHOLDER.findall(command))


def command_faults(path: Path, command: str, *, python: bool) -> Iterator[Fault]:
    """Yield what is wrong with a command, whatever it runs.

    Args:
        path: its place in the recipe.
        command: what the recipe says.
        python: whether the app has an interpreter.
    """
    name = ".".join(map(str, path))
    try:
        words = shlex.split(command)
    except ValueError as error:
        yield Fault(path, f"`{name}` is not quoted as in a shell: {error}")
    else:
        if not words or not words[0]:
            yield Fault(path, f"{quoted(name)} runs nothing")
        elif INTERPRETER.fullmatch(words[0]) and not python:
            what = f"{quoted(name)} needs an interpreter, and there is no [python]"
            yield Fault(path, what, ADD_PYTHON)
