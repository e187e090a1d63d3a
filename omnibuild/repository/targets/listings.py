"""What directories of a bucket hold, asked once while nobody else writes there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from omnibuild.repository import layout
from omnibuild.repository.targets.desk import Desk
from omnibuild.repository.targets.headers import headers_of
from omnibuild.transfer.bucket import Bucket, Listed


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
        if self.held and _is_shown(place):
            self._found[place] = found
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
            written = datetime.fromtimestamp(kept.written, UTC)
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
            # S3 copies an object to itself only with other words; what is old is read by its name.
            words = {"retired": str(int(time.time()))}
            self.objects.copy(name, name, headers=headers_of(name), words=words)
            self.note(name, beside[name].size)

    def drop_retired(self, directory: str, names: Sequence[str], seconds: float) -> None:
        """Remove those entries of a directory of which nothing was written to for so long."""
        entries, gone = self.entries(directory), _before(seconds)
        for items in (entries.get(name, []) for name in names):
            if all(item.modified < gone for item in items):
                self.objects.delete(item.name for item in items)

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
        known = self._found.items()
        self._found = {place: items for place, items in known if not name.startswith(place)}

    def forget(self) -> None:
        """Let the lease go: others may write from now on."""
        self.held = False
        self._found.clear()

    def _telling_of(self, name: str) -> Iterator[dict[str, Listed]]:
        known = self._found.items() if _is_shown(name) else ()
        return (items for place, items in known if name.startswith(place))


def _is_shown(name: str) -> bool:
    """Tell whether only who holds the lease writes there: packages and states come without it."""
    return name.startswith((f"{layout.APT}/dists/", "yum/")) and "/Packages/" not in name


def _before(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
