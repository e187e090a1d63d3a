"""What a project has by its modules alone: scripts that serve or end, and what they require."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omnibuild.discovery.code import modules, parsed, project_file, read_source
from omnibuild.discovery.findings import PREFIX, Findings, Found
from omnibuild.sources.python.backends import AS_IT_IS, is_built

# Calls that do not return as long as all is well, or belong to what does not: of aiohttp, tornado,
# socketserver, asyncio, bots, clients of queues. Of other scripts an endless loop tells.
_SERVING = re.compile(
    r"run_app|listen|serve|serve_forever|serve_async|run_forever|loop_forever|run_polling|start_polling"
    r"|infinity_polling|start_consuming|start_server|wait_for_termination|run_until_disconnected"
    r"|mainloop|idle|run_scheduler|create_server|BlockingScheduler"
)
# It asks nobody, and serves whom a proxy lets through.
_HEADLESS = "--server.headless true --server.address 127.0.0.1 --server.port 8501"
_USUAL = ("__main__", "main", "cli", "app", "run")
# PEP 723, word for word.
_BLOCK = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_TAKEN = ("run", "web", "nginx")


@dataclass(frozen=True)
class _Script:
    """A module that does something when it is started."""

    module: str
    where: str
    serves: bool


def add_scripts(directory: Path, found: Findings) -> None:
    """Add what runs, where nothing says it: the first script that serves, else a command."""
    if found.web or found.services or found.timers or found.commands:
        return
    if not is_built(directory) and (page := _of_streamlit(directory)):
        found.services["server"] = page
        return
    every = list(_scripts(directory))
    serving = [script for script in every if script.serves]
    for script in serving:
        name = script.module.replace(".__main__", "").rpartition(".")[2].lower().replace("_", "-")
        name = "server" if name in _TAKEN or not _NAME.fullmatch(name) else name
        found.services.setdefault(name, Found(f"python -m {script.module}", script.where))
        break
    else:
        every.sort(key=_rank)
        for script in every[:1]:
            name = found.name.value.lower() if found.name else ""
            if _NAME.fullmatch(name):
                found.commands[name] = Found(f"python -m {script.module}", script.where)
    if others := [script.module for script in (serving or every)[1:4]]:
        found.notes.append(f"there are other scripts: {', '.join(others)}")
    note_nothing(found)


def note_nothing(found: Findings) -> None:
    """Note that nothing runs, where that is so."""
    if not (found.web or found.services or found.timers or found.commands):
        found.notes.append("nothing is found that the package could start: write what runs")


def _of_streamlit(directory: Path) -> Found | None:
    """Return how Streamlit runs a project's first page, by the page's place on hosts."""
    pages: list[Found] = []
    for name, path in modules(directory):
        tree = parsed(read_source(path)) if "." not in name else None
        for node in tree.body if tree else ():
            imported = {alias.name for alias in node.names} if isinstance(node, ast.Import) else ()
            if "streamlit" in imported or getattr(node, "module", "") == "streamlit":
                file = project_file(directory, path)
                place = f"{PREFIX}/{AS_IT_IS}/{shlex.quote(file)}"
                pages.append(Found(f"streamlit run {place} {_HEADLESS}", f"{file}:{node.lineno}"))
                break
    usual = [page for page in pages if page.where.startswith(("app.", "streamlit_app.", "main."))]
    return next(iter((*usual, *pages)), None)


def add_inline(directory: Path, found: Findings) -> None:
    """Add what scripts say in their own comments to require, where no other file says it."""
    if found.requirements:
        return
    for name, path in modules(directory):
        block = _BLOCK.search(read_source(path)) if "." not in name else None
        try:
            said = tomllib.loads(re.sub(r"(?m)^# ?", "", block["content"])) if block else {}
        except tomllib.TOMLDecodeError:
            continue
        where = f"{project_file(directory, path)}: script"
        python = said.get("requires-python")
        if isinstance(python, str) and found.requires_python is None:
            found.requires_python = Found(python, where)
        listed = said.get("dependencies")
        for text in listed if isinstance(listed, list) else ():
            try:
                found.requirements.add(canonicalize_name(Requirement(str(text)).name))
            except InvalidRequirement:
                found.notes.append(f"{where} requires {text!r}, which is no requirement")
                continue
            found.require.setdefault(str(text), where)


def _rank(script: _Script) -> bool:
    return script.module.rpartition(".")[2] not in _USUAL


def _scripts(directory: Path) -> Iterator[_Script]:
    whole = not is_built(directory)
    for name, path in modules(directory):
        tree = parsed(read_source(path))
        # Of a project that is built, only packages are sure to be in the wheel.
        if tree is None or not (whole or "." in name):
            continue
        line = 1 if path.stem == "__main__" else _guard(tree)
        if line:
            module = name.removesuffix(".__main__")
            yield _Script(module, f"{project_file(directory, path)}:{line}", _serves(tree))


def _guard(tree: ast.Module) -> int:
    """Return the line where a module tells that it was started, or serves anyhow; 0 without one."""
    for node in tree.body:
        if isinstance(node, ast.While | ast.Expr) and _serves(node):
            return node.lineno
        if isinstance(node, ast.If) and isinstance(node.test, ast.Compare):
            said = {getattr(each, "id", getattr(each, "value", "")) for each in ast.walk(node.test)}
            if {"__name__", "__main__"} <= said:
                return node.lineno
    return 0


def _serves(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value:
            return True
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if _SERVING.fullmatch(str(called)):
                return True
    return False
