from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import MissingToolError, SourceError
from omnibuild.sources.roots.debian import build_root
from omnibuild.sources.roots.lock import RootLock, RootPackage, make_lock

PACKAGE = RootPackage("base-files", "1", "amd64", "pool/main/b/base-files_1_amd64.deb", 1, "0" * 64)
LOCK = RootLock("bullseye", "amd64", (PACKAGE,))


def test_a_package_that_is_not_fetched_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="base-files"):
        build_root(LOCK, {}, tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_file_that_is_no_package_is_refused(tmp_path: Path) -> None:
    deb = tmp_path / "deb"
    deb.write_bytes(b"no package at all")
    with pytest.raises(SourceError) as caught:
        build_root(LOCK, {PACKAGE.sha256: deb}, tmp_path / "root")
    assert caught.value.where is not None
    assert caught.value.where.file == str(deb)


def test_no_lock_without_the_archives_keys(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError) as caught:
        make_lock("bullseye", [], "http://mirror.invalid", keyring=tmp_path / "absent.gpg")
    assert "debian-archive-keyring" in caught.value.hint
