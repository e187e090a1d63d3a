"""Whether what hosts read is signed, whole, and what the state says."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import msgspec

from omnibuild.errors import RepositoryError, SigningKeyError
from omnibuild.repository import layout
from omnibuild.repository.apt.packing import Piece as ListPiece
from omnibuild.repository.apt.release import (
    SIGNATURE_HEADER,
    by_hash,
    row_of,
    rows_of,
    signed_text,
)
from omnibuild.repository.apt.suite import Suite, suite_of
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.head import Repository
from omnibuild.repository.targets.target import Target
from omnibuild.repository.yum.metadata import (
    Metadata,
    is_whole,
    part_path,
)
from omnibuild.repository.yum.tree import MIRRORLIST, Tree, shard_of, trees_of
from omnibuild.signing.parts import read_parts
from omnibuild.signing.verifier import Verifier, load_verifier

# A path, and what is wrong there.
Wrong = tuple[str, str]

UNSIGNED = "it is not signed by the repository's key"
OTHER = "it does not say what the repository holds"


def check_served(
    target: Target, record: Repository, channels: Mapping[str, Channel], *, deep: bool
) -> Iterator[Wrong]:
    """Yield what is wrong with keys, indexes, lists of tarballs and the installer.

    Args:
        target: the repository.
        record: what is true of all channels.
        channels: those that could be read.
        deep: whether tarballs are compared with their signatures, too.
    """
    path = layout.key_path(record.name, "gpg")
    verifier = _verifier(target, path, record.fingerprint)
    if verifier is None:
        yield path, "it is not the repository's key"
        return
    if not verifier.is_signed(*_with_signature(target, layout.INSTALLER)):
        yield layout.INSTALLER, UNSIGNED
    for name, content in channels.items():
        for suite, debs in content.suites.items():
            said = suite_of(debs, suite, record.title, record.components, contents=record.contents)
            yield from _check_suite(target, verifier, said)
        for tree in content.trees:
            for each in trees_of(name, tree, content, record.title):
                yield from _check_tree(target, verifier, each, record.base_url)
        yield from _check_downloads(target, verifier, name, content, deep=deep)


def _verifier(target: Target, path: str, fingerprint: str) -> Verifier | None:
    try:
        if all(part.fingerprint != fingerprint for part in read_parts(target.read(path))):
            return None
        with target.local(path) as file:
            return load_verifier([file])
    except (RuntimeError, SigningKeyError):
        return None


def _with_signature(target: Target, path: str) -> tuple[bytes, bytes]:
    return target.read(path), target.read(f"{path}{layout.SIGNATURE}")


def _check_suite(target: Target, verifier: Verifier, suite: Suite) -> Iterator[Wrong]:
    directory = layout.suite_directory(suite.name)
    message = target.read(f"{directory}/InRelease")
    release = signed_text(message)
    if not verifier.is_signed_cleartext(message):
        yield f"{directory}/InRelease", UNSIGNED
        return
    listed = rows_of(release)
    for path, pieces in suite.indexes.items():
        try:
            row = _row_of(pieces)
        except RepositoryError:
            # Of a package that is gone, which is told where it is.
            continue
        if listed.get(path) != row:
            yield f"{directory}/InRelease", f"{path}: {OTHER}"
    for path, row in listed.items():
        # Plain files are listed and not served, as in Debian.
        for served in () if path in suite.indexes else (path, by_hash(path, row)):
            if row_of(target.read(f"{directory}/{served}")) != row:
                yield f"{directory}/{served}", "it is not what InRelease lists"
    if target.read(f"{directory}/Release") != release:
        yield f"{directory}/Release", "it is not what InRelease says"
    elif not verifier.is_signed(release, target.read(f"{directory}/Release.gpg")):
        yield f"{directory}/Release.gpg", UNSIGNED


def _row_of(pieces: Iterable[ListPiece]) -> str:
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        text = piece.text()
        digest.update(text)
        size += len(text)
    return f"{digest.hexdigest()} {size}"


def _check_tree(target: Target, verifier: Verifier, tree: Tree, base_url: str) -> Iterator[Wrong]:
    shard, directory = partial(shard_of, target), tree.directory
    plain = Metadata(tree.pieces, shard, advisories=tree.advisories)
    yield from _check_metadata(target, verifier, directory, plain)
    if base_url:
        named = target.read(f"{directory}/{MIRRORLIST}").decode(errors="replace").strip()
        generation = named.removeprefix(f"{base_url}/{directory}/").strip("/")
        if not layout.GENERATION.fullmatch(generation):
            yield f"{directory}/{MIRRORLIST}", "it names no metadata of the repository"
            return
        metadata = msgspec.structs.replace(plain, base=f"{base_url}/{directory}/")
        yield from _check_metadata(target, verifier, f"{directory}/{generation}", metadata)


def _check_metadata(
    target: Target, verifier: Verifier, directory: str, metadata: Metadata
) -> Iterator[Wrong]:
    path = f"{directory}/repodata/repomd.xml"
    repomd, signature = _with_signature(target, path)
    if not verifier.is_signed(repomd, signature):
        yield path, UNSIGNED
        return
    for kind in metadata.parts:
        found = re.search(rf'href="(repodata/[0-9a-f]{{64}}-{kind}\.xml\.gz)"'.encode(), repomd)
        place = found[1].decode() if found else ""
        data = target.read(f"{directory}/{place}") if place else b""
        if not place:
            yield path, f"it names no {kind}"
        elif part_path(kind, data) != place:
            yield f"{directory}/{place}", "it is not what repomd.xml names"
        elif not is_whole(metadata.parts[kind]):
            # Of a list of files in the state that is told where it is.
            continue
        elif gzip.decompress(data) != gzip.decompress(metadata.parts[kind]):
            yield f"{directory}/{place}", OTHER


def _check_downloads(
    target: Target, verifier: Verifier, channel: str, content: Channel, *, deep: bool
) -> Iterator[Wrong]:
    path = layout.tarball_list(channel)
    text, mark, rest = target.read(path).partition(SIGNATURE_HEADER)
    if (text or content.downloads.count) and not verifier.is_signed(text, mark + rest):
        yield path, UNSIGNED
    for item in content.downloads:
        place = layout.download_path(item.name)
        if not target.read(f"{place}{layout.CHECKSUM}").startswith(item.digest.encode()):
            yield f"{place}{layout.CHECKSUM}", "it is not the checksum of what was published"
        signature = target.read(f"{place}{layout.SIGNATURE}")
        if not signature:
            yield f"{place}{layout.SIGNATURE}", "it is gone"
        elif deep and target.exists(place):
            with target.local(place) as file:
                if not verifier.is_signed_file(file, signature):
                    yield place, UNSIGNED
