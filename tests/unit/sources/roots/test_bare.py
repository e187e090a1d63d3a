"""Roots of packages that are unpacked and not installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.digests import of_file
from omnibuild.errors import SourceError
from omnibuild.package.deb.writer import write_deb
from omnibuild.payload.model import Payload
from omnibuild.sources.roots.bare import unpack_packages
from omnibuild.sources.roots.lock import RootLock, RootPackage
from omnibuild.tree import scan
from tests.unit.package.samples import DEB, METADATA, write


def package(base: Path, name: str, files: dict[str, bytes]) -> tuple[RootPackage, Path]:
    root = base / name
    for path, data in files.items():
        write(root, path, data, 0o755)
    payload = Payload(replace(METADATA, name=name), root, scan(root), prefix="")
    artifact = write_deb(payload, DEB, base / "debs" / name, "quick")
    pinned = RootPackage(name, "1", "amd64", f"pool/{name}", artifact.size, artifact.digest)
    return pinned, artifact.path


def unpacked(base: Path, **packages: dict[str, bytes]) -> Path:
    found = [package(base, name, files) for name, files in packages.items()]
    lock = RootLock("sid", "amd64", tuple(sorted(pinned for pinned, _ in found)), bare=True)
    target = base / "target"
    target.mkdir()
    unpack_packages(lock, {of_file(path): path for _, path in found}, target)
    return target


def test_what_scripts_would_make_is_made(tmp_path: Path) -> None:
    target = unpacked(
        tmp_path,
        files={
            "usr/share/base-passwd/passwd.master": b"root:*:0:0:root:/root:/bin/bash\n",
            "usr/share/man/man1/x.1": b"",
            "bin/busybox": b"#!",
            "bin/ls": b"its own",
        },
        authorities={
            "usr/share/ca-certificates/mozilla/b.crt": b"B\n",
            "usr/share/ca-certificates/mozilla/a.crt": b"A\n",
        },
    )
    assert (target / "etc/passwd").read_bytes().startswith(b"root:")
    assert (target / "etc/ssl/certs/ca-certificates.crt").read_bytes() == b"A\nB\n"
    assert (target / "bin/sh").readlink() == Path("busybox")
    assert (target / "bin/ls").read_bytes() == b"its own"
    assert not (target / "usr/share/man").exists()
    status = (target / "var/lib/dpkg/status").read_text()
    assert [line for line in status.splitlines() if line.startswith(("Package", "Status"))] == [
        "Package: authorities",
        "Status: install ok installed",
        "Package: files",
        "Status: install ok installed",
    ]


def test_a_package_leads_nowhere_else(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = tmp_path / "evil/etc/ssl"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with pytest.raises(SourceError, match="has a link"):
        unpacked(
            tmp_path,
            evil={"usr/share/doc/evil": b""},
            authorities={"usr/share/ca-certificates/a.crt": b"A\n"},
        )
    assert not list(outside.iterdir())
