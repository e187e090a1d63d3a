"""The list of a channel's tarballs, in which the installer finds what ``--user`` asks for.

Lines of words, and below them their signature: one file, so that readers never see a new list
beside an old signature. It says which repository and channel it is of, as one key may sign several,
and when it changed, so that nobody can show an old one to a host that has seen a newer.
"""

from __future__ import annotations

import re
from functools import cmp_to_key

from omnibuild.package.versions import compare_debs
from omnibuild.patterns import regex
from omnibuild.repository import layout
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import Download
from omnibuild.repository.state.head import Repository

PLATFORM = "linux-"

_DATE = regex(r"^date ([0-9]{1,12})$", re.MULTILINE)


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
    items = [
        item for item in content.downloads if not item.is_pex and item.parts[2].startswith(PLATFORM)
    ]
    items.sort(key=cmp_to_key(lambda a, b: compare_debs(a.parts[1], b.parts[1])), reverse=True)
    items.sort(key=lambda item: (item.parts[0], item.parts[2]))
    head = f"repository {record.name}\nchannel {channel}\ndate {date}\n"
    return head + "".join(map(_line, items))


def _line(item: Download) -> str:
    name, version, architecture = item.parts
    place = layout.download_path(item.name)
    platform = architecture.removeprefix(PLATFORM)
    line = f"tarball {name} {version} {platform} {item.digest} {item.size} {place}\n"
    # In lines of their own: who knows no layers takes the tarball.
    return f"{line}layers {item.digest} {item.layers}\n" if item.layers else line
