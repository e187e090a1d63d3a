"""What a project's modules define: the apps that servers serve, read and never imported."""

from __future__ import annotations

import ast
import io
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild.discovery.findings import Interface
from omnibuild.patterns import regex

# A module that somebody wrote has no more bytes, a project no more modules.
_LARGEST = 500_000
_MOST_FILES = 3_000
_PASSED_OVER = regex(
    r"\..*|__pycache__|tests?|testing|docs?|examples?|node_modules|venv|env|build|dist|migrations"
    r"|.*\.egg-info|site-packages"
)
_NOT_APPS = regex(r"(test_.*|.*_test|conftest|setup|noxfile)\.py")

# Classes whose objects are apps, by their modules.
_CLASSES: dict[str, tuple[str, Interface]] = {
    "flask.Flask": ("Flask", "wsgi"),
    "bottle.Bottle": ("Bottle", "wsgi"),
    "falcon.App": ("Falcon", "wsgi"),
    "falcon.API": ("Falcon", "wsgi"),
    "falcon.asgi.App": ("Falcon", "asgi"),
    "dash.Dash": ("Dash", "wsgi"),
    "fastapi.FastAPI": ("FastAPI", "asgi"),
    "starlette.applications.Starlette": ("Starlette", "asgi"),
    "litestar.Litestar": ("Litestar", "asgi"),
    "quart.Quart": ("Quart", "asgi"),
    "blacksheep.Application": ("BlackSheep", "asgi"),
    "connexion.FlaskApp": ("Connexion", "asgi"),
    "connexion.AsyncApp": ("Connexion", "asgi"),
    "django.core.wsgi.get_wsgi_application": ("Django", "wsgi"),
    "django.core.asgi.get_asgi_application": ("Django", "asgi"),
}
_FACTORIES = ("create_app", "make_app", "get_app", "build_app", "app_factory")
_ROUTES = {"route", "get", "path", "re_path", "url", "add_route", "add_url_rule", "add_api_route"}
_ROUTES |= {"Route", "api_route", "add_get", "view"}
_HEALTH = regex(
    r"\^?/?((?:[a-z_]+/)?(?:healthz?|health[-_]?check|livez|readyz|ping|status|heartbeat|alive)/?)"
    r"(?:\$|\\Z)?"
)


@dataclass(frozen=True)
class App:
    """An app object, or a function that makes one."""

    interface: Interface
    target: str
    where: str
    framework: str


def read_source(path: Path) -> str:
    """Return a text file of a project; empty when it is none, or none that people write."""
    # As text is read: with one sign for the end of a line.
    return io.TextIOWrapper(io.BytesIO(read_bytes(path)), "utf-8", "replace").read()


def read_bytes(path: Path) -> bytes:
    """Return a file of a project; empty when it is none, or none that people write."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return b""
        return path.read_bytes()
    except OSError:
        return b""


def parsed(text: str) -> ast.Module | None:
    """Return the syntax tree of a module; none when it is not valid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a project's own habits
        try:
            return ast.parse(text) if text else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def modules(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names and files of a project's modules, those near the top first."""
    for base in ("", "src"):
        waiting = [directory / base] if (directory / base).is_dir() else []
        seen = 0
        while waiting and seen < _MOST_FILES:
            place = waiting.pop(0)
            for path in _listed(place):
                seen += 1
                inner = path.relative_to(directory / base)
                if path.is_symlink() or _PASSED_OVER.fullmatch(path.name) or inner == Path("src"):
                    continue
                if path.is_dir():
                    waiting.append(path)
                elif path.suffix == ".py" and not _NOT_APPS.fullmatch(path.name):
                    parts = inner.with_suffix("").parts
                    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                    if name:
                        yield name, path


def _listed(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except OSError:
        return []


def apps_in(name: str, file: str, tree: ast.Module) -> Iterator[App]:
    """Yield the apps that a module defines at its top, then functions that make one."""
    imported = _imports(tree)
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        found = _made(value, imported) if value else None
        if found:
            where = f"{file}:{node.lineno}"
            targets = _targets(node)
            if found[0] == "Dash" and "server" in (bound_names(tree) or ()):
                targets = ["server"]  # what a server is given is in it
            for target in targets:
                yield App(found[1], f"{name}:{target}", where, found[0])
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in _FACTORIES and needs_nothing(node):
            made = [_made(each, imported) for each in ast.walk(node) if isinstance(each, ast.Call)]
            for framework, interface in filter(None, made):
                yield App(interface, f"{name}:{node.name}()", f"{file}:{node.lineno}", framework)
                break


def bound_names(tree: ast.Module | None) -> set[str] | None:
    """Return the names that a module binds at its top; none when only running it would tell."""
    if tree is None:
        return None
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue  # what is bound inside is its own
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting += ast.iter_child_nodes(node)
    computed = {"*", "__getattr__"} & found or any(
        isinstance(node, ast.Name) and node.id in ("globals", "vars", "setattr", "exec")
        for node in ast.walk(tree)
    )
    return None if computed else found


def _targets(node: ast.stmt) -> list[str]:
    """Return the names that a statement binds."""
    bound = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
    return [target.id for target in bound if isinstance(target, ast.Name)]


def health_in(tree: ast.Module) -> str:
    """Return a path of a module that asks for the app's health by its name; empty without one."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function, first = node.func, node.args[0]
        called = function.attr if isinstance(function, ast.Attribute) else ""
        called = function.id if isinstance(function, ast.Name) else called
        if called in _ROUTES and isinstance(first, ast.Constant) and isinstance(first.value, str):
            match = _HEALTH.fullmatch(first.value)
            if match:
                return f"/{match[1]}"
    return ""


def has_root(tree: ast.Module) -> bool:
    """Tell whether a module answers requests for ``/``."""
    return any(
        isinstance(node, ast.Call)
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value in ("/", "")
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in _ROUTES
        for node in ast.walk(tree)
    )


def _imports(tree: ast.Module) -> dict[str, str]:
    """Return what the names that a module imports stand for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def _made(value: ast.expr, imported: dict[str, str]) -> tuple[str, Interface] | None:
    """Return framework and interface of the app that an expression makes."""
    if not isinstance(value, ast.Call):
        return None
    parts: list[str] = []
    node: ast.expr = value.func
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    name = ".".join([imported.get(node.id, node.id), *parts])
    return _CLASSES.get(name)


def needs_nothing(node: ast.FunctionDef) -> bool:
    """Tell whether a function can be called without arguments."""
    arguments = node.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return required == 0 and all(default is not None for default in arguments.kw_defaults)


def project_file(directory: Path, path: Path) -> str:
    """Return a file's path as it is told."""
    return os.fspath(path.relative_to(directory))
