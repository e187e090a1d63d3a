"""What lets hosts verify: whether they can take the key, for how long, and signed files."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from omnibuild import digests
from omnibuild.errors import RepositoryError, SigningKeyError, Where
from omnibuild.repository import layout
from omnibuild.repository.apt.release import SIGNATURE_HEADER
from omnibuild.repository.state.entries import Download
from omnibuild.repository.targets.target import Target
from omnibuild.signing.certificate import RPM_ALGORITHMS
from omnibuild.signing.parts import end_of, read_parts
from omnibuild.signing.signer import Signer

# Another key is announced a month before it signs, and somebody has to think of it before.
WARNED_DAYS = 90


def check_key(signer: Signer, *, rpms: bool) -> None:
    """Raise :class:`SigningKeyError` for a key whose signatures of rpms no host can verify."""
    foreign = _foreign_to_rpm(signer)
    if rpms and foreign:
        raise SigningKeyError(
            f"rpm and dnf cannot verify signatures of {foreign} keys, as NIST P-256",
            why=f"this key: {signer.fingerprint}",
            hint="publish only .deb files with it, or make an RSA key for a new repository:"
            " omnibuild key create FILE",
        )


def _foreign_to_rpm(signer: Signer) -> str:
    return ", ".join(sorted(signer.algorithms - RPM_ALGORITHMS))


def key_warnings(signer: Signer, published: bytes, *, yum: bool) -> Iterator[str]:
    """Yield what whoever publishes must know about the key.

    Args:
        signer: the key.
        published: the public key as hosts got it so far; empty when there is none.
        yum: whether there are hosts with dnf.
    """
    foreign = _foreign_to_rpm(signer)
    if foreign and yum:
        yield f"dnf hosts cannot use this repository: rpm cannot verify {foreign} keys"
    yield from _moved_end(signer, published)
    if signer.expires is None:
        return
    days = (signer.expires - datetime.datetime.now(datetime.UTC)).days
    if days <= WARNED_DAYS:
        yield (
            f"the key expires on {signer.expires:%Y-%m-%d}, in {days} days; then all hosts refuse"
            " updates. Announce another one in time (omnibuild key announce), or extend it (gpg"
            " --quick-set-expire), export it and publish: hosts get it by their next upgrade."
            f" It is {signer.fingerprint}"
        )


def _moved_end(signer: Signer, published: bytes) -> Iterator[str]:
    """Say what hosts with the published copy of the key do not know yet."""
    try:
        parts = read_parts(published)
    except RuntimeError:
        # Damaged where it lies; this publishing writes it again.
        return
    if not parts:
        return
    try:
        known = end_of(parts, signer.signing)
    except KeyError:
        yield (
            "the key has a new subkey that signs: hosts that were set up before refuse everything"
            " from now on, until install.sh was run there again"
        )
        return
    if known is not None and known != signer.expires:
        yield (
            f"the key's end moved from {known:%Y-%m-%d} to {_date(signer.expires)}: hosts that"
            f" have it as it was refuse updates from {known:%Y-%m-%d} on. Those with the keyring"
            " package get it by their next upgrade; on all others run install.sh again"
        )


def _date(moment: datetime.datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "never"


def sign_downloads(target: Target, downloads: Iterable[Download], signer: Signer) -> None:
    """Have a checksum and a signature beside each tarball.

    Raises :class:`RepositoryError` for a file that is not what was published: it gets none.
    """
    for item in downloads:
        path = layout.download_path(item.name)
        target.put(f"{path}{layout.CHECKSUM}", f"{item.digest}  {item.name}\n".encode())
        if signer.is_issuer(target.read(f"{path}{layout.SIGNATURE}")):
            continue
        if target.digest(path) != item.digest:
            raise RepositoryError(
                "a tarball is not the one that was published",
                where=Where(target.place(path)),
                why=f"published: {item.digest}",
                hint="publish the right file again",
            )
        with target.scratch() as scratch, target.local(path) as file:
            signer.sign_file(file, scratch / "signature")
            target.put_file(f"{path}{layout.SIGNATURE}", scratch / "signature")


def put_signed(target: Target, path: str, data: bytes, signer: Signer) -> None:
    """Write a file with a checksum and a signature beside it."""
    signature = target.read(f"{path}{layout.SIGNATURE}")
    if not signer.has_signed(data, signature):
        signature = signer.sign_detached_armored(data)
    checksum = f"{digests.of_bytes(data)}  {path.rpartition('/')[2]}\n".encode()
    target.put(path, data)
    target.put(f"{path}{layout.CHECKSUM}", checksum)
    target.put(f"{path}{layout.SIGNATURE}", signature)


def put_list(target: Target, path: str, text: str, signer: Signer) -> None:
    """Write a text with its signature below it, in one file."""
    data = text.encode()
    known, mark, rest = target.read(path).partition(SIGNATURE_HEADER)
    if known != data or not signer.has_signed(data, mark + rest):
        target.put(path, data + signer.sign_detached_armored(data))


def listed_text(target: Target, path: str) -> str:
    """Return a text that :func:`put_list` wrote, without its signature; empty if there is none."""
    return target.read(path).partition(SIGNATURE_HEADER)[0].decode(errors="replace")
