"""What directories of a bucket hold: asked once, and kept on the desk by whoever writes there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from omnibuild.repository import layout
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.targets.desk import Desk
from omnibuild.transfer.bucket import Bucket, Listed

# When objects were written and their sizes, by directories and by their names there.
_Kept = dict[str, dict[str, tuple[float, int]]]
# As apt/dists/stable/, or yum/stable/el9/: there are directories of others below.
_SHALLOW: Final = 3


@dataclass
class Listings:
    """Listings by their directories, kept right by whoever writes.

    Args:
        objects: what is listed.
        desk: small files, which are listed, too.
        held: whether a lease is held: then listings are kept, else each question is a request.
    """

    objects: Bucket
    desk: Desk
    held: bool = False
    _found: dict[str, dict[str, Listed]] = field(default_factory=dict)

    def below(self, directory: str) -> Mapping[str, Listed]:
        """Return the objects of a directory by their names."""
        place = f"{directory}/"
        for items in self._telling_of(place):
            return {name: each for name, each in items.items() if name.startswith(place)}
        found = {item.name: item for item in self.objects.listed(place)}
        # Not of all trees together: packages come without the lease.
        if self.held and layout.is_shown(place) and place.count("/") > _SHALLOW:
            self._found[place] = found = _young(found.values())
        return dict(found)

    def entries(self, directory: str) -> Mapping[str, list[Listed]]:
        """Return the objects of a directory by its entries, which may be directories, too."""
        found: dict[str, list[Listed]] = {}
        for item in self.below(directory).values():
            found.setdefault(item.name[len(directory) + 1 :].partition("/")[0], []).append(item)
        return found

    def newest(self, directory: str) -> dict[str, datetime]:
        """Return when the entries of a directory were last written to, by their names."""
        entries = self.entries(directory).items()
        found = {name: max(each.modified for each in items) for name, items in entries}
        for path, kept in self.desk.below(directory).items():
            name = path[len(directory) + 1 :].partition("/")[0]
            written = _moment(kept.written)
            found[name] = max(written, found.get(name, written))
        return found

    def sizes(self, directory: str) -> dict[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""
        found = {name: each.size for name, each in self.below(directory).items()}
        found |= {name: len(kept.data) for name, kept in self.desk.below(directory).items()}
        names = {path[len(directory) + 1 :]: size for path, size in found.items()}
        return {name: size for name, size in names.items() if "/" not in name}

    def settled(self, directory: str, names: Sequence[str], seconds: float) -> list[str]:
        """Return those entries of a directory that were not written to for so long."""
        newest = self.newest(directory) if names else {}
        young = _before(seconds)
        return [name for name in names if newest.get(name, young) < young]

    def retire(self, path: str) -> None:
        """Have the age of a file, or of all of a directory, counted from now on."""
        beside = self.below(path.rpartition("/")[0])
        names = [path] if path in beside else [n for n in beside if n.startswith(f"{path}/")]
        for name in names:
            self.note(name, beside[name].size)

    def drop_retired(self, directory: str, names: Sequence[str], seconds: float) -> None:
        """Remove those entries of a directory of which nothing was written to for so long."""
        entries, gone = self.entries(directory), _before(seconds)
        old = [entries.get(name, []) for name in names]
        ripe = [each for items in old if all(e.modified < gone for e in items) for each in items]
        self.objects.delete(each.name for each in ripe)
        for each in ripe:
            self.drop(each.name)

    def has(self, name: str) -> bool:
        """Tell whether an object is listed in its directory."""
        return name in self.below(name.rpartition("/")[0])

    def lack(self, name: str) -> bool:
        """Tell whether an object is known not to be there."""
        return any(name not in items for items in self._telling_of(name))

    def note(self, name: str, size: int) -> None:
        """Have an object as it was written just now."""
        for items in self._telling_of(name):
            items[name] = Listed(name, datetime.now(UTC), size)

    def drop(self, name: str) -> None:
        """Have an object no more."""
        for items in self._telling_of(name):
            items.pop(name, None)

    def lose(self, name: str) -> None:
        """Ask again about an object of which not all is known."""
        known = self._found.items() if layout.is_shown(name) else ()
        for place in [place for place, _ in known if name.startswith(place)]:
            del self._found[place]

    def resume(self) -> None:
        """Have what is kept on the desk, once the lease is held."""
        self.held = True
        kept = self.desk.get(layout.LISTED) or b""
        # Who is cut off leaves nothing that is kept.
        self.desk.drop(layout.LISTED)
        with contextlib.suppress(*UNREADABLE):
            listed = msgspec.msgpack.decode(kept, type=_Kept)
            self._found = {
                place: {
                    f"{place}{name}": Listed(f"{place}{name}", _moment(written), size)
                    for name, (written, size) in items.items()
                }
                for place, items in listed.items()
            }

    def keep(self) -> None:
        """Write to the desk what is known: who holds the lease next goes on from it."""
        kept = {
            place: {
                name[len(place) :]: (each.modified.timestamp(), each.size)
                for name, each in items.items()
            }
            for place, items in self._found.items()
        }
        self.desk.put(layout.LISTED, msgspec.msgpack.encode(kept))

    def forget(self) -> None:
        """Let the lease go: others may write from now on."""
        self.held = False
        self._found.clear()

    def _telling_of(self, name: str) -> Iterator[dict[str, Listed]]:
        known = self._found.items() if layout.is_shown(name) else ()
        return (items for place, items in known if name.startswith(place))


def _young(items: Iterable[Listed]) -> dict[str, Listed]:
    """Return what is in a directory of packages' indexes as if it had come just now.

    When readers left it was known on the desk alone, which was not kept. The order stays.
    """
    now, found = datetime.now(UTC), sorted(items, key=lambda each: (each.modified, each.name))
    young = (now - timedelta(microseconds=len(found) - n) for n in range(len(found)))
    return {
        each.name: Listed(each.name, when, each.size)
        for each, when in zip(found, young, strict=True)
        if layout.is_shown(each.name)
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _before(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
