"""What a project's own files declare: PEP 621, poetry, setup.cfg, setup.py, requirements."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omnibuild.discovery.code import parsed, read_bytes, read_source
from omnibuild.discovery.findings import SCRIPT, Findings, Found, home_of
from omnibuild.discovery.licences import spdx, spdx_of_classifiers
from omnibuild.patterns import regex
from omnibuild.recipe import located
from omnibuild.sources.generated import is_below_generated
from omnibuild.sources.python.pins.finding import choices, pins_file
from omnibuild.sources.python.pins.requirementstxt import decoded
from omnibuild.sources.python.project.declared import (
    groups_of_poetry,
    known_extras,
    known_groups,
)

_FILES_OF_PROJECTS = ("pyproject.toml", "setup.cfg", "setup.py")
_SERIES = regex(r"(?:c?python-)?(3\.[0-9]+)(?:\.[0-9]+)?\s*$", re.MULTILINE)
_ADDRESS = regex(r"\s*([^<>]+?)\s*<([^<>@\s]+@[^<>@\s]+)>\s*")


def declared(directory: Path, found: Findings) -> None:
    """Add what the project's files say; of what two of them say the first wins."""
    _of_pyproject(directory / "pyproject.toml", found)
    _of_setup_cfg(directory / "setup.cfg", found)
    _of_setup_py(directory / "setup.py", found)
    for path in sorted(directory.glob("requirements*.txt")):
        _add_requirements(found, decoded(read_bytes(path)).splitlines())
    _of_interpreters(directory, found)
    if found.name is None:
        found.name = Found(directory.resolve().name, "the directory's name")
    if found.version is None:
        _of_modules(directory, found)


def _of_interpreters(directory: Path, found: Findings) -> None:
    """Take the series of CPython that developers or another host use, if nothing says which fit."""
    pipfile = directory / "Pipfile"
    data = located.read(pipfile).data if pipfile.is_file() else {}
    said = {
        "Pipfile: requires": located.value_at(data, "requires", "python_version"),
        "runtime.txt": read_source(directory / "runtime.txt"),
        ".python-version": read_source(directory / ".python-version"),
    }
    for where, text in said.items():
        match = _SERIES.match(text) if isinstance(text, str) else None
        _set(found, "requires_python", f"=={match[1]}.*" if match else None, where)


def note_choices(directory: Path, found: Findings) -> None:
    """Note the extras and groups of a project: none is taken unasked, and how one is."""
    pins = choices(pins_file(directory, "", directory))
    there = {
        "extras": sorted((known_extras(directory) or set()) | {*pins.extras}),
        "groups": sorted(known_groups(directory) | groups_of_poetry(directory) | {*pins.groups}),
    }
    listed = [f"{kind} {', '.join(names)}" for kind, names in there.items() if names]
    if listed:
        keys = (f'{kind} = ["{names[0]}"]' for kind, names in there.items() if names)
        how = f"to take some, write {' or '.join(keys)} below [python], then run: omnibuild lock"
        found.notes.append(f"not taken: {'; '.join(listed)}; {how}")


def _of_pyproject(path: Path, found: Findings) -> None:
    if not path.is_file():
        return
    data = located.read(path).data
    project = located.table_at(data, "project")
    _of_project(project, "pyproject.toml: project", found)
    poetry = located.table_at(data, "tool", "poetry")
    _of_project(_as_project(poetry), "pyproject.toml: tool.poetry", found)
    for name in located.table_at(poetry, "dependencies"):
        found.requirements.add(canonicalize_name(name))
    _of_dynamic(data, path.parent, found)


def _of_dynamic(data: Mapping[str, Any], directory: Path, found: Findings) -> None:
    """Look where a project's build would read its version, unless it computes it."""
    dynamic = located.table_at(data, "tool", "setuptools", "dynamic", "version")
    place = dynamic.get("file")
    for name in [place] if isinstance(place, str) else _texts(place):
        _set(found, "version", read_source(directory / name), name)
    attribute = dynamic.get("attr")
    if isinstance(attribute, str):
        module, _, variable = attribute.rpartition(".")
        for start in ("", "src/"):
            for end in (".py", "/__init__.py"):
                place = f"{start}{module.replace('.', '/')}{end}"
                _of_module(directory, place, (variable,), found)
    for keys in (("hatch", "version"), ("pdm", "version")):
        place = located.value_at(data, "tool", *keys, "path")
        if isinstance(place, str):
            _of_module(directory, place, ("__version__", "VERSION"), found)


def _as_project(poetry: Mapping[str, Any]) -> dict[str, Any]:
    """Return poetry's table with the words of PEP 621."""
    people = [_person(text) for text in _texts(poetry.get("authors"))]
    home = {key: poetry[key] for key in ("homepage", "repository") if key in poetry}
    return {**poetry, "authors": people, "urls": home, "dependencies": []}


def _person(text: str) -> dict[str, str]:
    match = _ADDRESS.fullmatch(text)
    return {"name": match[1], "email": match[2]} if match else {"name": text}


