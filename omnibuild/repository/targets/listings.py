"""What directories of a bucket hold, asked once while nobody else writes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from omnibuild.repository import layout
from omnibuild.transfer.bucket import Bucket, Listed


@dataclass
class Listings:
    """Listings by their directories, kept right by whoever writes.

    Args:
        objects: what is listed.
        held: whether a lease is held: then listings are kept, else each question is a request.
    """

    objects: Bucket
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
        return {name: max(each.modified for each in items) for name, items in entries}

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
