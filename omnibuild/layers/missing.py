"""What a failed step looked for and did not find, and which component has it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from omnibuild.errors import MissingDependencyError, StepError, UndeclaredDependencyError
from omnibuild.recipe.definitions import Definitions

# Bytes of a log that are looked at; what was missed stands at its end.
_AT_MOST = 1 << 18
# Other things are missed because the first ones are.
_MOST = 5
GUIDE = "docs/guides/components.md"


@dataclass(frozen=True)
class _Sign:
    """How a line says that something is missing.

    Args:
        line: has the name as its group.
        path: of the name, where components have such things below their prefix.
        sure: nothing else is ever said so; of others only those count that a component has.
    """

    line: re.Pattern[str]
    path: str
    sure: bool = True


# Logs are other people's: no name is longer, and one that no words go before starts where nothing
# of a name stands, so that no text takes longer than its length.
_NAME = r"([\w.+-]{0,99}\w)"
_WORD = rf"(?<![\w.+-]){_NAME}"
_SIGNS = (
    _Sign(re.compile(r"fatal error: ([\w./+-]+): No such file or directory"), "include/{}"),
    _Sign(re.compile(rf"cannot find -l{_NAME}"), "lib/lib{}.so"),
    _Sign(re.compile(rf"No package '{_NAME}' found"), "lib/pkgconfig/{}.pc"),
    _Sign(re.compile(rf"Package '?{_NAME}'? was not found in the pkg"), "lib/pkgconfig/{}.pc"),
    _Sign(re.compile(rf"PackageNotFoundError: {_NAME} not found"), "lib/pkgconfig/{}.pc"),
    _Sign(re.compile(rf'ERROR: Dependency "{_NAME}" not found'), "lib/pkgconfig/{}.pc"),
    _Sign(re.compile(rf"pkg-config --exists {_NAME}"), "lib/pkgconfig/{}.pc", sure=False),
    _Sign(re.compile(rf"{_WORD}\.pc\b"), "lib/pkgconfig/{}.pc", sure=False),
    _Sign(re.compile(rf"sh: (?:line )?\d+: {_NAME}: (?:command )?not found"), "bin/{}"),
    # What maturin's packages say before they try to download a compiler.
    _Sign(re.compile(r"\b(Rust) not found, installing"), "bin/{}"),
    _Sign(re.compile(rf"{_WORD}['\"]? (?:executable )?not found"), "bin/{}", sure=False),
    # What configure says of a library, in words of its author's.
    _Sign(
        re.compile(rf"(?<![\w.+-])lib{_NAME}(?: \S+){{0,3}} required"), "lib/lib{}.so", sure=False
    ),
    _Sign(
        re.compile(rf"{_WORD}(?: library| libraries| headers)? (?:is|are) required"),
        "lib/lib{}.so",
        sure=False,
    ),
    _Sign(re.compile(rf"No such file or directory: '{_NAME}'"), "bin/{}", sure=False),
    _Sign(re.compile(rf"Could NOT find {_NAME}"), "lib/pkgconfig/{}.pc", sure=False),
)


def note_missed(error: StepError, log: Path, component: str = "") -> None:
    """Let the error of a step remember what its log says was not found.

    Args:
        error: is changed.
        log: of the step.
        component: whose step it was; empty for a wheel's.
    """
    with open(log, "rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _AT_MOST))
        error.missed, error.perhaps = missed(stream.read().decode("utf-8", "replace"))
    error.component = component


def missed(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is missing for certain, and what is if any component has it.

    >>> missed("x.c:1:10: fatal error: libpq-fe.h: No such file or directory")
    (('include/libpq-fe.h',), ())
    """
    sure: dict[str, None] = {}
    perhaps: dict[str, None] = {}
    for sign in _SIGNS:
        found = sure if sign.sure else perhaps
        found.update({sign.path.format(name): None for name in sign.line.findall(text)})
    return tuple(sure)[:_MOST], tuple(path for path in perhaps if path not in sure)


def explained(error: StepError, definitions: Definitions) -> StepError:
    """Return the error of a step that says which component has what it missed, and what to write.

    Args:
        error: as it was raised; returned as it is where nothing was missed.
        definitions: of all components.
    """
    if not (error.missed or error.perhaps):
        return error
    has = _providers(definitions, error.component)
    found = {path: has(path) for path in (*error.missed, *error.perhaps)}
    by_names: dict[str, list[str]] = {}
    for path, names in found.items():
        if names:
            by_names.setdefault(" or ".join(names), []).append(_short(path))
    hints = [f"{names} has {' and '.join(paths)}" for names, paths in by_names.items()]
    if first := list(dict.fromkeys(names[0] for names in found.values() if names)):
        hints.append(_to_write(error.component, first, definitions))
    if nobody := [_short(path) for path in error.missed if not found[path]]:
        hints.append(f"no component has {', '.join(nobody)}: write one, as {GUIDE} shows")
    if not hints:
        return error
    undeclared = isinstance(error, UndeclaredDependencyError)
    kind = UndeclaredDependencyError if undeclared else MissingDependencyError
    return kind(error.what, where=error.where, why=error.why, hint="; ".join(hints))


def _providers(definitions: Definitions, but: str) -> Callable[[str], list[str]]:
    # One that cannot be read is told to those who take it.
    every, _ = definitions.every_software()
    found = {name: defined.software for name, defined in every.items()}
    # Apps bring no tools for building; and nothing helps itself.
    known = {
        name: software.provides
        for name, software in found.items()
        if name != but and (but or not software.build_only)
    }
    return lambda path: [
        name for name, globs in known.items() if any(provides(glob, path) for glob in globs)
    ]


def provides(glob: str, path: str) -> bool:
    """Tell whether what a component provides has a path, or has it in a directory of its own.

    >>> provides("include/libxml2/libxml/*.h", "include/libxml/tree.h")
    True
    >>> provides("include/libxml2/libxml/*.h", "include/tree.h")
    False
    """
    top, *names = path.split("/")
    own, *globs = glob.split("/")
    globs = globs[-len(names) :]
    # A glob alone is for whatever has such an ending.
    if top != own or len(globs) < len(names) or "*" in globs[0]:
        return False
    return all(map(fnmatchcase, names, globs))


def _short(path: str) -> str:
    """Return a path as people call it."""
    for directory in ("include/", "lib/pkgconfig/", "lib/", "bin/"):
        if path.startswith(directory):
            return path.removeprefix(directory)
    return path


def _to_write(component: str, names: Sequence[str], definitions: Definitions) -> str:
    if component:
        tools = [name for name in names if _only_runs(definitions, name)]
        keys = {"needs": [name for name in names if name not in tools], "build-needs": tools}
        said = [f"{key} = {json.dumps(listed)}" for key, listed in keys.items() if listed]
        return f"add to its definition: {', '.join(said)}"
    return f"write under [software]: {', '.join(_pins(names, definitions))}"


def _only_runs(definitions: Definitions, name: str) -> bool:
    """Tell whether others can do nothing with a component but run its programs."""
    return all(p.startswith("bin/") for p in definitions.software(name).software.provides)


def _pins(names: Sequence[str], definitions: Definitions) -> Iterator[str]:
    for name in names:
        key = f'"{name}"' if "." in name or "+" in name else name
        yield f'{key} = "{definitions.software(name).software.version}"'
