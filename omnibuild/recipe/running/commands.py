"""Commands of recipes: words as a shell reads them, with names in braces for what is known later.

>>> sorted(placeholders("shop --host={host} --port {port}"))
['host', 'port']
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.positions import Path
from omnibuild.recipe.validate import quoted

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


def placeholders(command: str) -> set[str]:
    """Return the names that stand in braces in a command."""
    return set(PLACEHOLDER.findall(command))


def command_faults(path: Path, command: str) -> Iterator[Fault]:
    """Yield what is wrong with a command, whatever it runs."""
    name = ".".join(map(str, path))
    try:
        words = shlex.split(command)
    except ValueError as error:
        yield Fault(path, f"`{name}` is not quoted as in a shell: {error}")
    else:
        if not words or not words[0]:
            yield Fault(path, f"{quoted(name)} runs nothing")
