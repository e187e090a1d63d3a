"""Files that a recipe brings itself: whose they are and what they may do, on hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.hosts import ChrootHost, HostPool
from tests.acceptance.products import omnibuild

RECIPE = """\
[app]
name = "shelf"
version = "{version}"
summary = "A shelf of files"
license = "MIT"
maintainer = "Shop team <shop@example.com>"

[package]
user = "shelf"
changelog = "CHANGELOG.md"
manuals = ["shelf.5"]

[files]
"/usr/share/bash-completion/completions/shelf" = "shelf.bash"
"/opt/shelf/share/data" = {{ source = "data", owner = "shelf", group = "shelf" }}
"/opt/shelf/bin/tool" = {{ source = "tool", group = "shelf", mode = "0750" }}
"/opt/shelf/bin/raw" = {{ source = "tool", capabilities = "cap_net_bind_service=ep" }}
"/usr/bin/shelf" = {{ symlink = "/opt/shelf/bin/tool" }}
"/opt/shelf/inbox" = {{ directory = true, mode = "0750", owner = "shelf" }}
"/usr/lib/shelf/about" = {{ source = "about.in", template = true }}
"/usr/lib/shelf-deb/about" = {{ source = "about.in", formats = ["deb"] }}
"/usr/lib/shelf-rpm/about" = {{ source = "about.in", formats = ["rpm"] }}
"/etc/shelf/made here" = {{ ghost = true }}
"/var/cache/shelf" = {{ ghost = true }}
"/opt/shelf/share/index" = {{ ghost = true }}
"/usr/share/shelf" = {{ source = "data", owner = "shelf" }}
"/usr/lib/shelf/never made" = {{ ghost = true }}
"""
FILES = {
    "shelf.bash": "complete -W help shelf\n",
    "data/a b": "1\n",
    "data/deep/c": "2\n",
    "tool": "#!/bin/sh\necho tool\n",
    "about.in": "@NAME@ @VERSION@ of @USER@\n",
    "CHANGELOG.md": "## [1.0] - 2024-05-31\n- The first\n",
    "shelf.5": ".TH shelf 5\n.SH NAME\nshelf \\- of files\n",
}
EXPECTED = {
    "/opt/shelf/share/data/a b": "shelf shelf 644",
    "/opt/shelf/share/data/deep": "shelf shelf 755",
    "/usr/share/shelf/deep": "shelf root 755",
    "/opt/shelf/bin/tool": "root shelf 750",
    "/opt/shelf/bin/raw": "root root 755",
    "/opt/shelf/inbox": "shelf root 750",
    "/usr/share/bash-completion/completions/shelf": "root root 644",
}


GHOSTS = ("/etc/shelf/made here", "/var/cache/shelf", "/opt/shelf/share/index")


def haunt(host: ChrootHost) -> None:
    """Make what a hook or a service of the app would."""
    for path in GHOSTS:
        host.run("mkdir", "-p", path.rpartition("/")[0])
        host.write(path, b"made here")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions for Debian 12 and EL 9."""
    base = tmp_path_factory.mktemp("shelf")
    for name, text in FILES.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text)
    (base / "tool").chmod(0o755)
    for version in ("1.0", "1.1"):
        (base / "omnibuild.toml").write_text(RECIPE.format(version=version))
        omnibuild("build", "-C", base, "-p", "debian-12", "-p", "el9", "-o", base / "dist")
    return base / "dist"


def plant(host: ChrootHost) -> None:
    """Let the app put links to what is root's where it may write, and a file beside its own."""
    host.shell(
        "touch /etc/victim && cp -r /opt/shelf/share/data/deep /etc/victims"
        " && chown -R root:root /etc/victim /etc/victims"
        " && ln /etc/victim /opt/shelf/inbox/link && touch /usr/share/shelf/beside"
    )


