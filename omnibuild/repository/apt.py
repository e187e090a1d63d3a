"""The apt side: Packages, Release and their signatures.

apt takes each index by its digest (Acquire-By-Hash), and the digests from InRelease: so replacing
InRelease is the one moment in which readers change from the old state to the new one. Mirror
programs know only the plain names; those are written as well, just before.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.package.deb.control import render_paragraph
from omnibuild.repository import layout
from omnibuild.repository.state import Channel, Deb
from omnibuild.repository.target import Target
from omnibuild.signing.signer import Signer

# Readers that hold an older InRelease still find its indexes: so many states per index are kept.
KEPT_STATES = 8
GZIP_LEVEL = 6
ALL = "all"
UDEB = ".udeb"
# Where debian-installer looks, and nobody else.
INSTALLER = f"{layout.COMPONENT}/debian-installer"

CLEARTEXT_HEADER = b"-----BEGIN PGP SIGNED MESSAGE-----"
SIGNATURE_HEADER = b"-----BEGIN PGP SIGNATURE-----"

_DATE = re.compile(rb"^Date: (.+)$", re.MULTILINE)
_ROW = re.compile(rb"^ ([0-9a-f]{64}) [0-9]+ (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Suite:
    """One apt suite as files.

    Args:
        title: Origin and Label: who publishes.
        indexes: Packages files by architecture.
        installer_indexes: the same of udebs, where there are any: hosts must not see them.
    """

    name: str
    title: str
    indexes: Mapping[str, bytes]
    installer_indexes: Mapping[str, bytes] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Return the index files by their path in the suite."""
        found = {}
        places = ((layout.COMPONENT, self.indexes), (INSTALLER, self.installer_indexes))
        for place, indexes in places:
            for architecture, packages in sorted(indexes.items()):
                directory = f"{place}/binary-{architecture}"
                found[f"{directory}/Packages"] = packages
                found[f"{directory}/Packages.gz"] = gzip.compress(packages, GZIP_LEVEL, mtime=0)
        return found

    def release(self, files: Mapping[str, bytes], date: int) -> bytes:
        """Return the text of Release; ``date`` is in seconds since 1970.

        There is no Valid-Until: it would cut off every host unless somebody signs anew in time.
        """
        rows = [f" {digests.of_bytes(data)} {len(data)} {path}" for path, data in files.items()]
        lines = [
            f"Origin: {self.title}",
            f"Label: {self.title}",
            # Suite and Codename stay: apt asks a person when either of them changes.
            f"Suite: {self.name}",
            f"Codename: {self.name}",
            f"Date: {formatdate(date, usegmt=True)}",
            "Acquire-By-Hash: yes",
            f"Architectures: {' '.join(sorted(self.indexes))}",
            f"Components: {layout.COMPONENT}",
            "SHA256:",
            *rows,
        ]
        return ("\n".join(lines) + "\n").encode()


def suite_of(channel: Channel, name: str, title: str) -> Suite:
    """Return a suite with what the channel holds for it."""
    debs = channel.debs_of(name)
    installer = [deb for deb in debs if deb.path.endswith(UDEB)]
    architectures = channel.suites[name].architectures
    return Suite(
        name,
        title,
        _indexes([deb for deb in debs if not deb.path.endswith(UDEB)], architectures),
        _indexes(installer, architectures if installer else ()),
    )


def _indexes(debs: Sequence[Deb], architectures: Iterable[str]) -> dict[str, bytes]:
    return {
        architecture: packages_index(deb for deb in debs if deb.architecture in (architecture, ALL))
        for architecture in architectures
    }


def packages_index(debs: Iterable[Deb]) -> bytes:
    """Return the text of Packages."""
    return "".join(f"{deb.stanza}\n" for deb in debs).encode()


def stanza(control: Mapping[str, str], *, path: str, size: int, digest: Digest) -> str:
    """Return a package's paragraph in Packages: its control file, and where its bytes are."""
    file = {"Filename": path, "Size": str(size), "SHA256": digest}
    return render_paragraph({**control, **file})


def publish_suite(target: Target, suite: Suite, signer: Signer, now: int) -> bool:
    """Write a suite, content first and InRelease last; tell whether anything was not so before.

    Also a suite that says what it shall is looked through: what is damaged is written again.
    """
    directory = layout.suite_directory(suite.name)
    message = target.read(f"{directory}/InRelease")
    published = signed_text(message)
    files = suite.files()
    # apt takes a state only when its date is later than that of the state which it has.
    release = suite.release(files, max(now, release_date(published) + 1))
    if _undated(release) == _undated(published) and signer.has_signed_cleartext(message):
        release = published
    else:
        message = signer.sign_cleartext(release)
    signature = target.read(f"{directory}/Release.gpg")
    if not signer.has_signed(release, signature):
        signature = signer.sign_detached_armored(release)
    indexes = {by_hash(path, data): data for path, data in files.items()}
    changed = target.put_all({f"{directory}/{path}": data for path, data in indexes.items()})
    target.retire(f"{directory}/{path}" for path in _indexes_of(published) if path not in indexes)
    # Mirror programs read these one after the other: they change as close together as they can.
    plain = {**files, "Release": release, "Release.gpg": signature, "InRelease": message}
    changed |= target.put_all({f"{directory}/{path}": data for path, data in plain.items()})
    _drop_old_states(target, directory, indexes)
    return changed


def by_hash(path: str, data: bytes) -> str:
    """Return the name under which apt asks for an index of this content.

    >>> by_hash("main/binary-amd64/Packages", b"")[:40]
    'main/binary-amd64/by-hash/SHA256/e3b0c44'
    """
    return _by_digest(path, digests.of_bytes(data))


def _by_digest(path: str, digest: Digest) -> str:
    return f"{path.rpartition('/')[0]}/by-hash/SHA256/{digest}"


def release_date(release: bytes) -> int:
    """Return the date of a Release file, in seconds since 1970; 0 when it has none."""
    match = _DATE.search(release)
    try:
        return int(parsedate_to_datetime(match[1].decode()).timestamp()) if match else 0
    except ValueError:
        return 0


def _indexes_of(release: bytes) -> list[str]:
    """Return the names, by their digests, of the indexes that a Release file lists."""
    rows = _ROW.findall(release)
    return [_by_digest(path.decode(), digest.decode()) for digest, path in rows]


def signed_text(message: bytes) -> bytes:
    """Return the text inside a clear-signed message; empty when it is none."""
    if not message.startswith(CLEARTEXT_HEADER):
        return b""
    text = message.partition(b"\n\n")[2].partition(SIGNATURE_HEADER)[0]
    return text.rstrip(b"\n") + b"\n"


def _undated(release: bytes) -> list[bytes]:
    return [line for line in release.splitlines() if not line.startswith(b"Date: ")]


def _drop_old_states(target: Target, directory: str, current: Collection[str]) -> None:
    for shelf in {path.rpartition("/")[0] for path in current}:
        place = f"{directory}/{shelf}"
        old = [name for name in target.names(place) if f"{shelf}/{name}" not in current]
        # Each state of an index is two files: Packages and Packages.gz.
        target.drop_retired(place, old, keep=2 * KEPT_STATES)
