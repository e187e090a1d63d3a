"""Package files on their way in: read and checked whole, before anything is changed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import PackageError, Where
from omnibuild.package.reading import reading
from omnibuild.provenance.described import described, place_of_manifest
from omnibuild.regular import open_regular
from omnibuild.repository import layout
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.state.entries import Download
from omnibuild.store.delivery import CHECKSUM_SUFFIX, MANIFEST_SUFFIX

if TYPE_CHECKING:
    # What reads a format is loaded when a file of it comes: most publishings have one format.
    from omnibuild.package.deb.reader import CheckedDeb
    from omnibuild.package.rpm.reader import RpmInfo

DEB_SUFFIXES = (".deb", ".udeb")
PACKAGE_SUFFIXES = (*DEB_SUFFIXES, ".rpm", ".tar.gz", ".tar.xz", ".tar.zst", ".pex")
DEB, RPM, TAR, PEX = "deb", "rpm", "tar", "pex"
IMAGE_SUFFIX: Final = ".oci.tar"
# Other packages: who installs them, and how.
OTHERS: Final = {
    ".pkg.tar.zst": ("pacman", "pacman -U"),
    ".apk": ("apk", "apk add --allow-untrusted"),
    ".ipk": ("opkg", "opkg install"),
}
# A manifest lists components and Python packages, a few hundred bytes each.
LARGEST_SIDECAR: Final = 16 << 20


class Submission(Struct, frozen=True):
    """A package file that can be published.

    Args:
        version: as the format says it, with epoch and revision.
        identity: what makes it the same package: for an rpm the digest of its main header, which
            signing leaves alone; for all others the digest of the file.
        path: where it lies, as :mod:`~omnibuild.repository.layout` says for its format; one path
            stands for one identity, in all channels.
        deb: what a .deb says.
        info: headers of an .rpm.
        manifest: what an app says that it is made of; empty if it says nothing.
    """

    source: Path
    format: str
    name: str
    version: str
    architecture: str
    identity: Digest
    path: str
    deb: CheckedDeb | None = None
    info: RpmInfo | None = None
    manifest: bytes = b""

    @property
    def key(self) -> str:
        """Its place in a ledger."""
        if self.format in (DEB, RPM):
            return f"{self.name} {self.path}"
        return Download(name=self.name, digest="", size=0).key

    @property
    def described(self) -> Digest | UnsetType:
        """The digest of its manifest, if there is one."""
        return digests.of_bytes(self.manifest) if self.manifest else UNSET

    def keys(self, components: Iterable[str]) -> list[str]:
        """Return its place in a ledger, and those that it would have in other components."""
        if self.format != DEB:
            return [self.key]
        others = [f"{self.name} {layout.in_component(self.path, each)}" for each in components]
        return list(dict.fromkeys([self.key, *others]))

    @property
    def title(self) -> str:
        """What people call it, as ``shop 1.4-1 (amd64)``."""
        architecture = f" ({self.architecture})" if self.architecture else ""
        return " ".join(filter(None, (self.name, self.version))) + architecture


def without_sidecars(paths: Iterable[Path]) -> list[Path]:
    """Return the files but those that go with another, called after it: ``shop.deb.sha256``."""
    files = list(paths)
    names = {path.name for path in files}
    return [path for path in files if not goes_with_another(path.name, names)]


def divided(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return images, and all other files but what goes with these images."""
    images = [path for path in paths if path.name.endswith(IMAGE_SUFFIX)]
    names = {path.name for path in images}
    others = [path for path in paths if path not in images]
    return images, [path for path in others if not goes_with_another(path.name, names)]


def goes_with_another(name: str, names: Container[str]) -> bool:
    """Tell whether a file is a sidecar of one in ``names``, called after that."""
    # A package is one, whatever else is called like its beginning.
    if name.endswith(PACKAGE_SUFFIXES):
        return False
    return any(name[: dot.start()] in names for dot in re.finditer(r"\.", name))


def inspect(path: Path, component: str = layout.COMPONENT) -> Submission:
    """Read a package file from its first byte to its last.

    Raises :class:`PackageError` when it is damaged, or nothing that can be published.
    """
    _check_there(path)
    check_sidecars(path)
    _refuse_others(path)
    if path.name.endswith(IMAGE_SUFFIX):
        raise PackageError(
            "images are for registries, and no apt or yum repository has them",
            where=Where(str(path)),
            hint="omnibuild publish --registry registry.example.com/team",
        )
    if path.suffix in DEB_SUFFIXES:
        return _inspect_deb(path, component)
    if path.suffix == ".rpm":
        return _inspect_rpm(path)
    place = layout.download_path(path.name)
    if path.suffix == f".{PEX}":
        from omnibuild.package.pex import check_pex

        check_pex(path)
        return Submission(path, PEX, path.name, "", "", digests.of_file(path), place)
    from omnibuild.package.decompression import decompressed
    from omnibuild.package.opening.manifest import manifest_of_tarball

    with reading(path), open_regular(path) as stream:
        for _ in decompressed(stream, path.name):
            pass
    manifest = _readable(manifest_of_tarball(path))
    identity = digests.of_file(path)
    return Submission(path, TAR, path.name, "", "", identity, place, manifest=manifest)


