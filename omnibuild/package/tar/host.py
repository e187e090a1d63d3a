"""What packages have outside of an app's directory, as one archive in its tarball.

Who runs the app from any directory has no use for it. Who installs its services from the tarball
(``install.sh --tarball``) lays these files, and runs these scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from omnibuild.digests import of_bytes
from omnibuild.files import atomic_file
from omnibuild.package.compression import HashingSink
from omnibuild.package.members import archive_members, content, name_bytes
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.model import Payload
from omnibuild.tree import Entry, Kind

# Below the tarball's one directory. Configuration may be for few eyes.
HOST_ARCHIVE: Final = "share/omnibuild/host.tar"
HOST_MODE: Final = 0o600

_FORMAT: Final = "tar"
_FILES: Final = "files/"


def has_host_part(payload: Payload) -> bool:
    """Tell whether a payload is that of an app, and not of something else in a tarball."""
    return _FORMAT in payload.scripts


def write_host_archive(payload: Payload, path: Path) -> Entry:
    """Write the archive to ``path``; return what it is in the tarball.

    It holds ``files/``, as they lie on a host; ``scripts/``, and ``config``, the paths of
    configuration files, one a line.
    """
    texts = {f"scripts/{name}": text.encode() for name, text in payload.scripts[_FORMAT].items()}
    files = {entry.path: entry for entry in _files(payload)}
    config = (path for path in payload.config_files if f"{_FILES}{path.lstrip('/')}" in files)
    texts["config"] = b"".join(name_bytes(path) + b"\n" for path in sorted(config))
    made = [
        Entry(name, Kind.FILE, 0o644, len(data), of_bytes(data)) for name, data in texts.items()
    ]

    def read(entry: Entry) -> Iterable[bytes]:
        if entry.path in texts:
            return (texts[entry.path],)
        return content(payload.root, replace(entry, path=entry.path.removeprefix(_FILES)))

    with atomic_file(path) as stream:
        sink = HashingSink(stream)
        members = archive_members((*files.values(), *made))
        for block in tar_stream(members, top=".", date=payload.metadata.date, read=read):
            sink.write(block)
    return Entry(HOST_ARCHIVE, Kind.FILE, HOST_MODE, sink.size, sink.digest)


def _files(payload: Payload) -> Iterator[Entry]:
    """Yield what lies outside of the prefix; no hard link leads into it."""
    prefix = payload.prefix.strip("/")
    members = archive_members(payload.entries_for(_FORMAT))
    above = {prefix[:end] for end, sign in enumerate(prefix) if sign == "/"} | {prefix}
    inside = {each.path: each for each in members if each.path.startswith(f"{prefix}/")}
    for each in members:
        if each.path in above or each.path in inside:
            continue
        if each.kind is not Kind.HARDLINK:
            yield replace(each, path=f"{_FILES}{each.path}")
        elif each.target in inside:
            # The same content lies in its own place, too.
            yield replace(inside[each.target], path=f"{_FILES}{each.path}")
        else:
            yield replace(each, path=f"{_FILES}{each.path}", target=f"{_FILES}{each.target}")
