"""Small packages, platforms and a signing key for tests of repositories."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from omnibuild.documents.changelog import render_changelog
from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.payload.model import Change, Metadata, Payload
from omnibuild.provenance.described import place_of_manifest
from omnibuild.recipe.models import Debian, Platform, Rpm, Tar
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import Signer, load_signer
from omnibuild.tree import scan
from tests.unit.signing.keyring import keyring

DEBIAN_11 = Platform(
    name="debian-11",
    title="Debian 11",
    glibc="2.31",
    root="bullseye",
    deb=Debian(
        compression="gzip",
        architecture="amd64",
        revision_suffix="~deb11",
        suite_suffix="-deb11",
    ),
)
DEBIAN_12 = Platform(
    name="debian-12",
    title="Debian 12",
    glibc="2.36",
    root="bullseye",
    deb=Debian(compression="zstd", architecture="amd64"),
)
EL9 = Platform(
    name="el9",
    title="Enterprise Linux 9",
    glibc="2.34",
    root="bullseye",
    rpm=Rpm(architecture="x86_64", tree="el9"),
)
LINUX = Platform(
    name="linux", title="Linux", glibc="2.31", root="bullseye", tar=Tar(architecture="x86_64")
)
PLATFORMS = (DEBIAN_11, DEBIAN_12, EL9, LINUX)
USER_ID = "Shop packages <ops@shop.example>"

GOLDEN = Path(__file__).parent.parent / "golden" / "repository"


def assert_golden(name: str, text: str) -> None:
    """Compare ``text`` with the golden file of that name; OMNIBUILD_WRITE_GOLDEN=1 writes it."""
    path = GOLDEN / name
    if os.environ.get("OMNIBUILD_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@cache
def signer(user_id: str = USER_ID) -> Signer:
    """Return a signer with a new key, of a kind that is quick; one for the whole session."""
    with keyring(user_id=user_id) as made, tempfile.TemporaryDirectory() as directory:
        return load_signer(made.export(Path(directory) / "key"))


@cache
def created_signer(user_id: str = USER_ID) -> Signer:
    """Return one with a key of ``omnibuild key create``, for the tools that hosts have."""
    with tempfile.TemporaryDirectory() as directory:
        return load_signer(create_key(Path(directory) / "key", user_id).path)


def _metadata(name: str, version: str) -> Metadata:
    return Metadata(
        name=name,
        version=version,
        revision="1",
        summary="Greets the world",
        description="",
        license="MIT",
        maintainer="Shop team <team@shop.example>",
        homepage="https://shop.example",
        vendor="",
        date=1_700_000_000,
    )


def package(
    directory: Path,
    name: str = "hello",
    version: str = "1.0",
    *,
    platform: Platform = DEBIAN_12,
    content: str = "",
    summary: str = "Greets the world",
    epoch: int = 0,
    revision: str = "1",
    changes: tuple[Change, ...] = (),
    description: str = "",
    homepage: str = "https://shop.example",
    manifest: str = "",
) -> Path:
    """Write a small package; equal arguments give equal bytes."""
    root = Path(tempfile.mkdtemp(dir=directory))
    program = root / f"opt/{name}/bin/{name}"
    program.parent.mkdir(parents=True)
    program.write_text(content or f"#!/bin/sh\necho {name} {version}\n")
    program.chmod(0o755)
    if changes:
        documents = root / f"usr/share/doc/{name}"
        documents.mkdir(parents=True)
        changelog = gzip.compress(render_changelog(name, changes).encode(), mtime=0)
        (documents / "changelog.Debian.gz").write_bytes(changelog)
    if manifest:
        place = root / place_of_manifest(name)
        place.parent.mkdir(parents=True)
        place.write_text(manifest)
    for path in (root, *root.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    metadata = replace(
        _metadata(name, version),
        summary=summary,
        description=description,
        homepage=homepage,
        epoch=epoch,
        revision=revision,
        changes=changes,
    )
    payload = Payload(metadata=metadata, root=root, tree=scan(root), prefix=f"/opt/{name}")
    form = platform.deb or platform.rpm or platform.tar
    assert form
    return write_package(payload, form, Making(Path(tempfile.mkdtemp(dir=directory)))).path


def layered_tarball(
    directory: Path, version: str, parts: Mapping[str, Mapping[str, str]], name: str = "hello"
) -> Path:
    """Write a tarball of parts, each with its files, and a command that says the version."""
    root = Path(tempfile.mkdtemp(dir=directory))
    trees = {}
    for part, files in {
        **parts,
        "": {f"bin/{name}": f"#!/bin/sh\necho {name} {version}\n"},
    }.items():
        own = Path(tempfile.mkdtemp(dir=directory))
        for path, content in files.items():
            for place in (own / path, root / f"opt/{name}" / path):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(content)
                place.chmod(0o755 if path.startswith("bin/") else 0o644)
        if part:
            trees[part] = scan(own)
    root.chmod(0o755)
    metadata = _metadata(name, version)
    payload = Payload(metadata=metadata, root=root, tree=scan(root), prefix=f"/opt/{name}")
    assert LINUX.tar
    making = Making(Path(tempfile.mkdtemp(dir=directory)), parts=trees)
    return write_package(payload, LINUX.tar, making).path


def listing(root: Path) -> dict[str, bytes]:
    """Return all files of a repository but the lock."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
