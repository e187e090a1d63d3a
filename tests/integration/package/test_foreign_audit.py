"""Packages that dpkg-deb and rpmbuild made are judged like our own, by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omnibuild.payload.placing import place_file
from tests.integration.repository.clients import run
from tests.programs import greet_library, greet_program
from tests.unit.audit.test_audit import RSA

SITE = "opt/shop/lib/python3/site-packages"
SPEC = """\
Name: shop
Version: 1.0
Release: 1
Summary: Has one of everything
License: MIT
AutoReqProv: no
%define debug_package %{{nil}}
%define __os_install_post %{{nil}}
%description
A sample.
%install
cp -a {root}/. %{{buildroot}}
%files
/etc/shop
/opt/shop
"""


def shop(root: Path) -> Path:
    """Make a tree with one fault of each sort."""
    files: dict[str, bytes] = {
        "opt/shop/bin/hello": place_file(greet_program(), "/opt/shop", "bin/hello"),
        "opt/shop/lib/libgreet.so.1.0": place_file(greet_library(), "/opt/shop", "lib/x"),
        "opt/shop/bin/script": b"#!/usr/bin/env python3\n",
        "opt/shop/share/key.pem": RSA.encode(),
        f"{SITE}/x/key.pem": RSA.encode() + b"\n",
        f"{SITE}/x-1.2.dist-info/METADATA": b"Name: x\nVersion: 1.2\n",
        f"{SITE}/x-1.2.dist-info/RECORD": b"x/key.pem,,\n",
        "opt/shop/share/empty": b"",
        "etc/shop/.env": b"SECRET_KEY=s3cr3t-k\n",
    }
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    for path in ("opt/shop/bin/hello", "opt/shop/bin/script"):
        (root / path).chmod(0o755)
    (root / "opt/shop/bin/hallo").hardlink_to(root / "opt/shop/bin/hello")
    (root / "opt/shop/lib/libgreet.so").symlink_to("/opt/shop/lib/libgreet.so.1.0")
    (root / "opt/shop/lib/gone").symlink_to("/usr/lib/gone")
    return root


def deb(base: Path, root: Path) -> Path:
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        "Package: shop\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: A <a@shop.example>\n"
        "Description: a sample\n"
    )
    assert run("dpkg-deb", "--root-owner-group", "-b", root, base / "shop.deb").returncode == 0
    return base / "shop.deb"


def rpm(base: Path, root: Path) -> Path:
    (base / "shop.spec").write_text(SPEC.format(root=root))
    define = ("--define", f"_topdir {base}/rpm")
    done = run("rpmbuild", "-bb", "--target", "x86_64", *define, base / "shop.spec")
    assert done.returncode == 0, done.stdout
    return next(base.glob("rpm/RPMS/*/*.rpm"))


def tar(base: Path, root: Path) -> Path:
    assert run("tar", "-C", root, "-czf", base / "shop.tgz", ".").returncode == 0
    return base / "shop.tgz"


def audited(*words: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "omnibuild", "audit", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("pack", [deb, rpm, tar, None])
def test_packages_of_other_tools(tmp_path: Path, pack: Callable[[Path, Path], Path] | None) -> None:
    root = shop(tmp_path / "root")
    path = pack(tmp_path, root) if pack else root
    status, said = audited(path, "--json")
    found: dict[str, Any] = json.loads(said)
    assert status == 6
    assert found["name"] == ("shop" if pack in (deb, rpm) else path.name)
    assert (found["machine"], found["files"]) == ("x86-64", 9)
    findings = [(f["level"], f["check"], f["path"], f.get("owner")) for f in found["findings"]]
    assert [each for each in findings if each[1] not in ("bindnow", "pie")] == [
        ("error", "credentials", "etc/shop/.env", None),
        ("error", "libraries", "opt/shop/bin/hallo", None),
        ("error", "libraries", "opt/shop/bin/hello", None),
        ("error", "secrets", "opt/shop/share/key.pem", None),
        ("error", "shebang", "opt/shop/bin/script", None),
        ("error", "symlinks", "opt/shop/lib/gone", None),
        ("warning", "published-keys", f"{SITE}/x/key.pem", "x 1.2"),
    ]


def test_what_is_sound_and_what_is_too_new(tmp_path: Path) -> None:
    (tmp_path / "root/opt/shop").mkdir(parents=True)
    (tmp_path / "root/opt/shop/run").write_text("#!/bin/sh\n")
    (tmp_path / "root/opt/shop/run").chmod(0o755)
    path = deb(tmp_path, tmp_path / "root")
    assert audited(path) == (0, f"{path}: nothing found\n")
    (tmp_path / "root/opt/shop/run").write_bytes(Path(sys.executable).resolve().read_bytes())
    platform = ("--platform", "debian-11")
    words = (tmp_path / "root", *platform)
    status, said = audited(path, *words)
    assert status == 6
    assert "needs glibc" in said
