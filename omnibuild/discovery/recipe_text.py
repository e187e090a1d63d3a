"""A recipe as text, each value with the place that it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omnibuild.discovery.findings import Findings, Found

_NOTHING = (
    "# nothing runs yet: write what does, without the signs before it",
    "# [services.server]",
    '# command = "python -m MODULE"',
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Draft:
    """What a recipe is written from.

    Args:
        app: name of the package.
        version: as packages write it; where it is found each time, if ``origin`` says so.
        summary: one line of at most 80 characters.
        license: SPDX expression.
        maintainer: name and address.
        python: series of CPython.
        source: key and value of ``[source]``.
        server: the server of ``[web]``, empty without one.
        user: the user of the services, empty where it is called like the app.
        findings: everything else.
        scripts: the directory of its hooks, as the recipe has it; empty without one.
        origin: who is asked for the version at each build: ``project`` or ``git``; empty where the
            recipe says it itself.
    """

    app: str
    version: Found
    summary: Found
    license: Found
    maintainer: Found
    python: Found
    source: tuple[str, str]
    server: str
    user: str
    findings: Findings
    scripts: str = ""
    origin: str = ""


def hook_of(draft: Draft) -> str:
    """Return the text of the hook ``prepare``: modules that run before services start."""
    lines = [f"# {draft.app} is ready for its new version before its services start."]
    # Isolated: no module is taken from the directory in which somebody installs.
    lines += [f"python3 -I -m {said.value}" for said in draft.findings.prepare]
    return "\n".join(lines) + "\n"


def text_of(draft: Draft, table: str = "") -> str:
    """Return the text of a recipe, its tables below ``table`` where a file has others, too."""
    tables = "\n\n".join("\n".join(lines) for lines in _tables(draft, table))
    return f"{tables}\n"


def _tables(draft: Draft, table: str) -> Iterator[list[str]]:
    found = draft.findings
    heads = {name: f"[{table}{name}]" for name in ("app", "source", "python", "web", "commands")}
    lines = [
        heads["app"],
        _line("name", Found(draft.app, found.name.where if found.name else "")),
        _version(draft),
        _line("summary", draft.summary),
        _line("license", draft.license),
        _line("maintainer", draft.maintainer),
    ]
    yield lines + ([_line("homepage", found.homepage)] if found.homepage else [])
    key, value = draft.source
    yield [heads["source"], f"{key} = {quoted(value)}"]
    yield [heads["python"], _line("version", draft.python), *_required(found)]
    yield from _left_out(draft, table)
    if draft.server and found.web:
        yield [
            heads["web"],
            f"server = {quoted(draft.server)}",
            _line("app", Found(found.web.target, found.web.where)),
            "# nginx in front, for slow clients and many connections; leave it out for none",
            'proxy = "nginx"',
            "# who may reach it: 0.0.0.0:80 for everybody",
            'listen = "127.0.0.1:8080"',
            _line("health", found.health) if found.health else '# health = "/"  # answers 200',
            *([_static(found, found.static)] if found.static and found.static_url else []),
        ]
    yield from _built(found, table)
    for name, command in sorted(found.services.items()):
        yield [f"[{table}services.{name}]", _line("command", command)]
    for name, (command, calendar) in sorted(found.timers.items()):
        lines = [_line("command", command), _line("calendar", calendar)]
        yield [f"[{table}timers.{name}]", *lines]
    if found.environment:
        variables = [_line(name, said) for name, said in sorted(found.environment.items())]
        yield [f"[{table}environment]", *variables]
    if found.commands:
        scripts = [_line(name, said) for name, said in sorted(found.commands.items())]
        yield [heads["commands"], *scripts]
    if not (found.web or found.services or found.timers or found.commands):
        yield list(_NOTHING)
    if package := list(_package(draft)):
        yield [f"[{table}package]", *package]
    if found.config:
        yield [f"[{table}config]", *(_line(k, v) for k, v in sorted(found.config.items()))]


def _package(draft: Draft) -> Iterator[str]:
    found, user = draft.findings, draft.user
    if draft.scripts and not (found.web or found.services or found.timers):
        user = user or draft.app  # The hook runs as somebody.
    if user:
        yield f"user = {quoted(user)}"
    if draft.scripts:
        where = ", ".join(dict.fromkeys(said.where for said in found.prepare))
        yield _line("scripts", Found(draft.scripts, f"prepare: {where}"))


def _required(found: Findings) -> Iterator[str]:
    if found.require:
        yield "require = ["
        yield from (f"    {quoted(text)},  # {where}" for text, where in found.require.items())
        yield "]"


def _left_out(draft: Draft, table: str) -> Iterator[list[str]]:
    if listed := ", ".join(map(quoted, draft.findings.prune)):
        why = f"# credentials: they belong into /etc/{draft.app}/environment on hosts"
        yield [f"[{table}python.prune]", why, f"{_key(draft.app)} = [{listed}]"]


def _version(draft: Draft) -> str:
    if not draft.origin:
        return _line("version", draft.version)
    said = f"{draft.version.value}, {draft.version.where}"
    return f"version = {{ from = {quoted(draft.origin)} }}  # {said}"


def _built(found: Findings, table: str) -> Iterator[list[str]]:
    if found.steps:
        yield [f"[{table}build]", *_steps(found.steps)]
    if found.front_end:
        yield [
            f"[{table}build.node]",
            _line("directory", Found(found.front_end.directory, found.front_end.where)),
            *([f"run = {quoted(found.front_end.run)}"] if found.front_end.run else []),
            "# what the script fills, relative to that: please check",
            f"output = {quoted(found.front_end.output)}",
        ]


def _static(found: Findings, directory: Found) -> str:
    served = f"{quoted(found.static_url)} = {quoted(directory.value)}"
    return f"static = {{ {served} }}  # {directory.where}: STATIC_ROOT"


def _steps(steps: Sequence[Found]) -> Iterator[str]:
    yield "# run when the app is built; what its settings want of a host is not there:"
    yield '# environment = { SECRET_KEY = "only-for-building" }'
    yield "steps = ["
    yield from (f"    {quoted(step.value)},  # {step.where}" for step in steps)
    yield "]"
    if any("compilemessages" in step.value for step in steps):
        yield 'needs = ["gettext"]'


def _line(key: str, found: Found) -> str:
    comment = f"  # {found.where}" if found.where else ""
    return f"{_key(key)} = {quoted(found.value)}{comment}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """Return a basic string of TOML, whose escapes for printable text are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
