"""Servers that an app brings for itself alone: databases, caches; a module each, and the table."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from omnibuild.host.bundled import service
from omnibuild.host.bundled.memcached import MEMCACHED
from omnibuild.host.bundled.postgresql import POSTGRESQL
from omnibuild.host.bundled.service import Bundled
from omnibuild.host.bundled.valkey import REDIS, VALKEY
from omnibuild.host.layout import Layout
from omnibuild.host.model import Command, Process, Versioned
from omnibuild.host.programs import Installed
from omnibuild.recipe.models import Recipe

# In the order in which they start.
BUNDLED: Mapping[str, Bundled] = {
    "postgresql": POSTGRESQL,
    "valkey": VALKEY,
    "redis": REDIS,
    "memcached": MEMCACHED,
}


def components(recipe: Recipe) -> tuple[str, ...]:
    """Return the components that bring an app's own servers."""
    return tuple(row.component(options) for _, row, options in _rows(recipe))


def processes(recipe: Recipe, layout: Layout) -> tuple[Process, ...]:
    """Return their processes, in the order they start."""
    return tuple(
        Process(
            name,
            row.title,
            service.start(name, row, options, layout),
            restart="always",
            underlies=True,
            signal=row.signal,
        )
        for name, row, options in _rows(recipe)
    )


def configuration(recipe: Recipe, layout: Layout) -> dict[str, bytes]:
    """Return the files for operators that they bring, by their path."""
    return {
        f"{layout.etc}/{name}": text.encode()
        for _, row, options in _rows(recipe)
        for name, text in row.config(options).items()
    }


def variables(recipe: Recipe, layout: Layout) -> dict[str, str]:
    """Return what an app is told of them, as shell."""
    return {
        name: value for _, row, _ in _rows(recipe) for name, value in row.variables(layout).items()
    }


def commands(recipe: Recipe, layout: Layout, installed: Installed) -> dict[str, Command]:
    """Return the commands for operators that they bring.

    Raises:
        DefinitionError: the component does not have a program.
    """
    values = {"runtime": f"${layout.variable('RUNTIME')}"}
    return {
        f"{layout.app}-{name}": Command(
            installed.call(shlex.join(words)), f"bin/{layout.app}-{name}", values
        )
        for _, row, options in _rows(recipe)
        for name, words in row.commands(options, layout).items()
    }


def versioned(recipe: Recipe) -> tuple[Versioned, ...]:
    """Return whose data only the version can read that wrote them."""
    return tuple(
        Versioned(name, *found)
        for name, row, options in _rows(recipe)
        if (found := row.data(options))
    )


def _rows(recipe: Recipe) -> Iterator[tuple[str, Bundled, Any]]:
    for name, row in BUNDLED.items():
        if options := getattr(recipe.bundle or None, name, None) or None:
            yield name, row, options
