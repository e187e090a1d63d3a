"""The yum side: metadata, its signature, and immutable generations.

dnf reads repomd.xml and then its signature: two files, which no server replaces at one moment.
So a complete generation is written to a directory of its own, and the one-line file ``mirrorlist``
names it: a reader sees one generation or the other. A plain ``repodata/`` beside it serves mirror
programs and readers that know no mirrorlist.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from xml.sax import saxutils

from omnibuild import digests
from omnibuild.repository import layout
from omnibuild.repository.state import Rpm
from omnibuild.repository.target import Target
from omnibuild.signing.signer import Signer

NOARCH = "noarch"
MIRRORLIST = "mirrorlist"
# Readers in flight still find the generation they began with.
KEPT_GENERATIONS = 8
GZIP_LEVEL = 6

COMMON = "http://linux.duke.edu/metadata/common"
RPM_NAMESPACE = "http://linux.duke.edu/metadata/rpm"
ELEMENTS = {
    "primary": ("metadata", f'xmlns="{COMMON}" xmlns:rpm="{RPM_NAMESPACE}"'),
    "filelists": ("filelists", 'xmlns="http://linux.duke.edu/metadata/filelists"'),
    "other": ("otherdata", 'xmlns="http://linux.duke.edu/metadata/other"'),
}
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
LOCATION = "<location href="

_GENERATION = re.compile(r"gen-([0-9]+)")
_REVISION = re.compile(rb"<revision>([0-9]{1,12})</revision>")
_DATES = re.compile(rb"<(revision|timestamp)>[0-9]+</\1>")


@dataclass(frozen=True)
class Metadata:
    """The metadata of one tree and architecture as files.

    Args:
        rpms: its packages.
        filelists: each package's file list as a gzip member, in the same order.
        base: the address below which the packages lie, unless ``repodata/`` is beside them.
            Their own paths stay below it, as a mirror program wants that stores by them.
    """

    rpms: Sequence[Rpm]
    filelists: Sequence[bytes]
    base: str = ""

    @cached_property
    def parts(self) -> Mapping[str, bytes]:
        """The compressed files by their type."""
        base = f"<location xml:base={saxutils.quoteattr(self.base)} href="
        located = base if self.base else LOCATION
        primary = (rpm.primary.replace(LOCATION, located, 1) for rpm in self.rpms)
        return {
            "primary": self._document("primary", [compress("".join(primary))]),
            # Lists can be long and never change: they are compressed once, and gzip members
            # may follow each other.
            "filelists": self._document("filelists", self.filelists),
            "other": self._document("other", [compress("".join(r.other for r in self.rpms))]),
        }

    def files(self) -> dict[str, bytes]:
        """Return the files by their path; the name of each holds its digest."""
        return {part_path(kind, data): data for kind, data in self.parts.items()}

    def repomd(self, date: int) -> bytes:
        """Return repomd.xml; ``date`` is in seconds since 1970."""
        rows = "".join(
            f'  <data type="{kind}">\n'
            f'    <checksum type="sha256">{digests.of_bytes(data)}</checksum>\n'
            f'    <location href="{part_path(kind, data)}"/>\n'
            f"    <timestamp>{date}</timestamp>\n"
            f"    <size>{len(data)}</size>\n"
            "  </data>\n"
            for kind, data in self.parts.items()
        )
        return (
            f'{DECLARATION}<repomd xmlns="http://linux.duke.edu/metadata/repo">\n'
            f"  <revision>{date}</revision>\n{rows}</repomd>\n"
        ).encode()

    def _document(self, kind: str, members: Iterable[bytes]) -> bytes:
        name, attributes = ELEMENTS[kind]
        head = compress(f'{DECLARATION}<{name} {attributes} packages="{len(self.rpms)}">\n')
        return b"".join([head, *members, compress(f"</{name}>\n")])


def compress(text: str) -> bytes:
    """Return a gzip member; every yum and dnf reads gzip, not every one reads zstd."""
    return gzip.compress(text.encode(), GZIP_LEVEL, mtime=0)


def part_path(kind: str, data: bytes) -> str:
    """Return where a metadata file lies, relative to what a baseurl names."""
    return f"repodata/{digests.of_bytes(data)}-{kind}.xml.gz"


def publish_tree(
    target: Target, directory: str, rpms: Sequence[Rpm], signer: Signer, now: int, base_url: str
) -> bool:
    """Write one architecture of a tree, pointers last; tell whether anything was not so before.

    Also a tree that says what it shall is looked through: what is damaged is written again.
    Without ``base_url`` there is only the plain ``repodata/``: mirrorlists hold whole addresses.
    """
    filelists = [target.read(layout.filelists_shard(rpm.identity)) for rpm in rpms]
    changed = _publish_plain(target, directory, Metadata(rpms, filelists), signer, now)
    if base_url:
        generation = Metadata(rpms, filelists, base=f"{base_url}/{directory}/")
        changed |= _publish_generation(target, directory, generation, signer, now, base_url)
    return changed


def _publish_plain(
    target: Target, directory: str, metadata: Metadata, signer: Signer, now: int
) -> bool:
    current = {path.rpartition("/")[2] for path in metadata.files()}
    old = [
        name
        for name in target.names(f"{directory}/repodata")
        if name.endswith(".xml.gz") and name not in current
    ]
    published = target.read(f"{directory}/repodata/repomd.xml").decode(errors="replace")
    target.retire(f"{directory}/repodata/{name}" for name in old if name in published)
    changed = _write(target, directory, metadata, signer, now)
    target.drop_retired(f"{directory}/repodata", old, keep=len(ELEMENTS) * KEPT_GENERATIONS)
    return changed


def _publish_generation(
    target: Target, directory: str, metadata: Metadata, signer: Signer, now: int, base_url: str
) -> bool:
    generations = [f"gen-{number}" for number in _generations(target, directory)]
    newest = generations[-1] if generations else "gen-0"
    if not _is_current(target, f"{directory}/{newest}", metadata):
        newest = f"gen-{int(newest.removeprefix('gen-')) + 1}"
    changed = _write(target, f"{directory}/{newest}", metadata, signer, now)
    old = [name for name in generations if name != newest]
    before = target.read(f"{directory}/{MIRRORLIST}").decode(errors="replace")
    target.retire(f"{directory}/{name}" for name in old if f"/{name}/" in before)
    pointer = f"{base_url}/{directory}/{newest}/\n".encode()
    changed |= target.put(f"{directory}/{MIRRORLIST}", pointer)
    target.drop_retired(directory, old, keep=KEPT_GENERATIONS)
    return changed


def _write(target: Target, directory: str, metadata: Metadata, signer: Signer, now: int) -> bool:
    """Write metadata, the parts first; what is there already and whole stays as it is."""
    published = target.read(f"{directory}/repodata/repomd.xml")
    repomd = metadata.repomd(max(now, revision(published) + 1))
    if _undated(repomd) == _undated(published):
        repomd = published
    signature = target.read(f"{directory}/repodata/repomd.xml.asc")
    if not signer.has_signed(repomd, signature):
        signature = signer.sign_detached_armored(repomd)
    parts = {f"{directory}/{path}": data for path, data in metadata.files().items()}
    pair = {"repomd.xml.asc": signature, "repomd.xml": repomd}
    changed = target.put_all(parts)
    # Between these two renames a reader of the plain directory finds an unfitting signature.
    return target.put_all({f"{directory}/repodata/{n}": d for n, d in pair.items()}) or changed


def revision(repomd: bytes) -> int:
    """Return the date of a repomd.xml, in seconds since 1970; 0 when it has none."""
    match = _REVISION.search(repomd)
    return int(match[1]) if match else 0


def _is_current(target: Target, directory: str, metadata: Metadata) -> bool:
    published = target.read(f"{directory}/repodata/repomd.xml")
    return _undated(published) == _undated(metadata.repomd(0))


def _undated(repomd: bytes) -> bytes:
    return _DATES.sub(b"", repomd)


def _generations(target: Target, directory: str) -> list[int]:
    matches = map(_GENERATION.fullmatch, target.names(directory))
    return sorted(int(match[1]) for match in matches if match)