def _of_project(project: Mapping[str, Any], where: str, found: Findings) -> None:
    for field, key in (("name", "name"), ("version", "version"), ("summary", "description")):
        _set(found, field, project.get(key), f"{where}.{key}")
    _set(found, "requires_python", project.get("requires-python"), f"{where}.requires-python")
    licence = project.get("license")
    text = licence.get("text", "") if isinstance(licence, dict) else licence
    _set(found, "license", spdx(text) if isinstance(text, str) else "", f"{where}.license")
    classified = spdx_of_classifiers(_texts(project.get("classifiers")))
    _set(found, "license", classified, f"{where}.classifiers")
    for key in ("maintainers", "authors"):
        for person in _list(project.get(key)):
            if isinstance(person, dict) and person.get("email"):
                email = str(person["email"])
                name = str(person.get("name") or email.partition("@")[0])
                _set(found, "maintainer", f"{name} <{email}>", f"{where}.{key}")
    _set(found, "homepage", home_of(located.table_at(project, "urls")), f"{where}.urls")
    for name in located.table_at(project, "scripts"):
        _add_command(found, name, f"{where}.scripts")
    _add_requirements(found, _texts(project.get("dependencies")))


def _of_setup_cfg(path: Path, found: Findings) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_source(path))
    except configparser.Error:
        return
    metadata = parser["metadata"] if parser.has_section("metadata") else {}
    _of_setup({key.replace("-", "_"): value for key, value in metadata.items()}, path.name, found)
    options = parser["options"] if parser.has_section("options") else {}
    _add_requirements(found, str(options.get("install_requires", "")).splitlines())
    _set(found, "requires_python", options.get("python_requires"), f"{path.name}: python_requires")
    scripts = parser.get("options.entry_points", "console_scripts", fallback="")
    _add_scripts(found, scripts.splitlines(), path.name)


def _of_setup_py(path: Path, found: Findings) -> None:
    """Read the arguments of ``setup()`` that are written there and not computed."""
    tree = parsed(read_source(path))
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.Call) or _called(node) != "setup":
            continue
        given = {word.arg: _literal(word.value) for word in node.keywords if word.arg}
        _of_setup({key: value for key, value in given.items() if value}, path.name, found)
        _set(found, "requires_python", given.get("python_requires"), f"{path.name}: setup()")
        _add_requirements(found, _texts(given.get("install_requires")))
        entries = given.get("entry_points")
        if isinstance(entries, dict):
            _add_scripts(found, _texts(entries.get("console_scripts")), path.name)


def _of_setup(words: Mapping[str, Any], file: str, found: Findings) -> None:
    for field, key in (
        ("name", "name"),
        ("version", "version"),
        ("summary", "description"),
        ("homepage", "url"),
    ):
        value = words.get(key)
        computed = isinstance(value, str) and value.startswith(("attr:", "file:"))
        _set(found, field, None if computed else value, f"{file}: {key}")
    _set(found, "license", spdx(str(words.get("license", ""))), f"{file}: license")
    listed = words.get("classifiers")
    lines = listed.splitlines() if isinstance(listed, str) else _texts(listed)
    _set(found, "license", spdx_of_classifiers(lines), f"{file}: classifiers")
    for who in ("maintainer", "author"):
        if words.get(f"{who}_email"):
            email = str(words[f"{who}_email"])
            name = str(words.get(who) or email.partition("@")[0])
            _set(found, "maintainer", f"{name} <{email}>", f"{file}: {who}")


def _of_modules(directory: Path, found: Findings) -> None:
    """Look for ``__version__`` where packages have it."""
    name = canonicalize_name(found.name.value if found.name else "").replace("-", "_")
    for place in (f"{name}/__init__.py", f"src/{name}/__init__.py", f"{name}.py"):
        _of_module(directory, place, ("__version__",), found)


def _of_module(directory: Path, place: str, names: Sequence[str], found: Findings) -> None:
    """Take the version from a variable of a module."""
    tree = parsed(read_source(directory / place))
    for node in tree.body if tree else ():
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in names:
                _set(found, "version", _literal(node.value), f"{place}: {target.id}")


def _set(found: Findings, field: str, value: Any, where: str) -> None:
    """Keep a value that is one line of text, unless another file said it before."""
    if getattr(found, field) is None and isinstance(value, str):
        line = " ".join(value.split())
        if line and line.isprintable():
            setattr(found, field, Found(line, where))


def _add_command(found: Findings, name: str, where: str) -> None:
    if SCRIPT.fullmatch(name):
        found.commands.setdefault(name, Found(name, where))


def _add_scripts(found: Findings, lines: list[str], file: str) -> None:
    for line in lines:
        name, equals, _ = line.partition("=")
        if equals:
            _add_command(found, name.strip(), f"{file}: console_scripts")


def _add_requirements(found: Findings, lines: list[str]) -> None:
    for line in lines:
        text = line.split(" #")[0].split(" --")[0].strip()
        try:
            if text and text[0] not in "#-":
                found.requirements.add(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            continue  # locking says what is wrong with it


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _literal(node: ast.AST) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]


def has_project_file(directory: Path) -> bool:
    """Tell whether a directory has one of the files that make it a project of Python."""
    return any((directory / name).is_file() for name in _FILES_OF_PROJECTS)


def projects_below(directory: Path, found: Findings) -> list[str]:
    """Return the projects in a directory that is none itself, whatever modules they hold.

    Args:
        directory: where to look, two levels deep.
        found: what is found there.
    """
    if has_project_file(directory) or found.requirements:
        return []
    paths = (path for pattern in ("*", "*/*") for path in directory.glob(pattern))
    names = (str(path.relative_to(directory)) for path in paths if has_project_file(path))
    return sorted(name for name in names if not is_below_generated(name))
