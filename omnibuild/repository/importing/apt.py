"""What aptly, reprepro, apt-ftparchive or dak published: suites, or one flat directory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from omnibuild.errors import RepositoryError, Where
from omnibuild.repository.apt.release import signed_text
from omnibuild.repository.importing.place import HEXADECIMAL, SIZE, Listed, Place, checked_path
from omnibuild.repository.importing.unpacking import FORMS, unpacked
from omnibuild.signing.verifier import Verifier

# The strongest that Release files have, first; what is weaker proves nothing.
_ALGORITHMS = {"SHA512": "sha512", "SHA256": "sha256"}
_FIELD = re.compile(r"^([A-Za-z0-9-]+):[ \t]*(.*)$", re.MULTILINE)
_SECTION = re.compile(r"^(SHA512|SHA256):[ \t]*\n((?: .*(?:\n|$))*)", re.MULTILINE)
_ROW = re.compile(r"^ +([0-9a-f]+) +([0-9]{1,15}) +(\S+)$", re.MULTILINE)
_BINARY = re.compile(r"^(?:(.+?)/)?(?:debian-installer/)?binary-[^/]+/Packages$")
_HINT = "give the key that signs it, --signed-by KEYFILE, or say --unsigned"


@dataclass(frozen=True)
class AptSource:
    """A repository for apt.

    Args:
        verifier: tells what is signed; nothing: signatures are not asked for.
    """

    place: Place
    verifier: Verifier | None

    def suite(self, suite: str, channel: str, component: str) -> Iterator[Listed]:
        """Yield what a suite lists.

        Args:
            suite: as its directory in ``dists`` is called.
            channel: where its packages shall be.
            component: of all its packages; empty: as they are.
        """
        directory = f"dists/{checked_path(suite, self.place.name)}"
        rows = self._rows(directory)
        bases = {path: _base(path) for path in rows}
        for base in sorted(set(bases.values())):
            if found := _BINARY.match(base):
                name = component or (found[1] or "main").rpartition("/")[2]
                text = self._index(directory, base, rows)
                yield from self._packages(text, f"{directory}/{base}", channel, name)

    def flat(self, channel: str, component: str) -> Iterator[Listed]:
        """Yield what a directory with ``Packages`` at its top lists."""
        rows = self._rows("") if self.verifier or self._release("") else {}
        for form in FORMS:
            name = f"Packages{form}"
            data = self.place.read(name)
            if data and (name in rows or not rows):
                if rows:
                    _compare(data, rows[name], f"{self.place.name}/{name}")
                text = unpacked(data, name, f"{self.place.name}/{name}").decode(errors="replace")
                yield from self._packages(text, name, channel, component or "main")
                return

    def _rows(self, directory: str) -> dict[str, tuple[str, int]]:
        """Return what Release lists: digests and sizes."""
        text = self._release(directory)
        place = Where(f"{self.place.name}/{directory}".rstrip("/"))
        if not text:
            raise RepositoryError("there is no Release of that name", where=place)
        for name, section in sorted(_SECTION.findall(text), reverse=True):
            kind = _ALGORITHMS[name]
            return {
                checked_path(path, self.place.name): (f"{kind}:{digest}", int(size))
                for digest, size, path in _ROW.findall(section)
            }
        raise RepositoryError("its Release has neither SHA256 nor SHA512", where=place)

    def _release(self, directory: str) -> str:
        beside = f"{directory}/" if directory else ""
        message = self.place.read(f"{beside}InRelease")
        plain = self.place.read(f"{beside}Release")
        if self.verifier is None:
            return (signed_text(message) or plain).decode(errors="replace")
        if message and self.verifier.is_signed_cleartext(message):
            return signed_text(message).decode(errors="replace")
        if plain and self.verifier.is_signed(plain, self.place.read(f"{beside}Release.gpg")):
            return plain.decode(errors="replace")
        if not message and not plain:
            return ""
        raise RepositoryError(
            "the repository is not signed by the key that was given",
            where=Where(f"{self.place.name}/{beside}InRelease"),
            hint=_HINT,
        )

    def _index(self, directory: str, base: str, rows: Mapping[str, tuple[str, int]]) -> str:
        """Return an index, in the best of the forms that are there: some are listed alone."""
        listed = [f"{base}{form}" for form in FORMS if f"{base}{form}" in rows]
        for path in listed:
            place = f"{self.place.name}/{directory}/{path}"
            if data := self.place.read(f"{directory}/{path}"):
                _compare(data, rows[path], place)
                return unpacked(data, path, place).decode(errors="replace")
        if any(rows[path][1] == 0 for path in listed):
            return ""
        raise RepositoryError(
            "an index that Release lists is not there",
            where=Where(f"{self.place.name}/{directory}/{base}"),
        )

    def _packages(self, text: str, path: str, channel: str, component: str) -> Iterator[Listed]:
        for paragraph in re.split(r"\n[ \t]*\n", text):
            fields = dict(_FIELD.findall(paragraph))
            if not fields:
                continue
            kind = next((name for name in _ALGORITHMS if name in fields), "")
            digest = fields[kind].strip() if kind else ""
            algorithm = _ALGORITHMS.get(kind, "")
            # It becomes the name of a directory.
            proven = bool(algorithm) and HEXADECIMAL[algorithm].fullmatch(digest)
            if not (proven and fields.get("Filename") and SIZE.fullmatch(fields.get("Size", ""))):
                raise RepositoryError(
                    f"{fields.get('Package', 'a package')} has no file, size or SHA-256 there",
                    where=Where(f"{self.place.name}/{path}"),
                )
            yield Listed(
                checked_path(fields["Filename"].removeprefix("./"), self.place.name),
                int(fields["Size"]),
                f"{algorithm}:{digest}",
                channel,
                component,
            )


def _base(path: str) -> str:
    return next(path.removesuffix(form) for form in FORMS if path.endswith(form))


def _compare(data: bytes, row: tuple[str, int], place: str) -> None:
    kind, _, expected = row[0].partition(":")
    if len(data) != row[1] or hashlib.new(kind, data).hexdigest() != expected:
        raise RepositoryError(
            "an index is not what Release says",
            where=Where(place),
            hint="somebody may be publishing there: try again",
        )
