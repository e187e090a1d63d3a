"""Packages of pacman, apk and opkg: written by nfpm, then read back and compared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from omnibuild.audit.glibc import lowest_version
from omnibuild.errors import PackageError
from omnibuild.files import atomic_file, write_atomic
from omnibuild.package.artifact import Artifact
from omnibuild.package.compression import HashingSink
from omnibuild.package.identity import check_identity
from omnibuild.package.members import (
    READ_SIZE,
    archive_members,
    check_config_files,
    check_names,
    check_scripts,
)
from omnibuild.package.nfpm import tool
from omnibuild.package.nfpm.configuration import configuration, content_lines, moment, quoted
from omnibuild.package.nfpm.families import Family, full_version
from omnibuild.package.nfpm.readback import check_written
from omnibuild.package.system_directories import is_system_directory
from omnibuild.payload.model import Payload
from omnibuild.tree import Entry


def write(family: Family, payload: Payload, architecture: str, directory: Path) -> Artifact:
    """Write a package into ``directory``, which exists; nfpm compresses everything equally hard.

    Raises:
        PackageError: the format cannot hold the payload, or nfpm wrote something else.
        MissingExtraError: nfpm is not installed.
    """
    metadata = payload.metadata
    check_identity(metadata, revision=metadata.revision, architecture=architecture)
    members = archive_members(payload.entries_for(family.name))
    scripts = payload.scripts.get(family.name, {})
    check_names(members)
    check_config_files(payload.config_files, members)
    check_scripts(family.name, scripts, (*family.scripts, *family.upgrades))
    _check_owners(family, payload, members)
    own = [member for member in members if not is_system_directory(member)]
    path = directory / family.file_name.format(
        name=metadata.name,
        version=family.version(metadata.version),
        revision=metadata.revision,
        architecture=architecture,
    )
    with TemporaryDirectory(dir=directory) as scratch:
        written = Path(scratch) / path.name
        text = _configuration(family, payload, architecture, own, Path(scratch))
        write_atomic(Path(scratch) / "nfpm.yaml", text)
        tool.package(Path(scratch) / "nfpm.yaml", family.name, written)
        contents = Path(scratch) / "contents"
        contents.mkdir()
        identity = (metadata.name, full_version(family, metadata), architecture)
        check_written(written, identity, own, contents)
        with atomic_file(path) as stream, written.open("rb") as source:
            output = HashingSink(stream)
            shutil.copyfileobj(source, output, READ_SIZE)
    return Artifact(path, output.size, output.digest)


def _configuration(
    family: Family, payload: Payload, architecture: str, members: Sequence[Entry], scratch: Path
) -> str:
    metadata = payload.metadata
    relations = family.relations(metadata)
    if lowest := lowest_version(payload.glibc):
        relations["depends"].insert(0, family.libc.format(version=lowest))
    fields = {
        "name": metadata.name,
        "arch": architecture,
        "epoch": str(metadata.epoch) if metadata.epoch else "",
        "version": family.version(metadata.version),
        "release": metadata.revision,
        "section": metadata.section,
        "priority": metadata.priority,
        "maintainer": metadata.maintainer,
        "description": family.description(metadata),
        "vendor": metadata.vendor,
        "homepage": metadata.homepage,
        "license": metadata.license,
        "mtime": moment(metadata.date),
    }
    files = {
        name: _script(scratch / f"script-{name}", text, metadata.date)
        for name, text in payload.scripts.get(family.name, {}).items()
    }
    # What stands above is one of Go's names, and may become another one.
    table = {"arch": quoted(architecture)}
    if family.packager:
        table["packager"] = quoted(metadata.maintainer)
    if before := relations.pop("predepends", []):
        table["predepends"] = f"[{', '.join(map(quoted, before))}]"
    upgrades = {key: files[name] for name, key in family.upgrades.items() if name in files}
    if upgrades:
        said = ", ".join(f"{key}: {quoted(str(path))}" for key, path in upgrades.items())
        table["scripts"] = f"{{{said}}}"
    return configuration(
        fields,
        relations,
        {family.name: table},
        {key: files[name] for name, key in family.scripts.items() if name in files},
        content_lines(members, payload.root, payload.config_files),
    )


def _script(path: Path, text: str, date: int) -> Path:
    """Write a script for nfpm, which keeps its time."""
    write_atomic(path, text)
    os.utime(path, (date, date))
    return path


def _check_owners(family: Family, payload: Payload, members: Sequence[Entry]) -> None:
    """Refuse what scripts do not set right later on, and configuration that nobody keeps."""
    there = {f"/{member.path}" for member in members}
    for path in (*payload.owners, *payload.capabilities):
        if path in there and path not in payload.config_files:
            raise PackageError(
                f"packages for {family.manager} cannot give {path} capabilities, nor an owner",
                hint=f"leave it out of these: [files] with formats for {path}; or set it in the"
                " hook `post-configure`",
            )
    for path in payload.config_files:
        if family.protected and not path.startswith(f"{family.protected}/"):
            raise PackageError(
                f"{family.manager} would overwrite the configuration file {path} in an upgrade",
                hint=f"move it below {family.protected}",
            )
