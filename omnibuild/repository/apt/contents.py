"""Contents: which file is in which package, for apt-file.

What is in a package is read of it once, and kept beside the state; whatever of that is gone or
damaged is read again.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable

from omnibuild.errors import RepositoryError, Where
from omnibuild.package.deb.reader import list_deb
from omnibuild.patterns import regex
from omnibuild.repository import layout
from omnibuild.repository.state.entries import Deb
from omnibuild.repository.targets.target import Target

_LEVEL = 6
_SECTION = regex(r"^Section: (\S+)$", re.MULTILINE)


def contents_text(target: Target, debs: Iterable[Deb]) -> bytes:
    """Return the lines of some packages, by path.

    Raises :class:`RepositoryError` when a package is not there to be read.
    """
    found: dict[bytes, dict[str, None]] = {}
    for deb in debs:
        section = _SECTION.search(deb.stanza)
        place = f"{section[1]}/{deb.name}" if section else deb.name
        for path in _files(target, deb):
            found.setdefault(path, {})[place] = None
    lines = (path + b" " + ",".join(places).encode() for path, places in sorted(found.items()))
    return b"".join(line + b"\n" for line in lines)


def _files(target: Target, deb: Deb) -> list[bytes]:
    shard = layout.contents_shard(deb.digest)
    try:
        # What is not there has no bytes, which would be an archive of nothing.
        if data := target.read(shard):
            return gzip.decompress(data).splitlines()
    except (OSError, EOFError, zlib.error):
        pass
    paths = _read(target, deb)
    target.put(shard, gzip.compress(b"".join(path + b"\n" for path in paths), _LEVEL, mtime=0))
    return paths


def _read(target: Target, deb: Deb) -> list[bytes]:
    path = f"{layout.APT}/{deb.path}"
    if target.digest(path) != deb.digest:
        raise RepositoryError(
            "a package is gone, or not what was published",
            where=Where(target.place(path)),
            why=f"published: {deb.digest}, {deb.size} bytes",
            hint="publish the same file again",
        )
    with target.local(path) as file:
        # A line is a path: what has a line's end in it cannot be said.
        return [each for each in list_deb(file) if each.splitlines() == [each]]
