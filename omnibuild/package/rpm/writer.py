"""rpm packages, written as a stream; unsigned until :mod:`omnibuild.package.rpm.signature`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from omnibuild.digests import of_bytes
from omnibuild.files import atomic_file
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import LEVELS, CompressingSink, Effort, HashingSink
from omnibuild.package.identity import check_identity, folded
from omnibuild.package.members import (
    READ_SIZE,
    archive_members,
    check_config_files,
    check_names,
    check_scripts,
)
from omnibuild.package.rpm.files import (
    RpmMember,
    file_fields,
    installed_bytes,
    payload_stream,
    rpm_members,
)
from omnibuild.package.rpm.header import (
    LEAD,
    LEAD_MAGIC,
    Field,
    encode_header,
    int32,
    int64,
    string,
    strings,
    translated,
)
from omnibuild.package.rpm.pretrans import pretrans
from omnibuild.package.rpm.relations import LUA, SCRIPT_SENSES, interpreter_of, relation_fields
from omnibuild.package.rpm.signature import encode_signature_header
from omnibuild.package.rpm.tags import SHA256, SignatureTag, Tag
from omnibuild.payload.model import Change, Payload
from omnibuild.recipe.models import Rpm

# The same everywhere, so that the machine that builds leaves no trace.
BUILD_HOST: Final = "omnibuild"
# The rpm whose format this is; readers only look whether it is recent enough for its features.
RPM_VERSION: Final = "4.14.0"

SCRIPT_TAGS: Final = {
    "pre": (Tag.PRE, Tag.PRE_INTERPRETER),
    "post": (Tag.POST, Tag.POST_INTERPRETER),
    "preun": (Tag.PREUN, Tag.PREUN_INTERPRETER),
    "postun": (Tag.POSTUN, Tag.POSTUN_INTERPRETER),
    "posttrans": (Tag.POSTTRANS, Tag.POSTTRANS_INTERPRETER),
}


@dataclass(frozen=True)
class _PayloadFile:
    """The compressed payload: its digest, its sizes before and after, and zstd's level."""

    digest: str
    plain_size: int
    size: int
    level: int


def write_rpm(
    payload: Payload, platform_rpm: Rpm, directory: Path, effort: Effort = "release"
) -> Artifact:
    """Write ``<name>-<version>-<revision>.<architecture>.rpm`` into ``directory``.

    The payload is compressed into an unnamed file first, because the header in front of it
    holds its digest. Raises :class:`PackageError`.
    """
    metadata = payload.metadata
    architecture = platform_rpm.architecture
    check_identity(metadata, revision=metadata.revision, architecture=architecture)
    version = f"{metadata.version}-{metadata.revision}"
    entries = archive_members(payload.entries_for("rpm"))
    check_names(entries)
    check_config_files(payload.config_files, entries)
    check_scripts("rpm", payload.scripts.get("rpm", {}), SCRIPT_SENSES)
    members = rpm_members(entries, payload.ghosts_for("rpm"))

    path = directory / f"{metadata.name}-{version}.{architecture}.rpm"
    with atomic_file(path) as stream, tempfile.TemporaryFile(dir=directory) as spool:
        compressed = _write_payload(payload, members, spool, effort)
        header = encode_header(
            _main_fields(payload, members, architecture, compressed), Tag.IMMUTABLE_REGION
        )
        output = HashingSink(stream)
        output.write(_lead(f"{metadata.name}-{version}"))
        output.write(_signature_header(header, compressed))
        output.write(header)
        spool.seek(0)
        shutil.copyfileobj(spool, output, READ_SIZE)
    return Artifact(path, output.size, output.digest)


def _write_payload(
    payload: Payload, members: Sequence[RpmMember], spool: IO[bytes], effort: Effort
) -> _PayloadFile:
    output = HashingSink(spool)
    sink = CompressingSink(output, "zstd", effort)
    plain_size = 0
    for block in payload_stream(payload.root, members, payload.metadata.date):
        sink.write(block)
        plain_size += len(block)
    sink.close()
    level = LEVELS[effort]["zstd"]
    return _PayloadFile(output.digest, plain_size, output.size, level)


