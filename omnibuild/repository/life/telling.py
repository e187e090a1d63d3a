"""What a channel holds, and how it came to that, in lines for people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from omnibuild.events import human_size
from omnibuild.repository.layout import COMPONENT
from omnibuild.repository.life.history import Logged
from omnibuild.repository.life.inventory import Inventory, Item

# So much of a digest tells releases apart.
SHORT = 12
# More lines of one release are for machines.
SHOWN = 40


def told(inventory: Inventory) -> Iterator[str]:
    """Yield a channel and its packages."""
    count = len(inventory.items)
    yield (
        f"{inventory.channel}: {count} package{'' if count == 1 else 's'},"
        f" {human_size(inventory.size)}, release {inventory.release[:SHORT]}"
    )
    yield from _table([_row(item) for item in inventory.items])


def _row(item: Item) -> tuple[str, ...]:
    # Only who has several components reads of them.
    named = item.component not in ("", COMPONENT)
    place = f"{item.place}/{item.component}" if named else item.place
    about = (item.name, item.version, item.architecture, item.format)
    return (*about, place, human_size(item.size))


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows in columns that are as wide as they need, the last of them numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *cells, last = zip(row, widths, strict=True)
        text = "  ".join(cell.ljust(width) for cell, width in cells)
        yield f"  {text}  {last[0].rjust(last[1])}"


def logged(entry: Logged) -> Iterator[str]:
    """Yield a release, and what came and went."""
    release, author = entry.release, entry.release.author
    now = ", now" if entry.current else ""
    yield f"release {entry.digest[:SHORT]}  {release.channel}{now}"
    date = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(author.time))
    yield f"  {date}  {author.action} by {author.name}"
    if author.build:
        yield f"  build {author.build}"
    if release.origin:
        yield f"  from release {release.origin[:SHORT]}"
    if release.reason:
        yield f"  reason: {release.reason}"
    changes = [*(f"+ {title}" for title in release.added), *(f"- {t}" for t in release.removed)]
    yield from (f"    {change}" for change in changes[:SHOWN])
    if len(changes) > SHOWN:
        yield f"    and {len(changes) - SHOWN} more; --json tells all"
