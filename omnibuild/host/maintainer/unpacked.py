"""What dpkg unpacks otherwise than it shall be: all is root's, and nothing has capabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from omnibuild.payload.own_files import given_away
from omnibuild.recipe.models import HostFile
from omnibuild.tree import Entry


def special(files: Mapping[str, HostFile], own: Iterable[Entry]) -> Iterator[str]:
    """Yield what a script finishes, each as ``kind owner group mode capabilities path``.

    Directories come before what is in them, and ``-`` stands where nothing is said.

    Args:
        files: of ``[files]``, by their host paths.
        own: what they bring, laid out.
    """
    given = given_away(files, own)
    for entry in sorted(given, key=lambda entry: entry.path.split("/")):
        file = given[entry]
        if "deb" in (file.formats or ("deb",)):
            said = f"{file.owner} {file.group} {file.mode or '-'} {file.capabilities or '-'}"
            yield f"{entry.kind} {said} /{entry.path}"
