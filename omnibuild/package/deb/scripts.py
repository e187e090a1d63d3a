"""What every deb's maintainer scripts do besides the app's own steps, as debhelper would add it.

dpkg makes no parent directories, replaces no directory by a file, writes through symlinks, and
keeps configuration files that a new version lacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

from omnibuild.host.template import fill
from omnibuild.package.system_directories import SYSTEM_DIRECTORIES, is_system_directory
from omnibuild.tree import Entry, Kind

_HEAD = "#!/bin/sh\nset -eu\n"

# What each script does for each call of dpkg.
_CALLS: Mapping[str, str] = {
    "preinst": """\
case "${1:-}" in
install | upgrade)
    make_system_directories
    if [ -n "${2:-}" ]; then
        keep_symlinks
        retire_configuration
        make_room
    fi
    ;;
esac""",
    "postinst": """\
case "${1:-}" in
configure) finish_aside ;;
esac""",
    "postrm": """\
case "${1:-}" in
abort-*) put_back ;;
remove | purge | disappear) remove_system_directories ;;
esac""",
}
_HELPERS = ("set_aside", "is_known", "replace_old", "refuse_mounts")


def complete_scripts(
    package: str, scripts: Mapping[str, str], members: Sequence[Entry]
) -> dict[str, str]:
    """Return the scripts of a deb, each with what its format asks for in front of the app's."""
    functions = _functions(package, members)
    found = dict(scripts)
    for name, calls in _CALLS.items():
        helpers = _HELPERS if name == "preinst" else ()
        needed = [
            text for function, text in functions.items() if function in calls or function in helpers
        ]
        own = scripts.get(name, _HEAD).removeprefix("#!/bin/sh\n").removeprefix("set -eu\n")
        found[name] = "\n\n".join([_HEAD.rstrip("\n"), *needed, calls]) + "\n" + own
    return found


def _functions(package: str, members: Sequence[Entry]) -> dict[str, str]:
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
        "SYMLINKS": _lines(own, Kind.SYMLINK),
        "DIRECTORIES": _lines(own, Kind.DIRECTORY),
        "SYSTEM": " ".join(system),
        # What was at the root of the file system is no package's to remove.
        "SYSTEM_BELOW": " ".join(path for path in reversed(system) if path.count("/") > 1) or "''",
    }
    source = resources.files("omnibuild.package.deb").joinpath("own.sh.in").read_text("utf-8")
    blocks = source.strip("\n").split("\n\n")
    return {block.partition("() {")[0].rpartition("\n")[2]: fill(block, values) for block in blocks}


def _lines(members: Sequence[Entry], kind: Kind) -> str:
    return "\n".join(f"/{member.path}" for member in members if member.kind is kind)


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
