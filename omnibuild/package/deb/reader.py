"""The control paragraph of a .deb, read without trusting the file."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import PackageError
from omnibuild.package.deb.changelog import LONGEST, DebChange, changelog_paths, newest_changes
from omnibuild.package.deb.contents import check_contents, control_files, deb_parts, tar_files
from omnibuild.package.deb.fields import check_fields
from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.package.reading import reading
from omnibuild.provenance.described import LARGEST, place_of_manifest
from omnibuild.regular import open_regular

_SMALL: Final = 1 << 20


def read_deb_control(path: Path) -> dict[str, str]:
    """Return the fields of a package's control file in their order.

    Raises :class:`PackageError` whatever is wrong with the file, as far as it was read.
    """
    with reading(path), open_regular(path) as stream:
        control, _ = deb_parts(stream)
        return control_fields(control_files(stream, control))


def list_deb(path: Path) -> list[bytes]:
    """Return the paths of a package's files and links, sorted, without a slash before them.

    Raises :class:`PackageError` whatever is wrong with the file, as far as it was read.
    """
    with reading(path), open_regular(path) as stream:
        _, data = deb_parts(stream)
        return sorted({file.name for file in tar_files(stream, data, links=True)})


class CheckedDeb(Struct, frozen=True):
    """A package that was read whole.

    Args:
        fields: of its control file, in their order.
        changes: the newest entries of its changelog.
        digest: of the file.
        manifest: what an app says that it is made of; empty if it says nothing.
    """

    fields: dict[str, str]
    changes: tuple[DebChange, ...]
    digest: Digest
    manifest: bytes = b""


def check_deb(path: Path) -> CheckedDeb:
    """Read a package from its first byte to its last.

    Raises :class:`PackageError` for what dpkg or apt would not take, and for damage.
    """
    with reading(path), open_regular(path) as file:
        # Most are small, and read once.
        content = file.read(_SMALL + 1)
        digest = hashlib.sha256(content)
        while piece := file.read(digests.READ_SIZE):
            digest.update(piece)
        stream: IO[bytes] = file if len(content) > _SMALL else BytesIO(content)
        control, data = deb_parts(stream)
        files = control_files(stream, control)
        fields = control_fields(files)
        check_fields(fields)
        name = fields["Package"]
        wanted = dict.fromkeys(changelog_paths(name), LONGEST)
        manifest = place_of_manifest(name).encode()
        wanted[manifest] = LARGEST
        kept = check_contents(stream, data, files.get(b"md5sums", b""), wanted)
    changes, said = newest_changes(kept, name), kept.get(manifest, b"")
    return CheckedDeb(fields, changes, digest.hexdigest(), said)


def control_fields(files: dict[bytes, bytes]) -> dict[str, str]:
    """Return the fields of the control file among the files of a control archive, in order.

    Raises :class:`PackageError`.
    """
    if b"control" not in files:
        raise PackageError("its control archive holds no control file")
    try:
        text = files[b"control"].decode()
    except UnicodeDecodeError as error:
        raise PackageError("the control file is not UTF-8", why=str(error)) from error
    fields = parse_paragraph(text)
    for name in ("Package", "Version", "Architecture"):
        if not fields.get(name):
            raise PackageError(f"the control file has no {name}")
    return fields
