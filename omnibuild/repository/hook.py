"""A command of the publisher's own, run when readers were shown something new: it purges caches.

It is named by whoever publishes, on that machine, and never kept in the repository: who can write
there cannot have others run anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from omnibuild.errors import HookError, Where
from omnibuild.events import ReadersShown
from omnibuild.repository import layout
from omnibuild.tools import Tool, describe_status, tail

_SHELL = Tool("sh", "dash")


def run_hook(command: str, place: str, shown: Iterable[ReadersShown]) -> None:
    """Give a command the addresses of all files that readers were shown anew, one a line.

    Args:
        command: for the shell. It finds the repository's address in ``OMNIBUILD_URL`` and its
            place in ``OMNIBUILD_REPO``.
        place: where was published to.
        shown: what.

    Raises :class:`HookError` when it fails.
    """
    urls = dict.fromkeys(url for each in shown for url in addresses(each.url, each.paths, place))
    if not urls:
        return
    base = next(each.url for each in shown)
    environment = {**os.environ, "OMNIBUILD_URL": base, "OMNIBUILD_REPO": place}
    lines = "".join(f"{url}\n" for url in urls)
    done = _SHELL.run("-c", command, data=lines.encode(), environment=environment, check=False)
    if done.returncode:
        output = (done.stderr or b"") + (done.stdout or b"")
        raise HookError(
            f"the command after publishing failed ({describe_status(done.returncode)});"
            " it is published, and caches may show what was before",
            where=Where(place),
            why=f"command: {command}\n{tail(output)}",
            hint="give it all addresses again: omnibuild repo pointers --repo PLACE | COMMAND",
        )


def addresses(base: str, paths: Iterable[str], place: str) -> Iterator[str]:
    """Yield the addresses of files; the front page has two."""
    for path in paths:
        if not base:
            raise HookError(
                "it is published, and where hosts find it is not known: no cache can be told",
                where=Where(place),
                hint="publish with --url once; it is remembered",
            )
        if path == layout.LANDING_PAGE:
            yield f"{base}/"
        yield f"{base}/{path}"
