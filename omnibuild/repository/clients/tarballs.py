"""The list of a channel's tarballs, in which the installer finds what ``--user`` asks for.

Lines of words, and below them their signature: one file, so that readers never see a new list
beside an old signature. It says which repository and channel it is of, as one key may sign several,
and when it changed, so that nobody can show an old one to a host that has seen a newer.
"""

from __future__ import annotations

import re
from functools import cmp_to_key

from omnibuild.package.versions import compare_debs
from omnibuild.repository.clients.listing import TAR, Row, download_rows
from omnibuild.repository.state import Channel, Repository

PLATFORM = "linux-"

_DATE = re.compile(r"^date ([0-9]{1,12})$", re.MULTILINE)


def tarball_list(record: Repository, name: str, content: Channel, before: str, now: int) -> str:
    """Return the text of the list; of each package and architecture the newest version is first.

    Args:
        record: the repository.
        name: the channel.
        content: what it holds.
        before: the text of the list so far; empty when there is none.
        now: the time, in seconds since 1970.
    """
    known = _DATE.search(before)
    last = int(known[1]) if known else 0
    same = _text(record, name, content, last)
    return same if same == before else _text(record, name, content, max(now, last + 1))


def _text(record: Repository, channel: str, content: Channel, date: int) -> str:
    rows = [
        row
        for row in download_rows(channel, content)
        if row.family == TAR and row.architecture.startswith(PLATFORM)
    ]
    rows.sort(key=cmp_to_key(lambda a, b: compare_debs(a.version, b.version)), reverse=True)
    rows.sort(key=lambda row: (row.name, row.architecture))
    head = f"repository {record.name}\nchannel {channel}\ndate {date}\n"
    return head + "".join(_line(row, content) for row in rows)


def _line(row: Row, content: Channel) -> str:
    file = row.href.rpartition("/")[2]
    architecture = row.architecture.removeprefix(PLATFORM)
    digest = content.downloads[file].digest
    return f"tarball {row.name} {row.version} {architecture} {digest} {row.size} {row.href}\n"