def _main_fields(
    payload: Payload, members: Sequence[RpmMember], architecture: str, compressed: _PayloadFile
) -> dict[int, Field]:
    metadata = payload.metadata
    scripts = payload.scripts.get("rpm", {})
    version = f"{metadata.version}-{metadata.revision}"
    optional = {Tag.VENDOR: metadata.vendor, Tag.URL: metadata.homepage}
    return {
        Tag.I18N_TABLE: strings(["C"]),
        Tag.NAME: string(metadata.name),
        Tag.VERSION: string(metadata.version),
        Tag.RELEASE: string(metadata.revision),
        Tag.SUMMARY: translated(metadata.summary),
        Tag.DESCRIPTION: translated("\n".join(folded(metadata.description)) or metadata.summary),
        Tag.BUILD_TIME: int32([metadata.date]),
        Tag.BUILD_HOST: string(BUILD_HOST),
        Tag.LICENSE: string(metadata.license),
        Tag.PACKAGER: string(metadata.maintainer),
        Tag.GROUP: translated(metadata.group),
        Tag.OS: string("linux"),
        Tag.ARCH: string(architecture),
        # No source package exists; without this tag rpm takes the package itself for one.
        Tag.SOURCE_RPM: string(f"{metadata.name}-{version}.src.rpm"),
        Tag.RPM_VERSION: string(RPM_VERSION),
        Tag.ENCODING: string("utf-8"),
        Tag.PAYLOAD_FORMAT: string("cpio"),
        Tag.PAYLOAD_COMPRESSOR: string("zstd"),
        Tag.PAYLOAD_FLAGS: string(str(compressed.level)),
        Tag.PAYLOAD_DIGEST: strings([compressed.digest]),
        Tag.PAYLOAD_DIGEST_ALGORITHM: int32([SHA256]),
        **{tag: string(text) for tag, text in optional.items() if text},
        **_sized(Tag.SIZE, Tag.LONG_SIZE, installed_bytes(members)),
        **({Tag.EPOCH: int32([metadata.epoch])} if metadata.epoch else {}),
        **relation_fields(payload, metadata.full_version(metadata.revision)),
        **_change_fields(metadata.changes),
        **_script_fields(scripts),
        Tag.PRETRANS: string(pretrans(m.entry for m in members if not m.ghost)),
        Tag.PRETRANS_INTERPRETER: string(LUA),
        **file_fields(members, payload),
    }


def _script_fields(scripts: Mapping[str, str]) -> dict[int, Field]:
    fields: dict[int, Field] = {}
    for name, text in scripts.items():
        script, interpreter = SCRIPT_TAGS[name]
        fields[script] = string(text)
        fields[interpreter] = string(interpreter_of(text))
    return fields


def _change_fields(changes: Sequence[Change]) -> dict[int, Field]:
    if not changes:
        return {}
    return {
        Tag.CHANGE_DATES: int32(change.date for change in changes),
        Tag.CHANGE_AUTHORS: strings(f"{change.author} - {change.version}" for change in changes),
        Tag.CHANGE_TEXTS: strings(
            "\n".join(f"- {item}" for item in change.items) for change in changes
        ),
    }


def _signature_header(header: bytes, compressed: _PayloadFile) -> bytes:
    tag = SignatureTag
    return encode_signature_header(
        {
            tag.SHA256: string(of_bytes(header)),
            **_sized(tag.SIZE, tag.LONG_SIZE, len(header) + compressed.size),
            **_sized(tag.PAYLOAD_SIZE, tag.LONG_PAYLOAD_SIZE, compressed.plain_size),
        }
    )


def _sized(tag: int, long_tag: int, size: int) -> dict[int, Field]:
    return {tag: int32([size])} if size < 2**32 else {long_tag: int64([size])}


def _lead(name: str) -> bytes:
    """Return the 96 bytes that only ``file`` reads: a binary package of format 3, for Linux."""
    return LEAD.pack(LEAD_MAGIC, 3, 0, 0, 1, name.encode()[:65], 1, 5)
