"""Boundaries of packages given to publish: damaged ones, and well-made ones that say bad things."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import random
import struct
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import zstandard

from omnibuild.audit.report import Level
from omnibuild.package.deb.ar import MAGIC, ar_header, ar_members, ar_padding
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.opening.opened import open_package
from omnibuild.package.rpm.header import INTEGERS, Field, Type, encode_header
from omnibuild.package.rpm.reader import read_rpm_headers
from omnibuild.package.rpm.signature import encode_signature_header
from omnibuild.package.rpm.tags import SignatureTag, Tag
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.repository.publish import publish
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import Signer, load_signer
from omnibuild.sources.extraction import Limits
from omnibuild.workbench.differing import differences
from omnibuild.workbench.inspecting import inspect
from omnibuild.workbench.judge import judge
from tests.certification.hostile.harness import Boundary, Place
from tests.certification.hostile.mutate import NASTY, NUMBERS, damaged, reworded
from tests.unit.package.samples import DEB, RPM, sample_payload
from tests.unit.repository.samples import PLATFORMS

FIELDS = (
    *("Package", "Version", "Architecture", "Depends", "Pre-Depends", "Breaks", "Provides"),
    *("Installed-Size", "Essential", "Multi-Arch", "Source", "Section", "Description", "Filename"),
    *("Size", "SHA256", "Status", "Homepage", "X-Odd", "Depends ", "-x", "dEPENDS"),
)
MEMBERS = ("./x", "/etc/passwd", "../x", "", "a" * 300, "été", "./opt/hello/bin/hello", "a\nb")
TYPES = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.CONTTYPE, b"S", b"x", b"Z")


@dataclass
class Seed:
    """A good package, taken apart, and whoever publishes what is made of it."""

    data: bytes
    signer: Signer
    parts: dict[str, bytes]


# Debs -----------------------------------------------------------------------------------------


def _prepare_deb(place: Place) -> Seed:
    payload = sample_payload(place.shared / "payload")
    data = write_deb(payload, DEB, place.shared, "quick").path.read_bytes()
    stream = io.BytesIO(data)
    parts = {}
    for member in ar_members(stream):
        parts[member.name] = data[member.offset : member.offset + member.size]
    return Seed(data, _signer(place), parts)


def _signer(place: Place) -> Signer:
    return load_signer(create_key(place.shared / "signing.key", "Tester <t@example.com>").path)


def _make_deb(place: Place, seed: Seed, dice: random.Random) -> None:
    data = damaged(seed.data, dice) if not dice.randrange(4) else _well_made_deb(seed, dice)
    (place.inbox / "hello.deb").write_bytes(data)


def _well_made_deb(seed: Seed, dice: random.Random) -> bytes:
    """Return a deb whose archives are whole, around control files or members that are not."""
    control_name, data_name = list(seed.parts)[1:3]
    control = gzip.decompress(seed.parts[control_name])
    data = zstandard.ZstdDecompressor().decompressobj().decompress(seed.parts[data_name])
    if dice.randrange(3):
        control = retarred(control, dice, _other_text)
    else:
        data = retarred(data, dice, lambda _, body, dice: damaged(body, dice))
    pack, suffix = dice.choice(
        (
            (lambda plain: plain, ""),
            (gzip.compress, ".gz"),
            (lzma.compress, ".xz"),
            (zstandard.ZstdCompressor().compress, ".zst"),
        )
    )
    members = [
        ("debian-binary", dice.choice((b"2.0\n",) * 60 + (b"3.0\n", b"2.\n", b"2.0"))),
        (f"control.tar{suffix}", pack(control)),
        (f"data.tar{suffix}", pack(data)),
    ]
    if not dice.randrange(12):
        members.insert(dice.randrange(4), (dice.choice(("_gpgorigin", "extra", "")), b"x"))
    return MAGIC + b"".join(
        ar_header(name, len(body), 0) + body + ar_padding(len(body)) for name, body in members
    )


def retarred(
    archive: bytes, dice: random.Random, change: Callable[[str, bytes, random.Random], bytes]
) -> bytes:
    """Return a tar with one file, or the list of its members, changed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old:
        items = [
            (m, (old.extractfile(m) or io.BytesIO()).read() if m.isreg() else b"") for m in old
        ]
    files = [number for number, (member, _) in enumerate(items) if member.isreg()]
    control = [number for number in files if items[number][0].name == "./control"]
    chosen = dice.choice((*files, *control * 9))
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as new:
        for number, (member, body) in enumerate(items):
            if number == chosen:
                body = change(member.name, body, dice)
                member.size = len(body)
            new.addfile(member, io.BytesIO(body) if member.isreg() else None)
        for _ in range(dice.choice((0, 0, 0, 1, 3))):
            odd = tarfile.TarInfo(dice.choice(MEMBERS))
            odd.type = dice.choice(TYPES)
            odd.linkname = dice.choice(MEMBERS) if odd.issym() else ""
            new.addfile(odd)
    return out.getvalue()


