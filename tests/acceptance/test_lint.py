"""lintian, rpmlint and piuparts find nothing in packages but what is said to be meant, and why."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from omnibuild.tools import Tool
from tests.acceptance.hosts.bases import archive_url
from tests.acceptance.hosts.pool import debian_root
from tests.acceptance.products import CHECKOUT, Products, omnibuild

LINTIAN = Tool("lintian", "lintian")
RPMLINT = Tool("rpmlint", "rpmlint")
DPKG_DEB = Tool("dpkg-deb", "dpkg")
MAN = Tool("man", "man-db")
PIUPARTS = Tool("piuparts", "piuparts")
CONFIG = CHECKOUT / "docs/rpmlint.toml"


@pytest.mark.parametrize("platform", ["debian-11", "debian-12"])
def test_lintian(products: Products, platform: str) -> None:
    """What the package itself answers stands in its overrides."""
    (package,) = products.hello.glob("*~deb11*.deb" if platform == "debian-11" else "*-1_amd64.deb")
    # Warnings count; what it merely informs of is the app's own.
    words = ("--allow-root", "--no-cfg", "--profile=debian", "--fail-on=error,warning")
    done = LINTIAN.run(*words, "--display-level=>=warning", package, check=False)
    assert (done.returncode, done.stdout.decode()) == (0, "")


PERMISSIONS = """\
[app]
name = "shop"
version = "1.0"
summary = "Sells what there is"
description = "It sells to people who want it."
license = "MIT"
maintainer = "Shop team <team@shop.example>"

[config]
"/etc/shop/shop.toml" = { source = "../shop.toml", mode = "0640" }

[files]
"/opt/shop/bin/tool" = { source = "../tool", mode = "0750" }
"/opt/shop/data" = { source = "../shop.toml", mode = "0600" }
"/opt/shop/spool" = { directory = true, mode = "0700" }
"""


def test_lintian_takes_what_a_recipe_says_of_permissions(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text("open = 1\n")
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/shop.toml").write_text(PERMISSIONS)
    dist = tmp_path / "dist"
    omnibuild("build", "shop", "-C", tmp_path, "--platform", "debian-12", "-o", dist)
    (package,) = dist.glob("*.deb")
    words = ("--allow-root", "--no-cfg", "--profile=debian", "--display-level=>=warning")
    said = LINTIAN.run(*words, package, check=False).stdout.decode()
    assert [line for line in said.splitlines() if "copyright-notice" not in line] == []


def test_rpmlint(products: Products) -> None:
    (package,) = products.hello.glob("*.x86_64.rpm")
    done = RPMLINT.run("--config", CONFIG, package, check=False)
    said = done.stdout.decode()
    assert "; 0 errors, 0 warnings" in said, said
    assert done.returncode == 0


@pytest.mark.parametrize("order", ["--install-remove-install", "--install-purge-install"])
@pytest.mark.usefixtures("real_hosts")
def test_piuparts(products: Products, order: str) -> None:
    """It comes and goes and comes again, and leaves nothing behind."""
    (package,) = products.hello.glob("*-1_amd64.deb")
    done = PIUPARTS.run(
        *(f"--existing-chroot={debian_root('bookworm')}", f"--mirror={archive_url()} main"),
        *("--distribution=bookworm", "--no-eatmydata", "--no-upgrade-test", order, package),
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()[-5000:]


def test_the_documents_are_read_by_their_readers(products: Products, tmp_path: Path) -> None:
    (package,) = products.hello.glob("*-1_amd64.deb")
    DPKG_DEB.run("-x", package, tmp_path)
    (page,) = (tmp_path / "usr/share/man").rglob("*.gz")
    done = MAN.run("--warnings", "--encoding=UTF-8", "--local-file", page)
    assert done.stderr == b""
    text = done.stdout.decode()
    assert "hello - Example web app: a page that counts its visits" in text
    assert "/etc/hello/hello.toml" in text
    changelog = tmp_path / "usr/share/doc/hello/changelog.Debian.gz"
    parsed = Tool("dpkg-parsechangelog", "dpkg-dev").run(
        "--file", "-", data=gzip.decompress(changelog.read_bytes())
    )
    assert b"Source: hello\nVersion: 1.0.0-1\n" in parsed.stdout
