"""The script that rpm runs before a transaction: paths that change their kind make room.

It is written for rpm's own Lua, because no shell may be there yet. rpm tells no script what a
package holds, so the script does: names of files by their directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources

from omnibuild.host.template import fill
from omnibuild.package.system_directories import is_system_directory
from omnibuild.tree import Entry, Kind


def pretrans(members: Iterable[Entry]) -> str:
    """Return the script for a package of these members, in archive order."""
    directories: dict[str, list[str]] = {}
    for member in members:
        if member.kind is not Kind.DIRECTORY:
            parent, _, name = member.path.rpartition("/")
            directories.setdefault(parent, []).append(name)
        elif not is_system_directory(member):
            directories.setdefault(member.path, [])
    source = resources.files("omnibuild.package.rpm").joinpath("pretrans.lua.in").read_text("utf-8")
    return fill(source, {"CHECKS": "\n".join(_checks(directories))})


def _checks(directories: Mapping[str, list[str]]) -> Iterable[str]:
    for directory, names in sorted(directories.items()):
        yield f"check({_quoted(f'/{directory}')}, {_quoted('/'.join(names))})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
