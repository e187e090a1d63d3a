"""Package files on their way in: read and checked whole, before anything is changed."""

from __future__ import annotations

import hashlib
import lzma
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import PackageError, Where
from omnibuild.package.deb.ar import ar_members
from omnibuild.package.deb.reader import read_deb_control
from omnibuild.package.rpm.reader import RpmInfo, read_rpm, read_rpm_headers
from omnibuild.package.rpm.tags import SHA256, Tag
from omnibuild.repository import layout

BLOCK_SIZE = 1 << 20
DEB, RPM, TAR = "deb", "rpm", "tar"


@dataclass(frozen=True)
class Submission:
    """A package file that can be published.

    Args:
        version: as the format says it, with epoch and revision.
        identity: what makes it the same package: for an rpm the digest of its main header, which
            signing leaves alone; for all others the digest of the file.
        path: where it lies, as :mod:`~omnibuild.repository.layout` says for its format; one path
            stands for one identity, in all channels.
        control: fields of a .deb's control file.
        info: headers of an .rpm.
    """

    source: Path
    format: str
    name: str
    version: str
    architecture: str
    identity: Digest
    path: str
    control: Mapping[str, str] | None = None
    info: RpmInfo | None = None

    @property
    def title(self) -> str:
        """What people call it, as ``shop 1.4-1 (amd64)``."""
        architecture = f" ({self.architecture})" if self.architecture else ""
        return " ".join(filter(None, (self.name, self.version))) + architecture


class Decompressor(Protocol):
    """What the decompressors of zlib, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed stream was seen."""

    def decompress(self, data: bytes, /) -> bytes:
        """Take ``data``; return what it holds."""


def inspect_all(paths: Iterable[Path]) -> list[Submission]:
    """Read the package files among ``paths``.

    A file called after another with a further suffix, as ``shop.deb.sha256``, goes with that one
    and is passed over. Raises :class:`PackageError` for anything else that is not a package.
    """
    files = list(paths)
    names = [path.name for path in files]
    return [
        inspect(path)
        for path in files
        if not any(path.name.startswith(f"{name}.") for name in names)
    ]


def inspect(path: Path) -> Submission:
    """Read a package file from its first byte to its last.

    Raises :class:`PackageError` when it is damaged, or nothing that can be published.
    """
    if path.suffix == ".deb":
        return _inspect_deb(path)
    if path.suffix == ".rpm":
        return _inspect_rpm(path)
    place = layout.download_path(path.name)
    _check_compressed(path, path.name, 0, None)
    return Submission(path, TAR, path.name, "", "", digests.of_file(path), place)


def _inspect_deb(path: Path) -> Submission:
    control = read_deb_control(path)
    name, version, architecture = (
        control[field] for field in ("Package", "Version", "Architecture")
    )
    place = layout.deb_path(name, version, architecture)
    _check_data_archive(path)
    identity = digests.of_file(path)
    return Submission(path, DEB, name, version, architecture, identity, place, control=control)


def _inspect_rpm(path: Path) -> Submission:
    info = read_rpm(path)
    epoch = f"{info.epoch}:" if info.epoch else ""
    version = f"{epoch}{info.version}-{info.release}"
    architecture = info.architecture
    place = layout.rpm_path(info.name, version, architecture)
    _check_payload(path)
    return Submission(
        path, RPM, info.name, version, architecture, info.header_digest, place, info=info
    )


def _check_payload(path: Path) -> None:
    """Compare an rpm's payload with the digest in its header."""
    headers = read_rpm_headers(path)
    if headers.main.number(Tag.PAYLOAD_DIGEST_ALGORITHM) != SHA256:
        raise PackageError(
            "the rpm does not say its payload's SHA-256, so that no signature would cover it",
            where=Where(str(path)),
            hint="build it with rpm 4.14 or later",
        )
    with path.open("rb") as stream:
        stream.seek(headers.payload_start)
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    expected = headers.main.text(Tag.PAYLOAD_DIGEST)
    if found != expected:
        raise PackageError(
            "the rpm is damaged: its payload has another digest than its header says",
            where=Where(str(path)),
            why=f"expected {expected}\nfound    {found}",
        )


def _check_data_archive(path: Path) -> None:
    with _readable(path) as stream:
        for member in ar_members(stream):
            if member.name.startswith("data.tar."):
                _check_compressed(path, member.name, member.offset, member.size)
                return
    raise PackageError("the .deb holds no files", where=Where(str(path)))


def _check_compressed(path: Path, name: str, offset: int, size: int | None) -> None:
    """Decompress a part of a file to its end: the format and its checksums show damage."""
    import zstandard

    damage = (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError)
    with _readable(path) as stream:
        stream.seek(offset)
        try:
            _decompress(_blocks(stream, size), _decompressor(name))
        except damage as error:
            raise PackageError(
                f"the package is damaged: its {name} cannot be unpacked",
                where=Where(str(path)),
                why=str(error),
            ) from error


def _decompressor(name: str) -> Decompressor:
    import zstandard

    suffix = name.rpartition(".")[2]
    if suffix == "zst":
        return zstandard.ZstdDecompressor().decompressobj()
    if suffix == "xz":
        return lzma.LZMADecompressor()
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _decompress(blocks: Iterable[bytes], decompressor: Decompressor) -> None:
    for block in blocks:
        decompressor.decompress(block)
        if decompressor.eof:
            return
    raise EOFError("it ends too early")


def _blocks(stream: IO[bytes], size: int | None) -> Iterator[bytes]:
    """Yield the next ``size`` bytes, or all to the end of the file."""
    left = sys.maxsize if size is None else size
    while block := stream.read(min(left, BLOCK_SIZE)):
        left -= len(block)
        yield block


def _readable(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise PackageError(
            "the package cannot be read", where=Where(str(path)), why=str(error)
        ) from error
