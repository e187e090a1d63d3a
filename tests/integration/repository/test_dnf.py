"""Real dnf verifies and installs from a tree, and refuses a tampered one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnibuild.repository.publish import publish
from omnibuild.repository.yum.advisories import read_advisories
from tests.integration.repository.clients import Dnf, run, web_server
from tests.unit.repository.samples import EL9, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

TREE = "yum/stable/el9/x86_64"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    publish(
        [package(tmp_path, platform=EL9)],
        root,
        signer(),
        platforms=PLATFORMS,
        base_url=f"file://{root}",
    )
    return root


@pytest.fixture
def dnf(tmp_path: Path) -> Dnf:
    return Dnf(tmp_path / "dnf")


def key(repository: Path) -> Path:
    (path,) = repository.glob("keys/*.asc")
    return path


def locations(repository: Path) -> list[str]:
    base = f"file://{repository}/{TREE}"
    return [f"baseurl={base}", f"mirrorlist={base}/mirrorlist"]


@pytest.mark.parametrize("kind", [0, 1], ids=["plain", "mirrorlist"])
def test_install_with_both_checks(repository: Path, dnf: Dnf, kind: int) -> None:
    dnf.follow(locations(repository)[kind], key(repository))
    done = dnf.run("install", "hello")
    assert done.returncode == 0, done.stdout
    installed = dnf.root / "root/opt/hello/bin/hello"
    assert run("sh", installed).stdout == "hello 1.0\n"


def test_update_through_generations_by_http(repository: Path, dnf: Dnf, tmp_path: Path) -> None:
    with web_server(repository) as url:
        publish([], repository, signer(), platforms=PLATFORMS, base_url=url)
        dnf.follow(f"mirrorlist={url}/{TREE}/mirrorlist", key(repository))
        assert dnf.run("install", "hello").returncode == 0
        newer = package(tmp_path, version="1.1", platform=EL9)
        publish([newer], repository, signer(), platforms=PLATFORMS)
        # Within one second dnf takes what it just read for fresh, whatever its settings say.
        done = dnf.run("upgrade", "--refresh")
    assert done.returncode == 0, done.stdout
    assert run("sh", dnf.root / "root/opt/hello/bin/hello").stdout == "hello 1.1\n"


def test_queries_see_what_the_headers_say(repository: Path, dnf: Dnf) -> None:
    dnf.follow(locations(repository)[0], key(repository))
    form = "%{name}|%{epoch}|%{version}|%{release}|%{arch}|%{license}|%{summary}|%{url}"
    done = dnf.run("-q", "repoquery", "--qf", form, "hello")
    assert "hello|0|1.0|1|x86_64|MIT|Greets the world|https://shop.example\n" in done.stdout
    assert "/opt/hello/bin/hello" in dnf.run("-q", "repoquery", "--list", "hello").stdout
    owner = dnf.run("-q", "repoquery", "--file", "/opt/hello/bin/hello").stdout
    assert "hello-0:1.0-1.x86_64" in owner


def test_createrepo_reads_the_same(repository: Path, tmp_path: Path) -> None:
    """createrepo_c makes metadata of the same files; dnf says the same about both."""
    ours = Dnf(tmp_path / "ours")
    ours.follow(f"baseurl=file://{repository}/{TREE}", key(repository))
    copy = tmp_path / "copy"
    assert run("cp", "-a", repository / TREE, copy).returncode == 0
    run("rm", "-r", copy / "gen-1", copy / "repodata")
    assert run("createrepo_c", "--quiet", copy).returncode == 0
    theirs = Dnf(tmp_path / "theirs")
    theirs.follow(f"baseurl=file://{copy}", key(repository))
    config = theirs.root / "repos/shop.repo"
    config.write_text(config.read_text().replace("repo_gpgcheck=1", "repo_gpgcheck=0"))
    for client in (ours, theirs):
        assert client.run("makecache").returncode == 0
    for what in ("--info", "--list", "--provides", "--requires", "--recommends", "--location"):
        said = [client.run("-q", "repoquery", what, "hello").stdout for client in (ours, theirs)]
        assert said[0] == said[1].replace(str(copy), f"{repository}/{TREE}"), what
        assert "hello" in said[0] or what in ("--requires", "--recommends")


@pytest.mark.parametrize("kind", [0, 1], ids=["plain", "mirrorlist"])
def test_reposync_mirrors_whole(repository: Path, dnf: Dnf, tmp_path: Path, kind: int) -> None:
    with web_server(repository) as url:
        publish([], repository, signer(), platforms=PLATFORMS, base_url=url)
        where = [f"baseurl={url}/{TREE}", f"mirrorlist={url}/{TREE}/mirrorlist"][kind]
        dnf.follow(where, key(repository))
        options = ("--repoid=shop", "--norepopath", "--download-metadata")
        done = dnf.run("reposync", "--download-path", str(tmp_path / "mirror"), *options)
    assert done.returncode == 0, done.stdout
    assert "outside" not in done.stdout
    ours = {path.name: path.read_bytes() for path in (repository / TREE).glob("Packages/h/*")}
    assert ours
    assert {
        path.name: path.read_bytes() for path in (tmp_path / "mirror").glob("Packages/h/*")
    } == ours
    assert (tmp_path / "mirror/repodata/repomd.xml").exists()


def test_createrepo_updates_what_we_wrote(repository: Path) -> None:
    done = run("createrepo_c", "--quiet", "--update", repository / TREE)
    assert done.returncode == 0, done.stdout
    assert "rror" not in done.stdout


@pytest.mark.parametrize("kind", [0, 1], ids=["plain", "mirrorlist"])
@pytest.mark.parametrize(
    ("name", "cause"),
    [("repomd.xml", "Bad GPG signature"), ("*-primary.xml.gz", "checksum doesn't match")],
)
def test_tampered_metadata_is_refused(
    repository: Path, dnf: Dnf, kind: int, name: str, cause: str
) -> None:
    for path in (repository / TREE).glob(f"**/repodata/{name}"):
        path.write_bytes(path.read_bytes().replace(b"<size>", b"<size> ") + b"\n")
    dnf.follow(locations(repository)[kind], key(repository))
    done = dnf.run("makecache")
    assert done.returncode != 0
    assert cause in done.stdout


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("repomd.xml.asc", "Bad GPG signature"),
        ("*-primary.xml.gz", "checksum doesn't match"),
        ("", "GPG signature is not available"),
    ],
)
def test_what_is_signed_cannot_be_mixed(
    repository: Path, dnf: Dnf, tmp_path: Path, name: str, cause: str
) -> None:
    newer = package(tmp_path, version="2.0", platform=EL9)
    publish([newer], repository, signer(), platforms=PLATFORMS, channel="testing")
    repodata = repository / TREE / "repodata"
    other = repository / TREE.replace("stable", "testing") / "repodata"
    if name:
        (theirs,), (ours,) = other.glob(name), repodata.glob(name)
        ours.write_bytes(theirs.read_bytes())
    else:
        (repodata / "repomd.xml.asc").unlink()
    dnf.follow(locations(repository)[0], key(repository))
    done = dnf.run("makecache")
    assert done.returncode != 0
    assert cause in done.stdout


def test_a_tampered_package_is_refused(repository: Path, dnf: Dnf) -> None:
    rpm = next((repository / TREE).glob("Packages/h/*.rpm"))
    rpm.write_bytes(rpm.read_bytes()[:-1] + b"x")
    dnf.follow(locations(repository)[0], key(repository))
    done = dnf.run("install", "hello")
    assert done.returncode != 0
    assert "incorrect checksum" in done.stdout


def test_another_key_is_not_trusted(repository: Path, dnf: Dnf, tmp_path: Path) -> None:
    other = tmp_path / "other.asc"
    other.write_bytes(signer("Somebody else <else@shop.example>").public_key_armored)
    dnf.follow(locations(repository)[0], other)
    done = dnf.run("makecache")
    assert done.returncode != 0
    assert "Bad GPG signature" in done.stdout


def test_an_empty_tree_can_be_followed(dnf: Dnf, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([], root, signer(), platforms=PLATFORMS, base_url=f"file://{root}")
    for location in locations(root):
        dnf.follow(location, key(root))
        done = dnf.run("makecache")
        assert done.returncode == 0, done.stdout


def test_rpm_verifies_the_signature(repository: Path, tmp_path: Path) -> None:
    database = ("--dbpath", str(tmp_path / "rpmdb"))
    assert run("rpmkeys", *database, "--import", key(repository)).returncode == 0
    rpm = next((repository / TREE).glob("Packages/h/*.rpm"))
    done = run("rpmkeys", *database, "--checksig", "--verbose", rpm)
    assert done.returncode == 0, done.stdout
    assert "RSA/SHA" in done.stdout


def test_advisories(repository: Path, dnf: Dnf, tmp_path: Path) -> None:
    dnf.follow(locations(repository)[0], key(repository))
    assert dnf.run("install", "hello").returncode == 0
    record = {
        "id": "GHSA-aaaa-bbbb-cccc",
        "modified": "2026-03-02T10:00:00Z",
        "summary": "Greets <strangers> & all",
        "aliases": ["CVE-2026-12345"],
        "database_specific": {"severity": "CRITICAL"},
    }
    file = tmp_path / "advisory.json"
    file.write_text(json.dumps(record))
    advisories = read_advisories(file)
    mending = package(tmp_path, version="1.1", platform=EL9)
    publish([mending], repository, signer(), platforms=PLATFORMS, advisories=advisories)
    publish(
        [package(tmp_path, version="1.2", platform=EL9)], repository, signer(), platforms=PLATFORMS
    )
    assert dnf.run("clean", "metadata").returncode == 0
    done = dnf.run("updateinfo", "list")
    row = ["GHSA-aaaa-bbbb-cccc", "Critical/Sec.", "hello-1.1-1.x86_64"]
    assert row in [line.split() for line in done.stdout.splitlines()], done.stdout
    done = dnf.run("updateinfo", "info", "--with-cve")
    assert "Greets <strangers> & all" in done.stdout
    assert "CVE-2026-12345" in done.stdout
    for option in ("--advisory=GHSA-aaaa-bbbb-cccc", "--cve=CVE-2026-12345", "--security"):
        planned = dnf.run("upgrade-minimal", option, "--assumeno")
        assert "1.1-1" in planned.stdout, planned.stdout
        assert "1.2-1" not in planned.stdout
    planned = dnf.run("upgrade", "--cve=CVE-2026-99999", "--assumeno")
    assert "Nothing to do" in planned.stdout, planned.stdout
    done = dnf.run("upgrade-minimal", "--advisory=GHSA-aaaa-bbbb-cccc")
    assert done.returncode == 0, done.stdout
    assert run("sh", dnf.root / "root/opt/hello/bin/hello").stdout == "hello 1.1\n"
    assert row not in [line.split() for line in dnf.run("updateinfo", "list").stdout.splitlines()]
