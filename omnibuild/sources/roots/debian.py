"""Build roots: the container file systems that components are compiled in.

A root is made by mmdebstrap from the packages of a lock and from nothing else: the packages,
fetched and verified before, form a temporary local repository. Root and ordinary users get the
same bytes; the tree belongs to the user who made it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from omnibuild import files
from omnibuild.digests import Digest
from omnibuild.errors import SourceError, Where
from omnibuild.sources.roots.lock import RootLock, RootPackage
from omnibuild.sources.roots.tree import finish_root, unpack_tar
from omnibuild.sources.scratch import OF_ROOT, OF_ROOT_BY_ROOT, quick
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool

MMDEBSTRAP = Tool("mmdebstrap", package="mmdebstrap")
NEWUIDMAP = Tool("newuidmap", package="uidmap")
DPKG_DEB = Tool("dpkg-deb", package="dpkg")

# An ar archive: the magic, then the first member's header, in which the time has a fixed place.
AR_MAGIC = b"!<arch>\n"
AR_TIME = slice(24, 36)


def build_root(
    lock: RootLock, debs: Mapping[Digest, Path], target: Path, log: IO[bytes] | None = None
) -> None:
    """Make the root's tree at ``target``, which must not exist yet or be empty.

    Args:
        lock: the packages of the root.
        debs: the verified package files by their digest; more than the lock's are fine.
        target: the new directory; it belongs to the calling user, like all that is in it.
        log: takes the output of mmdebstrap and of the packages' scripts.
    """
    mode = _mode()
    packages = {package: deb_of(package, debs) for package in lock.packages}
    epoch = max(map(_deb_time, packages.values()))
    # A directory of the system and not of the user: the user's own are often closed to the
    # unprivileged ids that mmdebstrap works as.
    with tempfile.TemporaryDirectory(prefix="omnibuild-root-") as name:
        scratch = Path(name)
        scratch.chmod(0o755)
        repository = scratch / "repository"
        _write_repository(lock, packages, repository)
        archive = scratch / "root.tar"
        use = OF_ROOT_BY_ROOT if mode == "root" else OF_ROOT
        with quick(use) as place:
            # It works as unprivileged ids there, and those remove what they made.
            place.chmod(0o1777)
            _install(lock, mode, repository, archive, epoch, place, log)
        unpack_tar(archive, target, log)
    finish_root(target)


def _install(
    lock: RootLock,
    mode: str,
    repository: Path,
    archive: Path,
    epoch: int,
    place: Path,
    log: IO[bytes] | None,
) -> None:
    """Install the packages of a repository, by their scripts, below a directory; archive them."""
    MMDEBSTRAP.run(
        f"--mode={mode}",
        "--format=tar",
        "--variant=minbase",
        f"--architectures={lock.architecture}",
        f"--include={','.join(package.name for package in lock.packages)}",
        # After a crash the half-made root is thrown away: nothing needs to be on disk early.
        "--dpkgopt=force-unsafe-io",
        "--skip=output/dev",
        # No suite: the repository holds nothing but the lock's packages.
        "",
        archive,
        f"deb [trusted=yes] copy://{repository} {lock.suite} main",
        environment={
            **CLEAN_ENVIRONMENT,
            "TMPDIR": str(place),
            "SOURCE_DATE_EPOCH": str(epoch),
        },
        log=log,
    )


def _mode() -> str:
    """Return how mmdebstrap gets the rights it needs."""
    if os.geteuid() == 0:
        return "root"
    NEWUIDMAP.path()
    return "unshare"


def deb_of(package: RootPackage, debs: Mapping[Digest, Path]) -> Path:
    """Return the file of a package; raises :class:`SourceError` if it is not fetched."""
    if package.sha256 not in debs:
        raise SourceError(
            f"the package {package.name} {package.version} of the root is not fetched"
        )
    return debs[package.sha256]


def control_of(deb: Path) -> str:
    """Return what a package says of itself, without a line break at the end."""
    return DPKG_DEB.run("--field", deb).stdout.decode().rstrip("\n")


def _deb_time(deb: Path) -> int:
    """Return when the package was built, as its file says."""
    with deb.open("rb") as stream:
        head = stream.read(AR_TIME.stop)
    if not head.startswith(AR_MAGIC):
        raise SourceError("not a Debian package", where=Where(str(deb)))
    return int(head[AR_TIME])


def _write_repository(
    lock: RootLock, packages: Mapping[RootPackage, Path], repository: Path
) -> None:
    """Write an unsigned apt repository that everybody can read."""
    index = repository / "dists" / lock.suite / "main" / f"binary-{lock.architecture}"
    index.mkdir(parents=True)
    stanzas = []
    for package, deb in packages.items():
        pooled = repository / package.filename
        pooled.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(deb, pooled)
        stanzas.append(
            f"{control_of(deb)}\nFilename: {package.filename}\n"
            f"Size: {package.size}\nSHA256: {package.sha256}\n"
        )
    files.write_atomic(index / "Packages", "\n".join(stanzas))
    for path in (repository, *repository.rglob("*")):
        path.chmod(0o755)
