"""Configuration files of debs: defaults that postinst lays, not dpkg's conffiles.

dpkg asks whoever upgrades when both the operator and the package changed a conffile, and fails
where nobody answers. Here the operator's file stays, and nobody is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from msgspec.structs import replace as with_path

from omnibuild.package.members import check_config_files, content
from omnibuild.payload.model import DEFAULTS, Payload
from omnibuild.tree import Entry

# What stands around the lines in the scripts.
_LIST: Final = "list_configuration() {\n    cat <<'end of configuration'\n"
_END: Final = "end of configuration\n}"


@dataclass(frozen=True)
class Configuration:
    """The configuration files of one deb.

    Args:
        directory: host path of the directory with the defaults.
        defaults: path of each default in the package to that of the file itself.
        lines: owner, group, mode and host path of each file, by the path.
    """

    directory: str
    defaults: Mapping[str, str]
    lines: tuple[str, ...]


def configuration_of(payload: Payload) -> Configuration:
    """Return what a payload's deb has to lay; raises :class:`PackageError`."""
    entries = {entry.path: entry for entry in payload.entries_for("deb")}
    check_config_files(payload.config_files, entries.values())
    directory, paths = f"{payload.prefix}/{DEFAULTS}", sorted(payload.config_files)
    return Configuration(
        directory,
        {f"{directory}{path}".lstrip("/"): path.lstrip("/") for path in paths},
        tuple(
            f"{' '.join(payload.owners.get(path, ('root', 'root')))}"
            f" {entries[path.lstrip('/')].mode:o} {path}"
            for path in paths
        ),
    )


def entries_with(payload: Payload, configuration: Configuration) -> Iterator[Entry]:
    """Yield a deb's entries: defaults in place of the files, and of directories with these alone.

    A default is root's; whom its file belongs to may read no more of it than there.
    """
    files = payload.tree.by_path
    nowhere = dict.fromkeys(payload.config_files, ())
    yield from replace(payload, only={**payload.only, **nowhere}).entries_for("deb")
    for place, path in configuration.defaults.items():
        yield with_path(files[path], path=place)


def laid_by(postinst: bytes) -> dict[str, tuple[str, str]]:
    """Return what a deb's postinst lays: host path to user and group.

    Args:
        postinst: of any deb; those of other tools lay nothing.
    """
    _, _, rest = postinst.decode("utf-8", "surrogateescape").partition(_LIST)
    found = {}
    for line in rest.partition(_END)[0].splitlines():
        owner, group, _, path = [*line.split(" ", 3), *[""] * 3][:4]
        if path.startswith("/"):
            found[path] = (owner, group)
    return found


def read_with(payload: Payload, configuration: Configuration, entry: Entry) -> Iterator[bytes]:
    """Yield the content of an entry of :func:`entries_with`."""
    path = configuration.defaults.get(entry.path, entry.path)
    return content(payload.root, with_path(entry, path=path))