def _other_text(name: str, body: bytes, dice: random.Random) -> bytes:
    text = body.decode()
    if name.endswith("control") and dice.randrange(4):
        lines = text.splitlines()
        said = dice.choice((*NASTY, *map(str, NUMBERS), "a (>= 1) | b", "c (= 1),d", "é\u2028x"))
        line = f"{dice.choice(FIELDS)}: {said}"
        lines[dice.randrange(len(lines))] = line
        return "\n".join([*lines, ""]).encode("utf-8", "surrogateescape")
    return reworded(text, dice).encode("utf-8", "surrogateescape")


# Rpms -----------------------------------------------------------------------------------------


def _prepare_rpm(place: Place) -> Seed:
    payload = sample_payload(place.shared / "payload")
    path = write_rpm(payload, RPM, place.shared, "quick").path
    headers = read_rpm_headers(path)
    data = path.read_bytes()
    parts = {"lead": headers.lead, "payload": data[headers.payload_start :]}
    return Seed(data, _signer(place), parts)


def _make_rpm(place: Place, seed: Seed, dice: random.Random) -> None:
    path = place.inbox / "hello.rpm"
    path.write_bytes(seed.data)
    data = damaged(seed.data, dice) if not dice.randrange(4) else _well_made_rpm(path, seed, dice)
    path.write_bytes(data)


def _well_made_rpm(good: Path, seed: Seed, dice: random.Random) -> bytes:
    """Return an rpm with right digests over a header in which some tags say something else."""
    headers = read_rpm_headers(good)
    main = headers.main.fields()
    for _ in range(dice.choice((1, 1, 2, 4))):
        tag = dice.choice(list(main))
        match dice.randrange(8):
            case 0:
                del main[tag]
            case 1:
                main[tag] = main[dice.choice(list(main))]
            case 2:
                main[dice.choice(list(Tag))] = _other_field(main[tag], dice)
            case _:
                main[tag] = _other_field(main[tag], dice)
        if not main:
            return seed.data
    blob = encode_header(main, Tag.IMMUTABLE_REGION)
    signature = headers.signature.fields()
    digests = {
        SignatureTag.SHA1: hashlib.sha1(blob, usedforsecurity=False).hexdigest(),
        SignatureTag.SHA256: hashlib.sha256(blob).hexdigest(),
    }
    for number, digest in digests.items():
        if number in signature:
            signature[number] = Field(Type.STRING, (digest,))
    size = len(blob) + len(seed.parts["payload"])
    for number in (SignatureTag.SIZE, SignatureTag.LONG_SIZE):
        if number in signature:
            signature[number] = Field(signature[number].type, (size,))
    signature.pop(SignatureTag.MD5, None)
    front = seed.parts["lead"] + encode_signature_header(signature)
    return front + blob + seed.parts["payload"]


def _other_field(field: Field, dice: random.Random) -> Field:
    if isinstance(field.value, bytes):
        return Field(field.type, dice.randbytes(dice.choice((0, 1, 16, 4096))))
    if field.type in INTEGERS:
        most = 1 << 8 * struct.calcsize(INTEGERS[field.type])
        other = int(dice.choice(NUMBERS)) % most
        return Field(field.type, _with(field.value, other, dice))
    said = dice.choice((*NASTY, "\x01", "\ufffe\uffff", "<x/>&amp;]]>", "(a and b)", "a b", "/x"))
    text = said.replace("\0", "").encode("utf-8", "replace").decode()
    if field.type is Type.STRINGS:
        return Field(field.type, _with(field.value, text, dice))
    return Field(field.type, (text,))


