"""What createrepo or createrepo_c published: metadata in ``repodata/``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from omnibuild.errors import RepositoryError, Where
from omnibuild.repository.importing.place import HEXADECIMAL, SIZE, Listed, Place, checked_path
from omnibuild.repository.importing.unpacking import unpacked
from omnibuild.signing.verifier import Verifier

REPOMD: Final = "repodata/repomd.xml"


@dataclass
class _Reader:
    """Reads elements of one name: the attributes and the text of what is below each."""

    element: str
    found: list[dict[str, dict[str, str]]] = field(default_factory=list)
    _within: dict[str, dict[str, str]] | None = None
    _last: str = ""

    def read(self, data: bytes, place: str) -> list[dict[str, dict[str, str]]]:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        # No metadata has a DTD; entities in one can be anything, and any number of it.
        parser.StartDoctypeDeclHandler = self._refuse
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError) as error:
            raise RepositoryError(
                "metadata cannot be read", where=Where(place), why=str(error)
            ) from error
        return self.found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        if name == self.element:
            self._within = {"": attributes}
        elif self._within is not None:
            self._last = name
            self._within.setdefault(name, {**attributes, "": ""})

    def _text(self, text: str) -> None:
        if self._within is not None and self._last:
            self._within[self._last][""] += text

    def _end(self, name: str) -> None:
        self._last = ""
        if name.rpartition(" ")[2] == self.element and self._within is not None:
            self.found.append(self._within)
            self._within = None

    def _refuse(self, *arguments: object) -> None:
        raise ValueError("it has a DTD")


@dataclass(frozen=True)
class YumSource:
    """A repository for dnf: as :class:`AptSource`."""

    place: Place
    verifier: Verifier | None

    def packages(self, directory: str, channel: str) -> Iterator[Listed]:
        """Yield what the metadata in a directory lists."""
        beside = f"{directory}/" if directory else ""
        repomd = self.place.read(f"{beside}{REPOMD}")
        where = f"{self.place.name}/{beside}{REPOMD}"
        if self.verifier and not self.verifier.is_signed(
            repomd, self.place.read(f"{beside}{REPOMD}.asc")
        ):
            raise RepositoryError(
                "the repository's metadata is not signed by the key that was given",
                where=Where(where),
                hint="give the key that signs repomd.xml, --signed-by KEYFILE, or say --unsigned",
            )
        parts = _Reader("data").read(repomd, where)
        primary = next((each for each in parts if each[""].get("type") == "primary"), None)
        if primary is None:
            raise RepositoryError("it names no primary metadata", where=Where(where))
        path = checked_path(primary.get("location", {}).get("href", ""), where)
        data = self.place.read(f"{beside}{path}")
        digest = _digest(primary.get("checksum", {}), where)
        kind, _, expected = digest.partition(":")
        if hashlib.new(kind, data).hexdigest() != expected:
            raise RepositoryError(
                "metadata is not what repomd.xml says",
                where=Where(f"{self.place.name}/{beside}{path}"),
                hint="somebody may be publishing there: try again",
            )
        text = unpacked(data, path, where)
        for package in _Reader("package").read(text, f"{self.place.name}/{beside}{path}"):
            yield _listed(package, beside, where, channel)


def _listed(
    package: Mapping[str, Mapping[str, str]], beside: str, where: str, channel: str
) -> Listed:
    location, size = package.get("location", {}), package.get("size", {}).get("package", "")
    if not SIZE.fullmatch(size) or "http://www.w3.org/XML/1998/namespace base" in location:
        raise RepositoryError(
            "a package has no size, or lies elsewhere", where=Where(where), why=str(dict(location))
        )
    path = checked_path(f"{beside}{location.get('href', '')}", where)
    return Listed(path, int(size), _digest(package.get("checksum", {}), where), channel)


def _digest(checksum: Mapping[str, str], where: str) -> str:
    kind, value = checksum.get("type", ""), checksum.get("", "").strip()
    if kind not in HEXADECIMAL or not HEXADECIMAL[kind].fullmatch(value):
        raise RepositoryError(
            f"its checksums are {kind or 'none'}, which prove nothing",
            where=Where(where),
            hint="make the metadata again: createrepo_c --checksum sha256",
        )
    return f"{kind}:{value}"
