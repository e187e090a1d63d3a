"""The configuration of nfpm for one payload: YAML, in which every text is quoted.

Its reference: https://nfpm.goreleaser.com/docs/configuration/
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.package.identity import is_utf8
from omnibuild.tree import Entry, Kind

_PLAIN: Final = frozenset(map(chr, range(0x20, 0x7F))) - frozenset('"\\')
# Fields in which nfpm replaces variables.
_EXPANDED: Final = frozenset(
    ("name", "version", "release", "arch", "homepage", "maintainer", "vendor", "description")
)


def configuration(
    fields: Mapping[str, str],
    relations: Mapping[str, Iterable[str]],
    own: Mapping[str, Mapping[str, str]],
    scripts: Mapping[str, Path],
    contents: Iterable[str],
) -> str:
    """Return the text of a configuration.

    Args:
        fields: what the package says about itself, by nfpm's keys; empty ones are left out.
        relations: to other packages.
        own: tables that only one format has, as ``archlinux``.
        scripts: name to file.
        contents: lines of :func:`content_lines`.
    """
    lines = ["disable_globbing: true", "version_schema: none"]
    for key, value in fields.items():
        if value:
            lines.append(f"{key}: {quoted(_literal(value) if key in _EXPANDED else value)}")
    for key, texts in relations.items():
        lines += _list(key, texts)
    for table, values in own.items():
        lines.append(f"{table}:")
        lines += [f"  {key}: {value}" for key, value in values.items()]
    if scripts:
        lines.append("scripts:")
        lines += [f"  {key}: {quoted(str(path))}" for key, path in scripts.items()]
    return "\n".join([*lines, "contents:", *contents]) + "\n"


def content_lines(
    members: Iterable[Entry], root: Path, config_files: Collection[str]
) -> Iterator[str]:
    """Yield a line for each member that is not a directory nobody looks at.

    All are root's: whoever else shall have one gets it by a script, as not every format can say
    it. Hard links become files of their own.

    Args:
        members: in archive order, without directories that are the system's.
        root: directory that stands for the host's ``/``.
        config_files: host paths.
    """
    for member in members:
        if not is_utf8(member.path + member.target):
            raise PackageError(f"the file name {member.path!r} is not UTF-8, which nfpm demands")
        path = quoted(f"/{member.path}")
        if member.kind is Kind.SYMLINK:
            yield f'- {{"src": {quoted(_target(member))}, "dst": {path}, "type": "symlink"}}'
            continue
        if not member.mode:
            raise PackageError(f"nfpm cannot write /{member.path}, which nobody may read")
        info = f'"file_info": {{"owner": "root", "group": "root", "mode": 0{member.mode:o}}}'
        if member.kind is Kind.DIRECTORY:
            yield f'- {{"dst": {path}, "type": "dir", {info}}}'
            continue
        kind = "config|noreplace" if f"/{member.path}" in config_files else "file"
        source = quoted(str(root / (member.target or member.path)))
        yield f'- {{"src": {source}, "dst": {path}, "type": "{kind}", {info}}}'


def moment(date: int) -> str:
    """Return a time as nfpm reads it."""
    return datetime.fromtimestamp(date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def quoted(text: str) -> str:
    """Return a text as a scalar of YAML in double quotes, in ASCII alone."""
    return '"' + "".join(c if c in _PLAIN else f"\\U{ord(c):08X}" for c in text) + '"'


def _literal(text: str) -> str:
    """Keep nfpm from taking ``$NAME`` for a variable: see :mod:`omnibuild.package.nfpm.tool`."""
    return text.replace("$", "$$")


def _list(key: str, texts: Iterable[str]) -> Iterator[str]:
    found = [quoted(_literal(text)) for text in dict.fromkeys(texts)]
    if found:
        yield f"{key}: [{', '.join(found)}]"


def _target(member: Entry) -> str:
    """Return what a symlink says, when nfpm does not change where it leads."""
    clean = posixpath.normpath(member.target)
    up = member.target.split("/")
    while up and up[0] in ("..", ".", ""):
        up.pop(0)
    if ".." in up:
        # It would take a name and the .. behind it away, also where the name is a symlink.
        raise PackageError(
            f"nfpm cannot write the symlink /{member.path}, which says {member.target}",
            hint=f"let it say {clean}",
        )
    return clean