def finish_again(host: ChrootHost) -> str:
    """Let the package's script run where links have come between it and what was unpacked."""
    host.shell(
        "rm /usr/share/shelf/a\\ b && ln /etc/victim /usr/share/shelf/a\\ b"
        " && rm -r /opt/shelf/share/data/deep && ln -s /etc/victims /opt/shelf/share/data/deep"
    )
    said = host.shell('/var/lib/dpkg/info/shelf.postinst configure "1.1-1" 2>&1').stdout
    for path in ("/etc/victim", "/etc/victims", "/etc/victims/c", "/usr/share/shelf/beside"):
        assert host.run("stat", "-c", "%U", path).stdout == "root\n", path
    host.shell("rm -r /etc/victim /etc/victims /usr/share/shelf/beside /opt/shelf/share/data/deep")
    host.shell("rm /opt/shelf/inbox/link")
    return said


def check(host: ChrootHost, version: str, own: str, other: str) -> None:
    for path, said in EXPECTED.items():
        assert host.run("stat", "-c", "%U %G %a", path).stdout.strip() == said, path
    assert host.run("shelf").stdout == "tool\n"
    assert host.read("/usr/lib/shelf/about") == f"shelf {version} of shelf\n"
    assert host.exists(f"/usr/lib/shelf-{own}/about")
    assert not host.exists(f"/usr/lib/shelf-{other}")


def test_on_debian(hosts: HostPool, packages: Path) -> None:
    host = hosts.debian("bookworm", packages=("libcap2-bin",), binds={packages: "/dist"})
    before = host.paths()
    for version in ("1.0", "1.1"):
        host.shell(f"dpkg --install /dist/shelf_{version}-1_amd64.deb")
        check(host, version, "deb", "rpm")
        assert "cap_net_bind_service" in host.run("getcap", "/opt/shelf/bin/raw").stdout
        haunt(host)
        if version == "1.0":
            plant(host)
    assert host.run("stat", "-c", "%U", "/etc/victim").stdout == "root\n"
    assert "/usr/share/shelf/a b is not what the package has there" in finish_again(host)
    host.shell("dpkg --install /dist/shelf_1.1-1_amd64.deb")
    assert host.run("dpkg", "--verify", "shelf").stdout == ""
    # The operator's word wins, from one version to the next.
    host.run("dpkg-statoverride", "--update", "--add", "root", "root", "0700", "/opt/shelf/inbox")
    host.shell("dpkg --install /dist/shelf_1.1-1_amd64.deb")
    assert host.run("stat", "-c", "%U %a", "/opt/shelf/inbox").stdout == "root 700\n"
    host.run("dpkg-statoverride", "--remove", "/opt/shelf/inbox")
    host.run("dpkg", "--remove", "shelf")
    assert all(map(host.exists, GHOSTS))
    host.run("dpkg", "--purge", "shelf")
    assert [path for path in host.paths() - before if "shelf" in path] == []


def test_on_simulated_el(hosts: HostPool, packages: Path) -> None:
    host = hosts.simulated_el(binds={packages: "/dist"})
    host.run("mkdir", "-p", "/usr/lib/sysusers.d")
    for version in ("1.0", "1.1"):
        host.shell(f"rpm --upgrade --nodeps /dist/shelf-{version}-1.x86_64.rpm")
        check(host, version, "rpm", "deb")
        haunt(host)
        assert (
            host.run("rpm", "--query", "--file", GHOSTS[0]).stdout == f"shelf-{version}-1.x86_64\n"
        )
    # That tells capabilities, too.
    assert host.run("rpm", "--verify", "--nodeps", "shelf").stdout == ""
    assert "The first" in host.run("rpm", "--query", "--changelog", "shelf").stdout
    documents = host.run("rpm", "--query", "--docfiles", "shelf").stdout
    assert "/usr/share/man/man5/shelf.5.gz" in documents
    host.run("rpm", "--erase", "shelf")
    assert not host.exists("/opt/shelf")
    assert not host.exists("/usr/lib/shelf-rpm")
    assert not any(map(host.exists, GHOSTS))