def _with(values: tuple[object, ...], other: object, dice: random.Random) -> tuple:  # type: ignore[type-arg]
    """Return the values with one changed, fewer, or more of them."""
    place = dice.randrange(len(values)) if values else 0
    match dice.randrange(6):
        case 0:
            return values[:place]
        case 1:
            return (*values, other)
        case _:
            return (*values[:place], other, *values[place + 1 :])


# Both -----------------------------------------------------------------------------------------


def _take(place: Place, seed: Seed) -> str:
    """Publish it; what readers get must be what their parsers take."""
    (path,) = place.inbox.iterdir()
    repository = place.outbox / "repository"
    publish([path], repository, seed.signer, platforms=PLATFORMS)
    for index in repository.glob("apt/dists/*/main/*/Packages"):
        for paragraph in filter(None, index.read_text().split("\n\n")):
            lines = paragraph.strip("\n").split("\n")
            names = [line.partition(":")[0].lower() for line in lines if not line[0].isspace()]
            assert len(names) == len(set(names)), f"a field is there twice: {names}"
    for index in repository.glob("yum/**/repodata/*.xml*"):
        content = index.read_bytes()
        if index.suffix == ".zst":
            content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
        elif index.suffix == ".gz":
            content = gzip.decompress(content)
        if index.suffix != ".asc":
            ElementTree.fromstring(content)  # noqa: S314 - it is our own
    return "taken"


# Audits ---------------------------------------------------------------------------------------


def _prepare_audit(place: Place) -> tuple[Seed, Seed, bytes]:
    (place.shared / "deb").mkdir()
    (place.shared / "rpm").mkdir()
    deb = _prepare_deb(replace(place, shared=place.shared / "deb"))
    rpm = _prepare_rpm(replace(place, shared=place.shared / "rpm"))
    tarball = zstandard.ZstdDecompressor().decompressobj().decompress(list(deb.parts.values())[2])
    return deb, rpm, tarball


def _make_audit(place: Place, seeds: tuple[Seed, Seed, bytes], dice: random.Random) -> None:
    deb, rpm, tarball = seeds
    match dice.randrange(3):
        case 0:
            _make_deb(place, deb, dice)
        case 1:
            _make_rpm(place, rpm, dice)
        case _:
            data = retarred(tarball, dice, lambda _, body, dice: damaged(body, dice))
            pack = dice.choice((gzip.compress, lzma.compress, lambda plain: plain))
            (place.inbox / "hello.tar").write_bytes(pack(data))


def take_audit(place: Place, _: object) -> str:
    """Audit it; what it says is told as JSON, and none of its files is where it wants to be."""
    (path,) = place.inbox.iterdir()
    scratch = place.inbox / "scratch"
    scratch.mkdir()
    judged = judge(path, scratch, Limits(1 << 28, 10_000), checkouts=[place.outside])
    assert not [p for p in scratch.rglob("*") if p.is_symlink()]
    json.dumps(judged.to_data())
    return "sound" if not judged.report.at(Level.ERROR) else "faults"


def take_inspection(place: Place, _: object) -> str:
    """Look into it, and lay it beside itself; what is found is told as JSON."""
    (path,) = place.inbox.iterdir()
    scratch = place.inbox / "scratch"
    scratch.mkdir()
    opened = open_package(path, scratch, Limits(1 << 28, 10_000))
    found = inspect(opened)
    json.dumps(asdict(found))
    assert found.size == opened.payload.tree.size <= sum(part.size for part in found.parts)
    same = differences(opened, opened)
    assert (same.fields, same.parts, same.files) == ((), (), ())
    return "read"


BOUNDARIES = {
    "inspected packages": Boundary(_prepare_audit, _make_audit, take_inspection),
    "audited packages": Boundary(_prepare_audit, _make_audit, take_audit),
    "deb": Boundary(_prepare_deb, _make_deb, _take),
    "rpm": Boundary(_prepare_rpm, _make_rpm, _take),
}
