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
LOCATION = '<location href="'

_GENERATION = re.compile(r"gen-([0-9]+)")
_DATES = re.compile(rb"<(revision|timestamp)>[0-9]+</\1>")


@dataclass(frozen=True)
class Metadata:
    """The metadata of one tree and architecture as files.

    Args:
        rpms: its packages.
        filelists: each package's file list as a gzip member, in the same order.
        base: what leads from the directory that holds ``repodata/`` to the packages.
    """

    rpms: Sequence[Rpm]
    filelists: Sequence[bytes]
    base: str = ""

    @cached_property
    def parts(self) -> Mapping[str, bytes]:
        """The compressed files by their type."""
        shelf = f"{LOCATION}{self.base}"
        primary = (rpm.primary.replace(LOCATION, shelf, 1) for rpm in self.rpms)
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
    target: Target, directory: str, rpms: Sequence[Rpm], signer: Signer, date: int, base_url: str
) -> bool:
    """Write one architecture of a tree, pointers last; tell whether readers see a change.

    Without ``base_url`` there is only the plain ``repodata/``: mirrorlists hold whole addresses.
    """
    filelists = [target.read(layout.filelists_shard(rpm.identity)) for rpm in rpms]
    changed = _publish_plain(target, directory, Metadata(rpms, filelists), signer, date)
    if base_url:
        generation = Metadata(rpms, filelists, base="../")
        changed |= _publish_generation(target, directory, generation, signer, date, base_url)
    return changed


def _publish_plain(
    target: Target, directory: str, metadata: Metadata, signer: Signer, date: int
) -> bool:
    repomd = metadata.repomd(date)
    if _is_current(target, directory, repomd):
        return False
    _write_parts(target, directory, metadata)
    signature = signer.sign_detached_armored(repomd)
    # Back to back: between these two lines a reader would find an unfitting signature.
    target.put(f"{directory}/repodata/repomd.xml.asc", signature)
    target.put(f"{directory}/repodata/repomd.xml", repomd)
    _drop_old_parts(target, directory, metadata)
    return True


def _publish_generation(
    target: Target, directory: str, metadata: Metadata, signer: Signer, date: int, base_url: str
) -> bool:
    generations = _generations(target, directory)
    repomd = metadata.repomd(date)
    newest = f"gen-{generations[-1]}" if generations else ""
    complete = newest and _is_current(target, f"{directory}/{newest}", repomd)
    if not complete:
        newest = f"gen-{generations[-1] + 1 if generations else 1}"
        _write_parts(target, f"{directory}/{newest}", metadata)
        signature = signer.sign_detached_armored(repomd)
        target.put(f"{directory}/{newest}/repodata/repomd.xml.asc", signature)
        target.put(f"{directory}/{newest}/repodata/repomd.xml", repomd)
    before = target.read(f"{directory}/{MIRRORLIST}")
    pointer = f"{base_url}/{directory}/{newest}/\n".encode()
    target.put(f"{directory}/{MIRRORLIST}", pointer)
    for number in generations[:-KEPT_GENERATIONS]:
        target.remove(f"{directory}/gen-{number}")
    return before != pointer


def _is_current(target: Target, directory: str, repomd: bytes) -> bool:
    # repomd.xml is the last file of its directory: where it is right, all is.
    published = target.read(f"{directory}/repodata/repomd.xml")
    return _DATES.sub(b"", published) == _DATES.sub(b"", repomd)


def _write_parts(target: Target, directory: str, metadata: Metadata) -> None:
    for path, data in metadata.files().items():
        target.put(f"{directory}/{path}", data)


def _generations(target: Target, directory: str) -> list[int]:
    matches = map(_GENERATION.fullmatch, target.names(directory))
    return sorted(int(match[1]) for match in matches if match)


def _drop_old_parts(target: Target, directory: str, metadata: Metadata) -> None:
    keep = {path.rpartition("/")[2] for path in metadata.files()}
    for kind in metadata.parts:
        old = [
            name
            for name in target.names(f"{directory}/repodata")
            if name.endswith(f"-{kind}.xml.gz") and name not in keep
        ]
        for name in old[:-KEPT_GENERATIONS]:
            target.remove(f"{directory}/repodata/{name}")
