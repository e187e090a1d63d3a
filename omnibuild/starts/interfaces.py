"""Whether a server speaks what an app of the project is made for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from omnibuild.discovery.code import apps_in, parsed, project_file, read_source
from omnibuild.host.servers import SERVERS
from omnibuild.recipe.models import Recipe
from omnibuild.starts.targets import module_file


def interface_oddities(recipe: Recipe, directory: Path) -> Iterator[str]:
    """Say that an app is for another interface; options may have the server speak that one."""
    web = recipe.web
    if not web or not web.app or web.options:
        return
    module, _, called = web.app.partition(":")
    path = module_file(directory, module)
    tree = parsed(read_source(path)) if path else None
    if not path or not tree or _often_bound(tree, called):
        return
    for app in apps_in(module, project_file(directory, path), tree):
        others = [name for name, server in SERVERS.items() if app.interface in server.interfaces]
        if app.target == web.app and others and web.server not in others:
            yield (
                f"{app.where} makes {web.app} by {app.framework}, for {app.interface.upper()},"
                f" which {web.server} does not speak: take {' or '.join(others)}"
            )


def _often_bound(tree: ast.Module, name: str) -> bool:
    """Tell whether a name is bound again, as by what wraps an app for another interface."""
    names = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name)
    return sum(isinstance(each.ctx, ast.Store) for each in names) > 1
