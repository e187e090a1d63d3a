"""What of a project is made by its own build: static files, compiled messages, a front end."""

from __future__ import annotations

import ast
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from omnibuild.discovery.code import parsed, project_file, read_source
from omnibuild.discovery.findings import Findings, Found, FrontEnd
from omnibuild.discovery.served import django_project
from omnibuild.sources.python.backends import AS_IT_IS, is_built

# Where the script `build` of a front end puts what it made, by the tool that the script calls.
_OUTPUTS = {"react-scripts": "build", "next": "out", "gatsby": "public"}
_USUAL = "dist"
_OUTDIR = re.compile(r"--out-?[dD]ir[= ]([A-Za-z0-9][\w.-]*(?:/[\w-][\w.-]*)*)/?(?= |$)")
# Vite has it in its configuration, too, relative to the root of what it bundles.
_CONFIGURATIONS = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_SAID = r"(?m)^[^/\n]*?\b{}:\s*(?:[\w.]*(?:resolve|join)\(\s*__dirname\s*,\s*)?[\"'`]([^\"'`\n]+)"
_PATH = re.compile(r"/?[\w-][\w./-]*/?")
_LOCK = "package-lock.json"
# Of the project and of its apps; deeper there are those of packages in virtual environments.
_MESSAGES = ("locale/*/LC_MESSAGES/*.po", "*/locale/*/LC_MESSAGES/*.po")
_PASSED_OVER = ("node_modules", "dist", "build")


def built(directory: Path, found: Findings) -> None:
    """Add what the build of a project in a directory makes."""
    _of_django(directory, found)
    _of_node(directory, found)


def _of_django(directory: Path, found: Findings) -> None:
    manage, module = django_project(directory)
    if not module:
        return
    manage_file = project_file(directory, manage)
    for path, name, value, line in _settings(manage.parent, module):
        if name != "STATIC_ROOT":
            continue
        where = f"{project_file(directory, path)}:{line}"
        below = _below_base(value)
        if is_built(directory) or not below:
            found.notes.append(
                f"{where}: STATIC_ROOT: [build] can collect static files, docs/shapes.md says how"
            )
            continue
        found.steps.append(Found(f"python {manage_file} collectstatic --noinput", where))
        top = PurePosixPath(AS_IT_IS, manage_file).parent
        found.static = Found(str(top / below), where)
        found.static_url = _static_url(manage.parent, module)
        break
    messages = sorted(path for usual in _MESSAGES for path in manage.parent.glob(usual))
    if found.steps and messages:
        where = project_file(directory, messages[0])
        found.steps.append(Found("python -m django compilemessages", where))


def _static_url(base: Path, module: str) -> str:
    for _, name, value, _ in _settings(base, module):
        if name == "STATIC_URL" and isinstance(value, ast.Constant) and value.value:
            url = str(value.value)
            # Elsewhere than on this host somebody else serves them.
            return f"/{url.strip('/')}/" if _PATH.fullmatch(url) else ""
    return "/static/"


def _settings(base: Path, module: str) -> Iterator[tuple[Path, str, ast.expr, int]]:
    """Yield what a module of settings, or those of its package, assign."""
    place = base.joinpath(*module.split("."))
    paths = [place.with_suffix(".py"), *sorted(place.parent.glob("*.py"))]
    for path in dict.fromkeys(paths):
        tree = parsed(read_source(path))
        for node in tree.body if tree else ():
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield path, node.targets[0].id, node.value, node.lineno


def _below_base(value: ast.expr) -> str:
    """Return a path below the project's directory, as Django's own templates write it."""
    match value:
        case ast.BinOp(
            left=ast.Name(id="BASE_DIR"), op=ast.Div(), right=ast.Constant(value=str(x))
        ):
            return _plain(x)
        case ast.BinOp(left=ast.BinOp() as left, op=ast.Div(), right=ast.Constant(value=str(x))):
            above = _below_base(left)
            return _plain(f"{above}/{x}") if above else ""
        case ast.Call(args=[ast.Name(id="BASE_DIR"), ast.Constant(value=str(x))]):
            return _plain(x)
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return _below_base(inner)
    return ""


def _plain(path: str) -> str:
    parts = PurePosixPath(path).parts
    return (
        "/".join(parts) if parts and not path.startswith(("/", ".")) and ".." not in parts else ""
    )


def _of_node(directory: Path, found: Findings) -> None:
    there = [directory, *(p for p in sorted(directory.iterdir()) if p.is_dir() and _may_be(p))]
    scripts = {place: script for place in there if (script := _build_script(place))}
    for place, script in scripts.items():
        name = project_file(directory, place / "package.json")
        if not (place / _LOCK).is_file():
            make = f"npm install --package-lock-only, in {place.relative_to(directory)}"
            found.notes.append(
                f"{name}: a front end without {_LOCK}, which [build.node] needs: {make}"
            )
        elif found.front_end is None:
            where = f"{name}: scripts.build: {script}"
            found.front_end = _front_end(directory, place, script, where)
        else:
            found.notes.append(f"{name}: another front end; [build.node] takes one")


def _front_end(directory: Path, place: Path, script: str, where: str) -> FrontEnd:
    """Return a front end with the directory that its script fills, which lies in its own."""
    below = place.relative_to(directory).as_posix()
    words, said = script.split(), _OUTDIR.search(script)
    configured = "" if said or "vite" not in words else _configured(place)
    if configured and not _plain(configured):
        # The build sees the front end's directory and nothing beside it.
        run = f"npm run build -- --outDir {_USUAL}"
        return FrontEnd(below, _USUAL, f"{where}; vite's outDir is {configured}", run)
    usual = next((_OUTPUTS[word] for word in words if word in _OUTPUTS), _USUAL)
    return FrontEnd(below, said[1] if said else configured or usual, where)


def _configured(place: Path) -> str:
    """Return where vite's configuration puts what it makes, relative to the front end."""
    for path in sorted(place.glob("vite.config.*")):
        text = read_source(path)
        root, output = (re.search(_SAID.format(key), text) for key in ("root", "outDir"))
        if output and path.suffix in _CONFIGURATIONS:
            configured = posixpath.normpath(posixpath.join(root[1] if root else "", output[1]))
            return configured if configured.isprintable() else ""
    return ""


def _may_be(path: Path) -> bool:
    return path.name[0] != "." and path.name not in _PASSED_OVER and not path.is_symlink()


def _build_script(place: Path) -> str:
    """Return the script ``build`` of a ``package.json``; empty without."""
    try:
        data = json.loads(read_source(place / "package.json") or "null")
    except (ValueError, RecursionError):
        return ""
    scripts = data.get("scripts") if isinstance(data, dict) else None
    script = scripts.get("build") if isinstance(scripts, dict) else None
    return script if isinstance(script, str) and script.isprintable() else ""