def _readable(manifest: bytes) -> bytes:
    """Return a manifest; nothing for what is none: no package has to have one."""
    return manifest if manifest and described(manifest) else b""


def _refuse_others(path: Path) -> None:
    """Refuse packages of managers for which there is no repository here."""
    for suffix, (manager, command) in OTHERS.items():
        if path.name.endswith(suffix):
            raise PackageError(
                f"packages for {manager} are in no apt or yum repository",
                where=Where(str(path)),
                hint=f"give the file to hosts: {command} {path.name}",
            )


def _check_there(path: Path) -> None:
    with reading(path):
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise PackageError(
            "this is a directory", where=Where(str(path)), hint=f"give its files, as {path}/*"
        )


class _About(Struct):
    """What a manifest says of its artifact; all else in it is for people."""

    file: str
    sha256: str
    size: int


class _Manifest(Struct):
    artifact: _About


def check_sidecars(path: Path) -> None:
    """Compare the file with the checksum and the manifest beside it, as far as they are there."""
    words = _read_if_there(path, CHECKSUM_SUFFIX)
    described = _read_if_there(path, MANIFEST_SUFFIX)
    if words is None and described is None:
        return
    checksum = path.with_name(path.name + CHECKSUM_SUFFIX)
    manifest = path.with_name(path.name + MANIFEST_SUFFIX)
    with reading(path):
        found = digests.of_file(path)
        size = path.stat().st_size
    if words is not None:
        expected = words.decode(errors="replace").split(maxsplit=1)[:1]
        if expected != [found]:
            raise _mismatch(path, checksum, "checksum", *expected, found=found)
    if described is not None:
        _compare(path, manifest, _about(manifest, described), _About(path.name, found, size))


def _compare(path: Path, manifest: Path, said: _About, found: _About) -> None:
    if said.file != found.file:
        raise _mismatch(path, manifest, "name", said.file, found=found.file)
    if said.size != found.size:
        raise _mismatch(path, manifest, "size", str(said.size), found=str(found.size))
    if said.sha256 != found.sha256:
        raise _mismatch(path, manifest, "checksum", said.sha256, found=found.sha256)


def _read_if_there(package: Path, suffix: str) -> bytes | None:
    # Most packages have none, and a path takes longer to make than to look up.
    if not os.path.exists(f"{package}{suffix}"):
        return None
    path = package.with_name(package.name + suffix)
    with reading(path), open_regular(path) as stream:
        content = stream.read(LARGEST_SIDECAR + 1)
    if len(content) > LARGEST_SIDECAR:
        raise PackageError(f"{path.name} is far too large", where=Where(str(path)))
    return content


def _about(manifest: Path, content: bytes) -> _About:
    try:
        return msgspec.json.decode(content, type=_Manifest).artifact
    except UNREADABLE as error:
        raise PackageError(
            f"{manifest.name} is no manifest of an artifact",
            where=Where(str(manifest)),
            why=str(error),
            hint="give the one that was built with the package, or none",
        ) from error


def _mismatch(
    path: Path, sidecar: Path, what: str, expected: str = "nothing", *, found: str
) -> PackageError:
    return PackageError(
        f"{path.name} has another {what} than {sidecar.name} says",
        where=Where(str(path)),
        why=f"expected {expected}\nfound    {found}",
        hint="build or fetch both again: one of them is not what it was",
    )


def _inspect_deb(path: Path, component: str) -> Submission:
    from omnibuild.package.deb.reader import check_deb

    deb = check_deb(path)
    name, version, architecture = (
        deb.fields[field] for field in ("Package", "Version", "Architecture")
    )
    place = layout.deb_path(name, version, architecture, path.suffix, component)
    about = (name, version, architecture, deb.digest, place)
    return Submission(path, DEB, *about, deb=deb, manifest=_readable(deb.manifest))


def _inspect_rpm(path: Path) -> Submission:
    from omnibuild.package.rpm.verification import check_rpm

    info = check_rpm(path)
    version, architecture = info.full_version, info.architecture
    place = layout.rpm_path(info.name, version, architecture)
    about = (info.name, version, architecture, info.header_digest, place)
    return Submission(path, RPM, *about, info=info, manifest=_manifest_of_rpm(path, info))


def _manifest_of_rpm(path: Path, info: RpmInfo) -> bytes:
    expected = f"/{place_of_manifest(info.name)}"
    if all(file.path != expected for file in info.files):
        return b""
    # Few packages are of this program: the others are read once.
    from omnibuild.package.opening.manifest import manifest_of_rpm

    return _readable(manifest_of_rpm(path))


def changed_meanwhile(submission: Submission) -> PackageError:
    """Return the error for a file that is no longer the one that was looked at."""
    return PackageError(
        f"{submission.source.name} changed while it was published",
        where=Where(str(submission.source)),
        hint="publish it when nothing writes there",
    )
