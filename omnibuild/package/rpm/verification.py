"""Whether an rpm is whole and one that hosts install: as strict as ``rpm -K``, and a bit more."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from omnibuild.errors import PackageError
from omnibuild.package.decompression import decompressed
from omnibuild.package.reading import reading
from omnibuild.package.rpm.header import Header
from omnibuild.package.rpm.notation import RpmRelation, is_foreign_rich
from omnibuild.package.rpm.reader import RpmHeaders, RpmInfo, info_of, read_headers
from omnibuild.package.rpm.tags import SHA256, SignatureTag, Tag
from omnibuild.patterns import regex
from omnibuild.regular import open_regular

# How a payload may be compressed, and how files of that are called.
SUFFIXES: Final = {"": "gz", "gzip": "gz", "xz": "xz", "zstd": "zst"}
READ_SIZE: Final = 1 << 18

_UNPRINTABLE = regex(r"[\x00-\x1f\x7f]")
_BLANK = regex(r"\s")


def check_rpm(path: Path) -> RpmInfo:
    """Read a package from its first byte to its last, and compare all digests that it carries.

    Raises :class:`PackageError` for damage, and for what hosts cannot install or parse.
    """
    with reading(path), open_regular(path) as stream:
        headers = read_headers(stream)
        info = info_of(headers)
        _check_binary(headers.main)
        _check_names(info)
        _check_header(headers)
        _check_payload(headers, stream)
    return info


def _check_binary(main: Header) -> None:
    # rpm goes by this tag, whatever the file is called.
    if not main.text(Tag.SOURCE_RPM) or Tag.SOURCE_PACKAGE in main.index:
        raise PackageError(
            "this is a source package, which no host installs", hint="publish what is built of it"
        )


def _check_names(info: RpmInfo) -> None:
    for relation, takes_expressions in _all_relations(info):
        rich = relation.name.startswith("(")
        if _UNPRINTABLE.search(relation.name) or _BLANK.search(relation.version):
            raise PackageError(f"a relation holds what no name or version can: {relation!r}")
        if rich and not (takes_expressions and is_foreign_rich(relation.name)):
            raise PackageError(f"a relation is no boolean expression of rpm: {relation.name!r}")
        if not rich and _BLANK.search(relation.name):
            raise PackageError(f"a relation cannot be parsed: {relation.name!r}")
    for file in info.files:
        if not file.path.startswith("/") or _UNPRINTABLE.search(file.path):
            raise PackageError(f"a file has an impossible path: {file.path!r}")


def _all_relations(info: RpmInfo) -> Iterator[tuple[RpmRelation, bool]]:
    """Yield each relation, and whether its kind takes boolean expressions."""
    for relation in (*info.provides, *info.obsoletes):
        yield relation, False
    for kind in (info.requires, info.conflicts, info.recommends, info.suggests):
        yield from ((relation, True) for relation in kind)
    for relation in (*info.supplements, *info.enhances):
        yield relation, True


def _check_header(headers: RpmHeaders) -> None:
    found = {
        SignatureTag.SHA1: hashlib.sha1(headers.main.blob, usedforsecurity=False).hexdigest(),
        SignatureTag.SHA256: hashlib.sha256(headers.main.blob).hexdigest(),
        SignatureTag.SHA3_256: hashlib.sha3_256(headers.main.blob).hexdigest(),
    }
    said = {tag: headers.signature.text(tag) for tag in found if tag in headers.signature.index}
    if not said:
        raise PackageError("the rpm carries no digest of its header")
    for tag, digest in said.items():
        if digest != found[tag]:
            raise _damaged(f"header's {tag.name}", digest, found[tag])


def _check_payload(headers: RpmHeaders, stream: IO[bytes]) -> None:
    main, signature = headers.main, headers.signature
    if main.number(Tag.PAYLOAD_DIGEST_ALGORITHM) != SHA256:
        raise PackageError(
            "the rpm does not say its payload's SHA-256, so that no signature would cover it",
            hint="build it with rpm 4.14 or later",
        )
    sha256, md5 = hashlib.sha256(), hashlib.md5(headers.main.blob, usedforsecurity=False)
    size = 0
    stream.seek(headers.payload_start)
    while block := stream.read(READ_SIZE):
        sha256.update(block)
        md5.update(block)
        size += len(block)
    _compare("payload's SHA-256", main.strings(Tag.PAYLOAD_DIGEST), sha256.hexdigest())
    _compare("MD5", _hex(signature, SignatureTag.MD5), md5.hexdigest())
    sizes = (*signature.numbers(SignatureTag.SIZE), *signature.numbers(SignatureTag.LONG_SIZE))
    _compare("size", map(str, sizes), str(len(main.blob) + size))
    _check_archive(headers, stream)


def _check_archive(headers: RpmHeaders, stream: IO[bytes]) -> None:
    main, signature = headers.main, headers.signature
    compressor = main.text(Tag.PAYLOAD_COMPRESSOR)
    if compressor not in SUFFIXES:
        # Its digest was right; what hosts have read it with is theirs.
        return
    stream.seek(headers.payload_start)
    sha256, size = hashlib.sha256(), 0
    for piece in decompressed(stream, f"payload.cpio.{SUFFIXES[compressor]}"):
        sha256.update(piece)
        size += len(piece)
    _compare("archive's SHA-256", main.strings(Tag.PAYLOAD_DIGEST_ALT), sha256.hexdigest())
    tags = (SignatureTag.PAYLOAD_SIZE, SignatureTag.LONG_PAYLOAD_SIZE)
    sizes = (number for tag in tags for number in signature.numbers(tag))
    _compare("archive's size", map(str, sizes), str(size))


def _hex(header: Header, tag: int) -> list[str]:
    value = header.values(tag)
    return [value.hex()] if isinstance(value, bytes) else []


def _compare(what: str, expected: Iterable[str], found: str) -> None:
    for value in expected:
        if value != found:
            raise _damaged(what, value, found)


def _damaged(what: str, expected: str, found: str) -> PackageError:
    return PackageError(
        f"the rpm is damaged: the {what} is another than it says",
        why=f"expected {expected}\nfound    {found}",
    )
