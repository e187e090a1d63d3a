"""What hosts were shown, as far as it is signed: the indexes of suites, of trees, of tarballs.

Each is verified with the repository's keys, and what it lists by the digests in it. Of what is
damaged another form may be whole: Release beside InRelease, .xz beside .gz, a generation beside the
plain metadata.
"""

from __future__ import annotations

import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from omnibuild.errors import PackageError
from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.repository import layout
from omnibuild.repository.apt.release import (
    SIGNATURE_HEADER,
    by_hash,
    row_of,
    rows_of,
    signed_text,
)
from omnibuild.repository.state.entries import Advisory, Deb, Download
from omnibuild.repository.targets.target import Target
from omnibuild.repository.yum.metadata import part_path
from omnibuild.repository.yum.updateinfo import UPDATEINFO, advisories_in
from omnibuild.signing.verifier import Verifier

_PACKAGES = re.compile(r"[^/]+/(debian-installer/)?binary-[^/]+/Packages")
_FORMS: Mapping[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress}
_ARCHITECTURES = re.compile(r"^Architectures:(.*)$", re.MULTILINE)
_PART = r'href="(repodata/[0-9a-f]{{64}}-{}\.xml\.gz)"'
_CHECKSUM = re.compile(r'<checksum type="sha256" pkgid="YES">([0-9a-f]{64})</checksum>')
_LOCATION = re.compile(r'<location [^>]*href="([^"]+)"/>')
_PACKAGE_END = "</package>\n"
_TARBALL = re.compile(
    rf"^tarball \S+ \S+ \S+ ([0-9a-f]{{64}}) ([0-9]+) {layout.DOWNLOADS}/(\S+)$", re.MULTILINE
)
_LAYERS = re.compile(r"^layers ([0-9a-f]{64}) ([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True)
class SuiteEvidence:
    """What a suite's signed indexes list."""

    architectures: tuple[str, ...]
    debs: tuple[Deb, ...]


@dataclass(frozen=True)
class Evidence:
    """What readers see in a repository.

    Args:
        verifier: tells what the repository's keys signed.
    """

    target: Target
    verifier: Verifier
    _suites: dict[str, SuiteEvidence | None] = field(default_factory=dict)

    def suite(self, name: str) -> SuiteEvidence | None:
        """Return what a suite lists; nothing when no signed index of it is whole."""
        if name not in self._suites:
            self._suites[name] = self._read_suite(name)
        return self._suites[name]

    def release(self, suite: str) -> bytes:
        """Return the text of a suite's Release, as it was signed; empty when none is whole."""
        directory = layout.suite_directory(suite)
        message = self.target.read(f"{directory}/InRelease")
        if self.verifier.is_signed_cleartext(message):
            return signed_text(message)
        text = self.target.read(f"{directory}/Release")
        signature = self.target.read(f"{directory}/Release.gpg")
        return text if self.verifier.is_signed(text, signature) else b""

    def rpms(self, directory: str) -> dict[str, str] | None:
        """Return the rpms of an architecture of a tree: digests by path; as :meth:`suite`."""
        primary = self._metadata(directory, "primary")
        return None if primary is None else dict(_listed(primary))

    def advisories(self, directory: str) -> list[Advisory]:
        """Return what an architecture of a tree says that its packages mend."""
        return list(advisories_in(self._metadata(directory, UPDATEINFO) or ""))

    def downloads(self, channel: str) -> tuple[Download, ...] | None:
        """Return the tarballs that a channel's list names; as :meth:`suite`."""
        text, mark, rest = self.target.read(layout.tarball_list(channel)).partition(
            SIGNATURE_HEADER
        )
        if not self.verifier.is_signed(text, mark + rest):
            return None
        said = text.decode(errors="replace")
        layers: dict[str, str] = dict(_LAYERS.findall(said))
        return tuple(
            Download(name=name, digest=digest, size=int(size), layers=layers.get(digest, ""))
            for digest, size, name in _TARBALL.findall(said)
        )

    def _read_suite(self, name: str) -> SuiteEvidence | None:
        release = self.release(name)
        if not release:
            return None
        rows = rows_of(release)
        debs: dict[str, Deb] = {}
        for path in filter(_PACKAGES.fullmatch, rows):
            text = self._packages(layout.suite_directory(name), path, rows)
            if text is None:
                return None
            debs |= {deb.key: deb for deb in _debs(text)}
        found = _ARCHITECTURES.search(release.decode(errors="replace"))
        return SuiteEvidence(tuple(found[1].split()) if found else (), tuple(debs.values()))

    def _packages(self, directory: str, path: str, rows: Mapping[str, str]) -> str | None:
        """Return a Packages file in whichever form is the one that Release lists."""
        for form, unpack in _FORMS.items():
            listed = rows.get(f"{path}{form}", "")
            names = [f"{path}{form}"] + ([by_hash(f"{path}{form}", listed)] if listed else [])
            for name in names:
                try:
                    text = unpack(self.target.read(f"{directory}/{name}"))
                except (OSError, EOFError, zlib.error, lzma.LZMAError):
                    continue
                if row_of(text) == rows[path]:
                    return text.decode(errors="replace")
        return None

    def _metadata(self, directory: str, kind: str) -> str | None:
        """Return a document of yum; nothing when no signed one is whole, or there is none."""
        numbers = map(layout.GENERATION.fullmatch, self.target.names(directory))
        newest = max((int(match[1]) for match in numbers if match), default=0)
        for place in (directory, f"{directory}/gen-{newest}"):
            repomd = self.target.read(f"{place}/repodata/repomd.xml")
            signature = self.target.read(f"{place}/repodata/repomd.xml.asc")
            found = re.search(_PART.format(kind), repomd.decode(errors="replace"))
            if found and self.verifier.is_signed(repomd, signature):
                data = self.target.read(f"{place}/{found[1]}")
                if part_path(kind, data) == found[1]:
                    return gzip.decompress(data).decode()
        return None


def _listed(primary: str) -> Iterator[tuple[str, str]]:
    """Yield path and digest of each package that this repository's own metadata lists."""
    for element in primary.split(_PACKAGE_END):
        digest, path = _CHECKSUM.search(element), _LOCATION.search(element)
        if digest and path:
            yield path[1], digest[1]


def _debs(text: str) -> Iterator[Deb]:
    for paragraph in filter(None, text.split("\n\n")):
        stanza = f"{paragraph.rstrip()}\n"
        try:
            fields = parse_paragraph(stanza)
            yield Deb(
                name=fields["Package"],
                version=fields["Version"],
                architecture=fields["Architecture"],
                summary=fields.get("Description", "").partition("\n")[0],
                digest=fields["SHA256"],
                size=int(fields["Size"]),
                path=fields["Filename"],
                stanza=stanza,
            )
        except (PackageError, KeyError, ValueError):
            # It is signed, and was written by a program that is not this one: told as missing.
            continue
