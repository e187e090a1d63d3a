"""Packages of pacman, apk and opkg laid open: archives that hold what they say of themselves.

Of apk this is version 2 of its format, a chain of gzipped archives: abuild's APKBUILD(5) and the
wiki of Alpine. Of pacman: PKGINFO(5), mtree alone is not read. Of opkg: a gzipped archive of the
members that a .deb has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from omnibuild.digests import of_bytes
from omnibuild.errors import PackageError
from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.package.opening.contents import Contents
from omnibuild.package.opening.said import DEB_RELATIONS, SHOWN, Said
from omnibuild.package.opening.tarball import packed_tar_members
from omnibuild.patterns import regex
from omnibuild.payload.model import Payload
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Entry, Kind, Tree

PKGINFO: Final = ".PKGINFO"
# What stands beside it and is unpacked nowhere, as a name or its beginning.
_BESIDE: Final = (".PKGINFO", ".MTREE", ".BUILDINFO", ".CHANGELOG", ".INSTALL", ".SIGN.", ".pre-")
_OF_APK: Final = (".post-", ".trigger", ".dummy")
_OPKG: Final = ("debian-binary", "control.tar.gz", "data.tar.gz")
_CONTROL: Final = "control"
# Bytes. What real packages say has some thousand.
_LARGEST: Final = 16 << 20
# Keys that say which package it is, and keys whose values differ whenever a file does.
_IDENTITY: Final = ("pkgname", "pkgver", "arch", "datahash", "size", "builddate")
_PAIR: Final = regex(r"([A-Za-z0-9_-]+) = ?(.*)")


@dataclass(frozen=True)
class Other:
    """One of these packages.

    Args:
        form: its format, as omnibuild calls it.
        said: what it says of itself, besides its name, version and architecture.
    """

    form: str
    name: str
    version: str
    architecture: str
    said: Said
    tree: Tree


def other_in(files: Payload, contents: Contents, limits: Limits) -> Other | None:
    """Return the package whose archive is read already; None for other archives.

    Args:
        files: what the archive holds.
        contents: takes what is in archives inside it.
        limits: what these may hold at most.

    Raises :class:`PackageError` where it is damaged.
    """
    there = files.tree.by_path
    if PKGINFO in there:
        return _with_pkginfo(files)
    if all(name in there for name in _OPKG):
        return _opkg(files, contents, limits)
    return None


def _with_pkginfo(files: Payload) -> Other:
    fields = _fields(_text(files, files.tree.by_path[PKGINFO]))
    form = "apk" if "datahash" in fields or _has_sign(files.tree) else "archlinux"
    said = {key: tuple(texts) for key, texts in fields.items() if key not in _IDENTITY}
    kept: list[Entry] = []
    for entry in files.tree.entries:
        if "/" in entry.path or not entry.path.startswith((*_BESIDE, *_OF_APK)):
            kept.append(entry)
        elif entry.kind is Kind.FILE and entry.path.startswith((".INSTALL", ".pre-", *_OF_APK)):
            said[entry.path] = (entry.digest[:SHOWN],)
    name, version, architecture = (
        "".join(fields.get(key, ())[:1]) for key in ("pkgname", "pkgver", "arch")
    )
    return Other(form, name, version, architecture, said, Tree.of(kept))


def _has_sign(tree: Tree) -> bool:
    return any(entry.path.startswith(".SIGN.") for entry in tree.entries)


def _fields(text: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if match := _PAIR.fullmatch(line):
            found.setdefault(match[1], []).append(match[2])
    return found


def _opkg(files: Payload, contents: Contents, limits: Limits) -> Other:
    _, control, data = (files.tree.by_path[name] for name in _OPKG)
    found: dict[str, bytes] = {}
    left = _LARGEST
    with files.open(control) as stream:
        for member in packed_tar_members(stream, limits):
            content = b""
            for piece in member.content:
                content += piece
                if len(content) > left:
                    raise PackageError("its control archive is far too large")
            left -= len(content)
            found[member.path.removeprefix("./")] = content
    fields = parse_paragraph(found.get(_CONTROL, b"").decode("utf-8", "replace"))
    with files.open(data) as stream:
        for member in packed_tar_members(stream, limits):
            contents.add(member)
    name, version, architecture = (
        fields.get(key, "") for key in ("Package", "Version", "Architecture")
    )
    return Other("ipk", name, version, architecture, _opkg_said(fields, found), contents.tree())


def _opkg_said(fields: Mapping[str, str], files: Mapping[str, bytes]) -> Said:
    said: dict[str, tuple[str, ...]] = {
        key: tuple(map(str.strip, value.split(","))) if key in DEB_RELATIONS else (value,)
        for key, value in fields.items()
    }
    for name, content in files.items():
        if name == "conffiles":
            said[name] = _lines(content)
        elif name != _CONTROL and content:
            said[name] = (of_bytes(content)[:SHOWN],)
    return said


def _lines(content: bytes) -> tuple[str, ...]:
    lines: Iterable[str] = content.decode("utf-8", "replace").splitlines()
    return tuple(line for line in lines if line)


def _text(files: Payload, entry: Entry) -> str:
    if entry.kind is not Kind.FILE or entry.size > _LARGEST:
        raise PackageError(f"its {entry.path} is no text that says what it is")
    return files.read(entry).decode("utf-8", "replace")
