"""What every deb's maintainer scripts do besides the app's own steps, as debhelper would add it.

dpkg makes no parent directories, replaces no directory by a file, writes through symlinks, and
asks about configuration files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

from omnibuild.host.maintainer.shell import HEAD, script
from omnibuild.host.template import fill
from omnibuild.package.deb.configuration import Configuration
from omnibuild.package.system_directories import SYSTEM_DIRECTORIES, is_system_directory
from omnibuild.tree import Entry, Kind

_SOURCES = ("own.sh.in", "configuration.sh.in")

# What each script does for each call of dpkg.
_CALLS: Mapping[str, str] = {
    "preinst": """\
case "${1:-}" in
install | upgrade)
    # Of an upgrade that did not come to its end.
    put_back
    make_system_directories
    if [ -n "${2:-}" ]; then
        keep_symlinks
        make_room
    else
        forget_configuration
    fi
    ;;
esac""",
    "postinst": """\
case "${1:-}" in
configure)
    finish_aside
    ;;
esac""",
    "postrm": """\
case "${1:-}" in
abort-*) put_back ;;
remove | disappear) remove_system_directories ;;
purge)
    purge_configuration
    remove_system_directories
    ;;
esac""",
}
# Called by the app's postinst, once there are the users who own files; or else at its beginning.
LAY = "lay_configuration"


def complete_scripts(
    package: str,
    scripts: Mapping[str, str],
    members: Sequence[Entry],
    configuration: Configuration,
) -> dict[str, str]:
    """Return the scripts of a deb, each with what its format asks for in front of the app's.

    Args:
        package: its name.
        scripts: the app's own; its postinst may call ``lay_configuration``.
        members: what the package holds.
        configuration: what postinst lays.
    """
    functions = _functions(package, members, configuration)
    found = dict(scripts)
    for name, calls in _CALLS.items():
        own = scripts.get(name, HEAD).removeprefix(HEAD)
        if name == "postinst" and LAY not in own:
            calls = calls.replace("finish_aside", f"finish_aside\n    {LAY}")
        found[name] = script((calls, own.removesuffix("\n")) if own else (calls,), functions)
    return found


def _functions(
    package: str, members: Sequence[Entry], configuration: Configuration
) -> dict[str, str]:
    system = sorted(
        {
            f"/{parent}"
            for member in members
            for parent in _parents(member.path)
            if parent in SYSTEM_DIRECTORIES
        }
    )
    own = [member for member in members if not is_system_directory(member)]
    values = {
        "PACKAGE": package,
        "CONFIGURATION": "\n".join(configuration.lines),
        "DEFAULTS": configuration.directory,
        "RECORD": f"/var/lib/misc/{package}.configuration",
        "SYMLINKS": _lines(own, Kind.SYMLINK),
        "DIRECTORIES": _lines(own, Kind.DIRECTORY),
        "SYSTEM": " ".join(system),
        # What was at the root of the file system is no package's to remove.
        "SYSTEM_BELOW": " ".join(path for path in reversed(system) if path.count("/") > 1) or "''",
    }
    directory = resources.files("omnibuild.package.deb")
    sources = (directory.joinpath(name).read_text("utf-8") for name in _SOURCES)
    blocks = [block for source in sources for block in source.strip("\n").split("\n\n")]
    return {block.partition("() {")[0].rpartition("\n")[2]: fill(block, values) for block in blocks}


def _lines(members: Sequence[Entry], kind: Kind) -> str:
    return "\n".join(f"/{member.path}" for member in members if member.kind is kind)


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
