"""What a boot reads of ``[files]``, and an installation makes of it at once.

Services that start with the installation may need it; distributions' own triggers come later, or
not at all.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from omnibuild.payload.own_files import file_of
from omnibuild.recipe.models import HostFile
from omnibuild.tree import Entry, Kind

# By the directory that a boot reads: the condition, the program, and what it does. The first
# knows what the operator has laid over a file of the package, below /etc.
READERS: Final = {
    "usr/lib/tmpfiles.d": (
        "command -v systemd-tmpfiles >/dev/null 2>&1",
        "systemd-tmpfiles --create",
    ),
    # Of the host's kernel, which no image and no container has. Not in /usr on Debian 11.
    "usr/lib/sysctl.d": ("systemd_runs", "/lib/systemd/systemd-sysctl"),
}


def applied(files: Mapping[str, HostFile], own: Iterable[Entry]) -> dict[str, tuple[str, ...]]:
    """Return the paths that are applied, to the formats whose packages have them; all when empty.

    Args:
        files: of ``[files]``, by their host paths.
        own: what they bring, laid out.
    """
    found: dict[str, tuple[str, ...]] = {}
    for entry in own:
        directory, name = posixpath.split(entry.path)
        if directory in READERS and name.endswith(".conf") and entry.kind is not Kind.DIRECTORY:
            file = file_of(files, entry)
            found[entry.path] = file.formats if file else ()
    return dict(sorted(found.items()))


def applying(paths: Iterable[str]) -> str:
    """Return the lines of a shell function that apply files."""
    paths = list(paths)
    lines = []
    for directory, (condition, program) in READERS.items():
        names = [posixpath.basename(path) for path in paths if posixpath.dirname(path) == directory]
        if names:
            words = " ".join(map(shlex.quote, names))
            what = shlex.quote(f"not all of {' '.join(names)} could be applied")
            lines += [
                f"    if {condition}; then",
                f"        {program} {words} || say {what}",
                "    fi",
            ]
    return "".join(f"{line}\n" for line in lines)
