"""A package file of any kind, or a directory, laid open."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from omnibuild.errors import PackageError, Where
from omnibuild.package.deb.ar import MAGIC as AR
from omnibuild.package.deb.configuration import laid_by
from omnibuild.package.deb.contents import control_files, deb_parts
from omnibuild.package.deb.reader import control_fields
from omnibuild.package.decompression import decompressed
from omnibuild.package.opening.contents import Contents, Member, clean_path
from omnibuild.package.opening.cpio import rpm_members
from omnibuild.package.opening.image import Image, image_in, lay_over
from omnibuild.package.opening.others import other_in
from omnibuild.package.opening.said import Said, deb_said, rpm_said
from omnibuild.package.opening.tarball import Pieces, packed_tar_members, tar_members
from omnibuild.package.reading import reading
from omnibuild.package.rpm.header import LEAD_MAGIC
from omnibuild.package.rpm.reader import info_of, read_headers
from omnibuild.package.rpm.tags import Tag
from omnibuild.package.rpm.verification import SUFFIXES
from omnibuild.patterns import regex
from omnibuild.payload.model import DEFAULTS, Metadata, Payload
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Kind, Tree, scan

_PACKAGES: Final = (*(".deb", ".udeb", ".rpm", ".tar.zst", ".apk", ".ipk", ".oci.tar", ".pex"),)
_HOST_PATH: Final = regex(r"(?<![\w./}-])/[\w.+/@%~:-]+")


@dataclass(frozen=True)
class Opened:
    """What a package holds.

    Args:
        payload: its files, and as much as it says of itself.
        form: its format, as ``deb``; empty of tarballs and directories.
        architecture: as the format calls it; empty where nothing says it.
        said: what else it says of itself, field by field; nothing of a tarball or directory.
        base: paths of an image's lowest layer, on which the others lie as packages on a host.
    """

    payload: Payload
    form: str = ""
    architecture: str = ""
    said: Said = field(default_factory=dict)
    base: frozenset[str] = frozenset()

    def above_base(self) -> Payload:
        """Return the payload without what only the base has; hard links keep what they repeat."""
        if not self.base:
            return self.payload
        tree = self.payload.tree
        kept = [entry for entry in tree.entries if entry.path not in self.base]
        repeated = {entry.target for entry in kept if entry.kind is Kind.HARDLINK} & self.base
        kept += [tree.by_path[path] for path in repeated]
        return dataclasses.replace(self.payload, tree=Tree.of(kept))


def open_package(path: Path, scratch: Path, limits: Limits) -> Opened:
    """Read a package of any format, an image, a tarball or a directory, whatever it is called.

    Args:
        path: the file or directory.
        scratch: a private, empty directory, which takes the contents of an archive.
        limits: what an archive may hold at most.

    Raises:
        PackageError: it is none of these, or damaged, or holds what no package can.
    """
    if path.is_dir():
        with reading(path):
            _refuse_packages(path)
        opened = _open_directory(path)
        with reading(path):
            image = image_in(opened.payload)
            return _open_image(image, opened.payload, scratch, limits) if image else opened
    with reading(path), path.open("rb") as stream:
        read = _read(path, stream, limits)
        contents = Contents(scratch, limits)
        for member in read.members:
            contents.add(member)
        opened = _opened(read.name, read.version, contents.tree(), scratch, scratch)
        if not read.form and (image := image_in(opened.payload)):
            return _open_image(image, opened.payload, scratch, limits)
        if not read.form and (other := other_in(opened.payload, Contents(scratch, limits), limits)):
            opened = _opened(other.name, other.version, other.tree, scratch, scratch)
            return Opened(opened.payload, other.form, other.architecture, other.said)
        payload = _with_rights(opened.payload, contents, read.owners)
        said = {**read.said, **_special(contents)}
        return Opened(payload, read.form, read.architecture, said)


@dataclass(frozen=True)
class _Read:
    """A package of which all is read but the members.

    Args:
        owners: host path to user and group, as far as anybody but root is known.
    """

    name: str
    members: Iterator[Member]
    form: str = ""
    version: str = ""
    architecture: str = ""
    said: Said = field(default_factory=dict)
    owners: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def _read(path: Path, stream: IO[bytes], limits: Limits) -> _Read:
    start = stream.read(len(AR))
    stream.seek(0)
    if start.startswith((b"PK", b"#!")) and zipfile.is_zipfile(stream):
        raise PackageError("it is a zip: wheels and PEX files are not looked into")
    stream.seek(0)
    if start == AR:
        return _read_deb(stream)
    if start.startswith(LEAD_MAGIC):
        return _read_rpm(stream)
    return _Read(path.name, packed_tar_members(stream, limits))


def _read_deb(stream: IO[bytes]) -> _Read:
    control, data = deb_parts(stream)
    files = control_files(stream, control)
    fields = control_fields(files)
    laid = laid_by(files.get(b"postinst", b""))
    stream.seek(data.offset)
    members = tar_members(Pieces(decompressed(stream, data.name, data.size)))
    return _Read(
        fields["Package"],
        _laid(members, laid) if laid else members,
        "deb",
        fields["Version"],
        fields["Architecture"],
        deb_said(fields, files),
        {**_given(files.get(b"postinst", b"")), **laid},
    )


def _given(postinst: bytes) -> dict[str, tuple[str, str]]:
    """Return whom what a script names belongs to: it may give that to anybody, so it is unknown."""
    text = postinst.decode("utf-8", "surrogateescape")
    return dict.fromkeys(_HOST_PATH.findall(text), ("", ""))


def _laid(members: Iterator[Member], laid: Container[str]) -> Iterator[Member]:
    """Yield members with configuration files in the places where postinst lays them."""

    def place(path: str) -> str:
        _, _, host = f"/{clean_path(path)}".partition(f"/{DEFAULTS}")
        return host if host in laid else path

    for member in members:
        inside = f"/{DEFAULTS}/" in f"/{clean_path(member.path)}/"
        if not (inside and member.kind is Kind.DIRECTORY):
            target = place(member.target) if member.kind is Kind.HARDLINK else member.target
            yield dataclasses.replace(member, path=place(member.path), target=target)


def _read_rpm(stream: IO[bytes]) -> _Read:
    headers = read_headers(stream)
    info = info_of(headers)
    compressor = headers.main.text(Tag.PAYLOAD_COMPRESSOR)
    if compressor not in SUFFIXES:
        raise PackageError(f"its payload is compressed by {compressor!r}, which is not read here")
    stream.seek(headers.payload_start)
    payload = Pieces(decompressed(stream, f"payload.cpio.{SUFFIXES[compressor]}"))
    members = rpm_members(headers.main, payload)
    said = rpm_said(info, headers)
    return _Read(info.name, members, "rpm", info.full_version, info.architecture, said)


def _open_image(image: Image, files: Payload, scratch: Path, limits: Limits) -> Opened:
    """Return what containers see of an image whose archive or directory is read already."""
    contents = Contents(scratch, limits)
    base = lay_over(contents, files, image, limits)
    name = image.name or files.metadata.name
    opened = _opened(name, image.version, contents.tree(), scratch, scratch)
    payload = _with_rights(opened.payload, contents)
    return Opened(payload, "oci", image.architecture, {**image.said, **_special(contents)}, base)


def _special(contents: Contents) -> Said:
    """Say what is there as no file can be; in the tree it stands for an empty one."""
    return {"devices and fifos": tuple(sorted(contents.special))} if contents.special else {}


def _with_rights(
    payload: Payload,
    contents: Contents,
    known: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Payload:
    """Return a payload with what its archive says of owners, and what is known better."""
    owners = {**contents.owners, **known}
    return dataclasses.replace(payload, owners=owners, capabilities=contents.capabilities)


def _refuse_packages(path: Path) -> None:
    """Refuse a directory of packages, in which nothing of them would be seen."""
    found = sorted(each.name for each in path.iterdir() if each.name.endswith(_PACKAGES))
    if found:
        raise PackageError(
            f"it is a directory of packages, as {found[0]}, and none itself",
            hint=f"name them: {path}/*",
        )


def _open_directory(path: Path) -> Opened:
    try:
        tree = scan(path)
    except ValueError as error:
        raise PackageError(
            f"{path} cannot be packaged", where=Where(str(path)), why=str(error)
        ) from error
    return _opened(path.resolve().name, "", tree, path)


def _opened(
    name: str, version: str, tree: Tree, root: Path, contents: Path | None = None
) -> Opened:
    metadata = Metadata(
        name=name,
        version=version,
        revision="",
        summary="",
        description="",
        license="",
        maintainer="",
        homepage="",
        vendor="",
        date=0,
    )
    payload = Payload(metadata, root, tree, _prefix_of(tree), contents=contents)
    return Opened(payload)


def _prefix_of(tree: Tree) -> str:
    """Return the directory that the package calls its own, ``/opt/NAME``; empty if none."""
    below = {
        entry.path.split("/")[1]
        for entry in tree.entries
        if entry.path.startswith("opt/") and entry.kind is not Kind.DIRECTORY
    }
    return f"/opt/{below.pop()}" if len(below) == 1 else ""
