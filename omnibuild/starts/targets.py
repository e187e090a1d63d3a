"""What a project says to start, looked up in its files: nothing of it is imported.

A module is missing only where its package is there and nothing can bring it besides: a build may
move files and make new ones, and a directory without modules may have parts elsewhere.
"""

from __future__ import annotations

import ast
import difflib
import glob
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from omnibuild.discovery.code import bound_names, modules, needs_nothing, parsed, read_source
from omnibuild.patterns import regex
from omnibuild.recipe import located
from omnibuild.recipe.located import Fault
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted
from omnibuild.sources.python.backends import build_system, is_built
from omnibuild.sources.python.project.declared import document_of

_BASES = ("", "src")
# What apps are called.
_USUAL = ("app", "application")
_SCRIPTS: tuple[Keys, ...] = (("project", "scripts"), ("tool", "poetry", "scripts"))
_TARGET = regex(r"\w+(\.\w+)*:\w+(\.\w+)*")
# Backends that take files as they lie there, unless one of these words tells them otherwise.
_PLAIN = {"hatchling.build", "flit_core.buildapi", "uv_build", "poetry.core.masonry.api"}
_PLAIN |= {"setuptools.build_meta", "setuptools.build_meta:__legacy__", "pdm.backend"}
_OTHERWISE = {"hooks", "force-include", "sources", "package-dir", "ext-modules", "cmdclass"}
_OTHERWISE |= {"from", "to", "script", "module-root", "module-name"}
_LAYOUTS = ("src", {"": "src"})


def script_faults(directory: Path, used: Collection[str]) -> Iterator[Fault]:
    """Yield which of the console scripts ``used`` have no such function, placed in pyproject."""
    for place, target in script_targets(directory, used):
        if fault := missing(directory, target):
            what, hint = fault
            yield Fault(place, f"the script {quoted(str(place[-1]))} cannot start: {what}", hint)


def script_targets(directory: Path, used: Collection[str]) -> Iterator[tuple[Keys, str]]:
    """Yield the places in pyproject of the console scripts ``used``, and what each is."""
    document = document_of(directory)
    for keys in _SCRIPTS:
        for name, target in located.table_at(document.data if document else {}, *keys).items():
            # Extras behind the function are obsolete and say nothing about where it is.
            text = target.partition("[")[0].strip() if isinstance(target, str) else ""
            if name in used and _TARGET.fullmatch(text):
                yield (*keys, name), text


def web_fault(directory: Path, target: str) -> tuple[str, str] | None:
    """Return what is wrong with what a server is to serve, and a hint; none if nothing is."""
    module, _, called = target.partition(":")
    if fault := missing(directory, target):
        return fault
    tree = _tree(directory, module)
    for node in tree.body if tree else ():
        # Only a plain function is what it looks like, and takes no request without parameters.
        if isinstance(node, ast.FunctionDef) and node.name == called and not node.decorator_list:
            several = called in {each for rest in _others(tree, node) for each in rest}
            if needs_nothing(node) and not node.args.vararg and not several:
                what = f"{quoted(called)} is a function that takes no request: it makes the app"
                return what, f"write `{module}:{called}()`"
    return None


def missing(directory: Path, target: str) -> tuple[str, str] | None:
    """Return what of ``module:object`` a project lacks for certain, and a hint.

    None when it is there, is not the project's, or only running it would tell.
    """
    module, _, called = target.partition(":")
    name = re.split(r"[.(]", called)[0]
    homes = _homes(directory, module)
    if not homes:
        return None
    if not any(is_there(home, module) for home in homes):
        if may_be_made(directory):
            return None
        own = dict(modules(directory))
        near = difflib.get_close_matches(module, own, 1)
        some = ", ".join(list(own)[:5])
        hint = f"did you mean `{near[0]}`?" if near else f"modules of the project are: {some}"
        return f"the app has no module {quoted(module)}", hint
    # What is imported of a package may be one of its modules.
    if any(is_there(home, f"{module}.{name}") for home in homes):
        return None
    bound = bound_names(_tree(directory, module))
    if bound is None or name in bound:
        return None
    near = difflib.get_close_matches(name, bound, 1) or [n for n in _USUAL if n in bound]
    hint = f"did you mean `{near[0]}`?" if near else "write `module:callable`"
    return f"{quoted(module)} has nothing called {quoted(name)}", hint


def _homes(directory: Path, module: str) -> list[Path]:
    """Return the directories that hold all of a module's outermost package."""
    top = module.partition(".")[0]
    places = (directory / base for base in _BASES)
    files = (f"{glob.escape(top)}.py", f"{glob.escape(top)}/*.py")
    return [each for each in places if any(next(each.glob(n), None) for n in files)]


def is_there(home: Path, module: str) -> bool:
    """Tell whether something can be the module, be it compiled first."""
    place = home.joinpath(*module.split("."))
    return place.is_dir() or any(place.parent.glob(f"{glob.escape(place.name)}.*"))


def module_file(directory: Path, module: str) -> Path | None:
    """Return the file of a project's module; none where two files, or none, can be it."""
    place = module.replace(".", "/")
    files = (f"{place}/__init__.py", f"{place}.py")
    found = [home / file for home in _homes(directory, module) for file in files]
    there = [path for path in found if path.is_file()]
    return there[0] if len(there) == 1 else None


def _tree(directory: Path, module: str) -> ast.Module | None:
    path = module_file(directory, module)
    return parsed(read_source(path)) if path else None


def _others(tree: ast.Module | None, node: ast.stmt) -> Iterator[set[str]]:
    for other in tree.body if tree else ():
        if other is not node:
            yield bound_names(ast.Module([other], [])) or set()


def may_be_made(directory: Path) -> bool:
    """Tell whether a build may bring modules that do not lie where they are imported."""
    if not is_built(directory):
        return False
    if build_system(directory).backend not in _PLAIN or (directory / "setup.py").exists():
        return True
    document = document_of(directory)
    tools = located.table_at(document.data if document else {}, "tool")
    told = {name: tools.get(name) for name in ("hatch", "setuptools", "poetry", "pdm", "uv")}
    build = located.value_at(tools, "poetry", "build")
    return bool(build) or _moves(told) or "package_dir" in read_source(directory / "setup.cfg")


def _moves(data: Any) -> bool:
    if isinstance(data, list):
        return any(map(_moves, data))
    if not isinstance(data, dict):
        return False
    moved = any(key in _OTHERWISE and value not in _LAYOUTS for key, value in data.items())
    return moved or any(map(_moves, data.values()))
