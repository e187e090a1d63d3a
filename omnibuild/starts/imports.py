"""What the modules that an app starts import at once, and nothing brings."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from omnibuild.discovery.code import parsed, project_file, read_source
from omnibuild.starts.targets import is_there, may_be_made, module_file

# What newer interpreters have, and what setuptools brings without a file of that name.
_ELSEWHERE = {"annotationlib", "compression", "distutils"}


def missing_imports(
    directory: Path, started: Iterable[str], brought: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the place and the name of each import that fails for certain.

    Args:
        directory: the project's.
        started: modules of it; those that lie inside packages import these as well.
        brought: outermost names of all modules that the app has besides the interpreter's.
    """
    if may_be_made(directory):
        return
    known = {*brought, *sys.stdlib_module_names, *sys.builtin_module_names, *_ELSEWHERE}
    every = dict.fromkeys(each for name in started for each in _chain(name))
    paths = list(filter(None, (module_file(directory, each) for each in every)))
    trees = {path: tree for path in paths if (tree := parsed(read_source(path)))}
    if any(map(_searches_elsewhere, trees.values())):
        return
    for path, tree in trees.items():
        for line, name in _imports(tree.body):
            top = name.partition(".")[0]
            own = any(is_there(directory / base, top) for base in ("", "src"))
            if top not in known and not own:
                yield f"{project_file(directory, path)}:{line}", top


def _chain(module: str) -> Iterator[str]:
    """Yield a module and the packages around it, the outermost first."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])


def _searches_elsewhere(tree: ast.Module) -> bool:
    """Tell whether a module may have others found where nobody knows."""
    words = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree)}
    return bool(words & {"path_hooks", "meta_path", "addsitedir"}) or any(
        isinstance(node, ast.Attribute)
        and node.attr == "path"
        and getattr(node.value, "id", "") == "sys"
        for node in ast.walk(tree)
    )


def _imports(body: Iterable[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Yield line and name of what is imported whatever the circumstances."""
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
