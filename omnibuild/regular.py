"""Reading files whose names come from others: what is no regular file is refused at once.

To open a pipe waits for who writes to it, to read ``/dev/zero`` never ends; a name that leads to
either is an error like any other that ``open`` raises. What stands where something of another kind
has to be is named.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

# Of keys, hooks, sidecars, configuration: what is read whole, into memory.
MOST_BYTES = 1 << 26


def open_regular(path: Path | str) -> IO[bytes]:
    """Open a regular file to read it; raises ``OSError``, for anything else too."""
    return os.fdopen(regular_descriptor(path), "rb")


def regular_descriptor(path: Path | str) -> int:
    """Return a new descriptor as :func:`open_regular` opens it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.ENXIO, "This is no regular file", str(path))


def read_regular(path: Path | str, most: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file of at most ``most`` bytes; raises ``OSError``."""
    with open_regular(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def of_another_kind(error: OSError, path: Path) -> str:
    """Say which file stands where a directory has to be, or the other way round, if one does.

    Args:
        error: what the system said.
        path: what was to be written, or the directory of all that was.
    """
    # The second name is where something was to be moved.
    names = [name for name in (error.filename2, error.filename) if isinstance(name, str)]
    for place in (*map(Path, names), path):
        if error.errno == errno.EISDIR and place.is_dir():
            return f"{place} is a directory, not a file"
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            for above in (place, *place.parents):
                if os.path.lexists(above) and not above.is_dir():
                    kind = "a file, not a directory" if above.is_file() else "no directory"
                    return f"{above} is {kind}"
    return ""
