"""The keyring package as files, one for apt and one for dnf."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian, Rpm
from omnibuild.repository import intake, layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.clients import apt_source, updater, yum_repo
from omnibuild.repository.clients.systems import APT, DNF
from omnibuild.repository.intake import Submission
from omnibuild.repository.keys.package import REVISION
from omnibuild.repository.keys.trusted import apt_keyring, rpm_keyring
from omnibuild.repository.state.entries import NOARCH
from omnibuild.repository.state.head import Repository
from omnibuild.tree import scan

# Of all that it says nothing changes with time: equal keys are an equal package.
_DATE: Final = 1_000_000_000


def make_keyring(record: Repository, serial: int, scratch: Path) -> list[Submission]:
    """Write the package for apt and for dnf below ``scratch``."""
    apt, _ = apt_keyring(record.keys)
    dnf = rpm_keyring(record.keys)
    places = (apt_source.keyring_path(record.name), yum_repo.keyring_path(record.name))
    deb, rpm = Debian(compression="gzip", architecture=ALL), Rpm(architecture=NOARCH, tree="")
    metadata = _metadata(record, serial)
    return [
        _package(record, metadata, APT, {places[0]: apt}, deb, scratch / "deb"),
        _package(record, metadata, DNF, {places[1]: dnf}, rpm, scratch / "rpm"),
    ]


def _package(
    record: Repository,
    metadata: Metadata,
    family: str,
    keys: dict[str, bytes],
    form: Debian | Rpm,
    scratch: Path,
) -> Submission:
    root, out = scratch / "root", scratch / "out"
    out.mkdir(parents=True)
    texts = updater.files(record.name, record.title, family)
    program = updater.program_path(record.name, family)
    for path, content in {**keys, **{path: text.encode() for path, text in texts.items()}}.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755 if path == program else 0o644)
    for directory in (root, *filter(Path.is_dir, root.rglob("*"))):
        directory.chmod(0o755)
    (place,) = keys
    payload = Payload(
        metadata=metadata,
        root=root,
        tree=scan(root),
        prefix=str(Path(place).parent),
        scripts=updater.scripts(record.name),
    )
    return intake.inspect(write_package(payload, form, Making(out)).path)


def _metadata(record: Repository, serial: int) -> Metadata:
    return Metadata(
        name=layout.keyring_package(record.name),
        version=str(serial),
        revision=REVISION,
        summary=f"Keys of the package repository {record.title}",
        description="Upgrades bring the keys that this host's packages are signed with, and the"
        " program that keeps packages current where somebody asked for it.",
        license="none",
        maintainer=record.title,
        homepage="",
        vendor=record.title,
        date=_DATE,
    )
