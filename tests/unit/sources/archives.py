"""Archives for tests, written by hand: honest and hostile."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zstandard

TIME = 1_600_000_000

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


@dataclass(frozen=True)
class Member:
    """One member of an archive; ``kind`` is tarfile's type byte."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    mode: int = 0o644


def file(name: str, content: bytes = b"x", mode: int = 0o644) -> Member:
    return Member(name, content, mode=mode)


def directory(name: str) -> Member:
    return Member(name, kind=tarfile.DIRTYPE, mode=0o700)


def symlink(name: str, target: str) -> Member:
    return Member(name, kind=tarfile.SYMTYPE, target=target)


def hard_link(name: str, target: str) -> Member:
    return Member(name, kind=tarfile.LNKTYPE, target=target)


def tar(members: Sequence[Member], form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.type, info.linkname, info.mode = member.kind, member.target, member.mode
            info.size, info.mtime = len(member.content), TIME
            info.uid, info.uname = 4711, "nobody-here"
            archive.addfile(info, io.BytesIO(member.content))
    return stream.getvalue()


def zipped(members: Sequence[Member]) -> bytes:
    stream = io.BytesIO()
    kinds = {tarfile.REGTYPE: 0o100000, tarfile.SYMTYPE: 0o120000, tarfile.FIFOTYPE: 0o010000}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            name = member.name + ("/" if member.kind == tarfile.DIRTYPE else "")
            info = zipfile.ZipInfo(name, (2020, 9, 13, 12, 26, 40))
            info.create_system = 3
            info.external_attr = (kinds.get(member.kind, 0o040000) | member.mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.content or member.target.encode())
    return stream.getvalue()
