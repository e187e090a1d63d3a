"""The apt side: Packages, Release and their signatures.

apt takes each index by its digest (Acquire-By-Hash), and the digests from InRelease: so replacing
InRelease is the one moment in which readers change from the old state to the new one. Mirror
programs know only the plain names; those are written as well, just before.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

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

CLEARTEXT_HEADER = b"-----BEGIN PGP SIGNED MESSAGE-----"
SIGNATURE_HEADER = b"-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True)
class Suite:
    """One apt suite as files.

    Args:
        title: Origin and Label: who publishes.
        indexes: Packages files by architecture.
    """

    name: str
    title: str
    indexes: Mapping[str, bytes]

    def files(self) -> dict[str, bytes]:
        """Return the index files by their path in the suite."""
        found = {}
        for architecture, packages in sorted(self.indexes.items()):
            directory = f"{layout.COMPONENT}/binary-{architecture}"
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
    return Suite(
        name,
        title,
        {
            architecture: packages_index(
                deb for deb in debs if deb.architecture in (architecture, ALL)
            )
            for architecture in channel.suites[name].architectures
        },
    )


def packages_index(debs: Iterable[Deb]) -> bytes:
    """Return the text of Packages."""
    return "".join(f"{deb.stanza}\n" for deb in debs).encode()


def stanza(control: Mapping[str, str], *, path: str, size: int, digest: Digest) -> str:
    """Return a package's paragraph in Packages: its control file, and where its bytes are."""
    file = {"Filename": path, "Size": str(size), "SHA256": digest}
    return render_paragraph({**control, **file})


def publish_suite(target: Target, suite: Suite, signer: Signer, date: int) -> bool:
    """Write a suite, content first and InRelease last; tell whether readers see a change."""
    directory = layout.suite_directory(suite.name)
    files = suite.files()
    release = suite.release(files, date)
    if _undated(release) == _undated(signed_text(target.read(f"{directory}/InRelease"))):
        return False
    for path, data in files.items():
        target.put(f"{directory}/{by_hash(path, data)}", data)
    for path, data in files.items():
        target.put(f"{directory}/{path}", data)
    target.put(f"{directory}/Release", release)
    target.put(f"{directory}/Release.gpg", signer.sign_detached_armored(release))
    target.put(f"{directory}/InRelease", signer.sign_cleartext(release))
    _drop_old_states(target, directory, suite)
    return True


def by_hash(path: str, data: bytes) -> str:
    """Return the name under which apt asks for an index of this content.

    >>> by_hash("main/binary-amd64/Packages", b"")[:40]
    'main/binary-amd64/by-hash/SHA256/e3b0c44'
    """
    return f"{path.rpartition('/')[0]}/by-hash/SHA256/{digests.of_bytes(data)}"


def signed_text(message: bytes) -> bytes:
    """Return the text inside a clear-signed message; empty when it is none."""
    if not message.startswith(CLEARTEXT_HEADER):
        return b""
    text = message.partition(b"\n\n")[2].partition(SIGNATURE_HEADER)[0]
    return text.rstrip(b"\n") + b"\n"


def _undated(release: bytes) -> list[bytes]:
    return [line for line in release.splitlines() if not line.startswith(b"Date: ")]


def _drop_old_states(target: Target, directory: str, suite: Suite) -> None:
    for architecture in suite.indexes:
        place = f"{directory}/{layout.COMPONENT}/binary-{architecture}/by-hash/SHA256"
        # Each state of an index is two files: Packages and Packages.gz.
        for name in target.names(place)[: -2 * KEPT_STATES]:
            target.remove(f"{place}/{name}")
