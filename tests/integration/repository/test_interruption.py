"""Publishers at the same time, and publishers that are killed: readers never notice."""

from __future__ import annotations

import gzip
import itertools
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from omnibuild.repository.apt.suite import suite_of
from omnibuild.repository.publish import publish
from omnibuild.repository.state.head import load
from omnibuild.repository.targets.directory import DirectoryTarget
from omnibuild.signing.creation import KeyInfo, create_key
from omnibuild.signing.signer import Signer, load_signer
from tests.integration.repository.clients import Apt, Dnf, run
from tests.unit.repository.samples import EL9, PLATFORMS, USER_ID, package

URL = "https://shop.example"
INDEX = "main/binary-amd64/Packages"

PUBLISHER = """
import os, signal, sys
from pathlib import Path
from omnibuild.repository.apt import switch
from omnibuild.signing.signer import load_signer
from omnibuild.repository.publish import publish
from tests.unit.repository.samples import PLATFORMS

switch.PAIR_SECONDS = switch.INDEX_SECONDS = 0
left = int(sys.argv[1])
rename = os.replace

def dying_rename(source, target):
    # Every file gets its name by this call: dying before the n-th is dying at any point.
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

os.replace = dying_rename
root, key, url, *files = sys.argv[2:]
publish([Path(file) for file in files], Path(root), load_signer(Path(key)),
        platforms=PLATFORMS, base_url=url)
"""


def start(deaths: int, root: Path, key: KeyInfo, url: str, *files: Path) -> subprocess.Popen[bytes]:
    words = [str(deaths), str(root), str(key.path), url, *map(str, files)]
    return subprocess.Popen([sys.executable, "-c", PUBLISHER, *words])


@pytest.fixture
def key(tmp_path: Path) -> KeyInfo:
    return create_key(tmp_path / "signing.key", USER_ID)


def versions_of(apt: Apt) -> list[str]:
    assert apt.run("update").returncode == 0
    found = []
    for version in ("1.0", "1.1"):
        done = apt.run("download", f"hello={version}-1")
        found += [version] if done.returncode == 0 else []
    return found


def test_publishers_at_once_all_succeed(tmp_path: Path, key: KeyInfo) -> None:
    root = tmp_path / "repository"
    names = ["one", "two", "three"]
    debs = [package(tmp_path, name) for name in names]
    rpms = [package(tmp_path, name, platform=EL9) for name in names]
    running = [start(0, root, key, URL, deb, rpm) for deb, rpm in zip(debs, rpms, strict=True)]
    assert [process.wait() for process in running] == [0, 0, 0]
    apt = Apt(tmp_path / "apt")
    apt.follow(f"file:{root}", key.public_armored)
    assert apt.run("update").returncode == 0
    for name in names:
        assert apt.run("download", name).returncode == 0
    dnf = Dnf(tmp_path / "dnf")
    dnf.follow(f"baseurl=file://{root}/yum/stable/el9/x86_64", key.public_armored)
    assert dnf.run("install", *names).returncode == 0


def test_killed_anywhere(tmp_path: Path, key: KeyInfo) -> None:
    """A publisher dies before each of its renames in turn."""
    root, signer = tmp_path / "repository", load_signer(key.path)
    old = [package(tmp_path), package(tmp_path, platform=EL9)]
    new = [package(tmp_path, version="1.1"), package(tmp_path, version="1.1", platform=EL9)]
    url = f"file://{root}"
    publish(old, root, signer, platforms=PLATFORMS, base_url=url)
    before = shutil.copytree(root, tmp_path / "before")
    apt, dnf = Apt(tmp_path / "apt"), Dnf(tmp_path / "dnf")
    apt.follow(f"file:{root}", key.public_armored)
    dnf.follow(f"mirrorlist={url}/yum/stable/el9/x86_64/mirrorlist", key.public_armored)
    seen = []
    for count in itertools.count(1):
        status = start(count, root, key, url, *new).wait()
        if status == 0:
            break
        assert status == -signal.SIGKILL
        seen.append(versions_of(apt))
        assert dnf.run("makecache").returncode == 0
        # Whoever comes next completes all of it, also who publishes nothing, and elsewhere.
        publish([], root, signer, "testing", PLATFORMS)
        assert is_consistent(root, signer), count
        shutil.rmtree(root)
        shutil.copytree(before, root)
    assert len(seen) > 15
    # First the old state, from some moment on the new one, and nothing else.
    assert seen == sorted(seen)
    assert {tuple(state) for state in seen} == {("1.0",), ("1.0", "1.1")}


def is_consistent(root: Path, signer: Signer) -> bool:
    """Tell whether indexes of the channel are what its state says, and rightly signed."""
    content = load(DirectoryTarget(root)).channels["stable"]
    release = root / "apt/dists/stable/Release"
    packages = gzip.decompress((root / f"apt/dists/stable/{INDEX}.gz").read_bytes())
    trees = [path.parent for path in (root / "yum/stable").rglob("repomd.xml")]
    named = (root / "yum/stable/el9/x86_64/mirrorlist").read_text().split("/")[-2]
    assert not list(root.rglob(".tmp-*"))
    pieces = suite_of(content.suites["stable"], "stable", "", ["main"]).indexes[INDEX]
    assert b"".join(piece.text() for piece in pieces) == packages
    assert root / f"yum/stable/el9/x86_64/{named}/repodata" in trees
    primaries = {
        tree.parent.name: gzip.decompress(next(iter(newest_part(tree))).read_bytes()).decode()
        for tree in trees
    }
    for rpm in content.trees["el9"]:
        assert rpm.digest in primaries["x86_64"]
        assert rpm.digest in primaries[named]
    return signer.has_signed(
        release.read_bytes(), release.with_name("Release.gpg").read_bytes()
    ) and all(
        signer.has_signed(
            (tree / "repomd.xml").read_bytes(), (tree / "repomd.xml.asc").read_bytes()
        )
        for tree in trees
        if tree.parent.name in ("x86_64", named)
    )


def newest_part(tree: Path) -> list[Path]:
    repomd = (tree / "repomd.xml").read_text()
    return [path for path in tree.glob("*-primary.xml.gz") if path.name in repomd]


def test_the_next_publisher_completes_what_a_killed_one_began(tmp_path: Path, key: KeyInfo) -> None:
    root = tmp_path / "repository"
    signer = load_signer(key.path)
    assert start(30, root, key, "", package(tmp_path), package(tmp_path, platform=EL9)).wait() < 0
    publish([package(tmp_path, version="1.1")], root, signer, platforms=PLATFORMS)
    apt = Apt(tmp_path / "apt")
    apt.follow(f"file:{root}", key.public_armored)
    assert versions_of(apt) == ["1.0", "1.1"]
    assert not list(root.rglob(".tmp-*"))
    dnf = Dnf(tmp_path / "dnf")
    dnf.follow(f"baseurl=file://{root}/yum/stable/el9/x86_64", key.public_armored)
    assert dnf.run("install", "hello").returncode == 0
    assert run("sh", dnf.root / "root/opt/hello/bin/hello").returncode == 0
