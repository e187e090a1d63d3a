"""Every file of a repository is altered in turn; whoever reads it gets what was signed, or nothing.

Hosts that never saw the repository and hosts that follow it read it by apt, by dnf and by the
installer without root. An older state as a whole is genuine: hosts that saw a newer one do not go
back, but for dnf, which takes it.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.repository.publish import publish
from tests.certification.hostile import packages
from tests.certification.hostile.harness import trial
from tests.integration.repository.clients import Apt, Dnf, run
from tests.unit.repository.samples import DEBIAN_12, EL9, LINUX, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

SEED = int(os.environ.get("OMNIBUILD_SEED", str(int(time.time()))))
INPUTS = int(os.environ.get("OMNIBUILD_INPUTS", "5000"))
REFUSED = "refused"
# What a client got: a file's digest, or that it refused.
Outcome = str


@dataclass(frozen=True)
class Client:
    """Somebody who installs hello.

    Args:
        area: the directory of the repository that it reads.
        prepare: makes a host, below a directory.
        read: has the host install; returns the digest of what it got, or :data:`REFUSED`.
    """

    name: str
    area: str
    prepare: Callable[[Path], None]
    read: Callable[[Path], Outcome]


@dataclass(frozen=True)
class Scene:
    """A repository in its second state, with all that was ever signed in it.

    Args:
        older: a copy of its first state.
        genuine: which state a file belongs to, by its digest.
        tarballs: the digests of the tarballs, by version.
        key: of the repository, in a file of the test's.
    """

    root: Path
    older: Path
    base: Path
    genuine: dict[str, str]
    tarballs: dict[str, str]
    key: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    base = tmp_path_factory.mktemp("attacks")
    root, older = base / "repository", base / "older"
    genuine: dict[str, str] = {}
    tarballs = {}
    for version in ("1.0", "1.1"):
        files = [
            package(base, name, version, platform=platform)
            for name in ("hello", "other")
            for platform in (DEBIAN_12, EL9, LINUX)
        ]
        publish(files, root, signer(), platforms=PLATFORMS, base_url=f"file://{root}")
        for path in root.rglob("*hello[-_]1.[01]*"):
            genuine.setdefault(digests.of_file(path), version)
        (tarball,) = root.glob(f"downloads/hello-{version}-*.tar.zst")
        tarballs[version] = digests.of_file(tarball)
        if version == "1.0":
            shutil.copytree(root, older, symlinks=True)
    key = base / "public.asc"
    key.write_bytes(signer().public_key_armored)
    (public,) = root.glob("keys/*.gpg")
    shutil.copy(public, key.with_suffix(".gpg"))
    return Scene(root, older, base, genuine, tarballs, key)


def clients_of(scene: Scene) -> list[Client]:
    script = scene.base / "install.sh"
    shutil.copy(scene.root / "install.sh", script)

    def follow_by_apt(host: Path) -> None:
        Apt(host).follow(f"copy:{scene.root}", scene.key.with_suffix(".gpg"))

    def by_apt(host: Path) -> Outcome:
        apt = Apt(host)
        # apt goes on with what it had; what it says then is that it could not update.
        apt.run("update")
        apt.run("clean")
        done = apt.run("install", "--download-only", "--yes", "hello")
        return _got(done.returncode, host / "cache/archives", "hello_*.deb")

    def follow_by_dnf(host: Path) -> None:
        location = f"mirrorlist=file://{scene.root}/yum/stable/el9/x86_64/mirrorlist"
        Dnf(host).follow(location, scene.key)

    def by_dnf(host: Path) -> Outcome:
        dnf = Dnf(host)
        dnf.run("clean", "packages")
        done = dnf.run("install", "--refresh", "--downloadonly", "hello")
        return _got(done.returncode, host / "cache", "hello-*.rpm")

    def by_user(host: Path) -> Outcome:
        words = (script, "--from", scene.root, "--user", "hello")
        done = run("env", f"HOME={host}", "sh", *words)
        place = host / ".local/opt/hello"
        if done.returncode or not place.exists():
            return REFUSED
        (said,) = {
            line.split()[1]
            for line in (place / ".installed").read_text().splitlines()
            if line.startswith("version ")
        }
        found = run(place / said / "bin/hello").stdout
        assert found == f"hello {said}\n", found
        # What it unpacked is gone; which tarball it was, the version says.
        return scene.tarballs[said]

    return [
        Client("apt", "apt", follow_by_apt, by_apt),
        Client("dnf", "yum", follow_by_dnf, by_dnf),
        Client("install.sh --user", "downloads", Path.mkdir, by_user),
    ]


def _got(status: int, directory: Path, pattern: str) -> Outcome:
    found = list(directory.rglob(pattern))
    if status or not found:
        return REFUSED
    (path,) = found
    return digests.of_file(path)


def alterations(scene: Scene, path: str, dice: random.Random) -> Iterator[tuple[str, bytes | None]]:
    """Yield what an adversary puts in place of a file; None: nothing."""
    data = (scene.root / path).read_bytes()
    if data:
        bit = dice.randrange(len(data) * 8)
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield "one bit", bytes(changed)
        yield "cut off", data[: len(data) // 2]
    yield "longer", data + b"\n"
    yield "gone", None
    before = scene.older / path
    if before.exists() and before.read_bytes() != data:
        yield "an older one", before.read_bytes()
    others = [
        other
        for other in scene.root.rglob(f"*{Path(path).suffix}")
        if other.is_file() and other.read_bytes() != data and "state" not in other.parts
    ]
    if others:
        yield "another file", dice.choice(sorted(others)).read_bytes()


@pytest.fixture(scope="module")
def hosts(scene: Scene) -> list[tuple[Client, str, Path]]:
    """Each client on a host that never saw the repository, and on one that did."""
    found = []
    for client in clients_of(scene):
        for kind in ("new host", "host that follows"):
            host = scene.base / f"{client.area}-{kind.replace(' ', '-')}"
            client.prepare(host)
            if kind != "new host":
                assert scene.genuine[client.read(host)] == "1.1", client.name
            found.append((client, kind, host))
    return found


def outcome_on_a_copy(client: Client, host: Path) -> Outcome:
    """Return what a client gets on a host that is as it was before."""
    kept = host.with_name(f"{host.name}-kept")
    shutil.copytree(host, kept, symlinks=True)
    try:
        return client.read(host)
    finally:
        shutil.rmtree(host)
        kept.rename(host)


def test_every_file_altered_in_turn(
    scene: Scene, hosts: list[tuple[Client, str, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(SEED)  # noqa: S311 - no secret
    areas = {client.area for client, _, _ in hosts}
    paths = sorted(
        str(path.relative_to(scene.root))
        for path in scene.root.rglob("*")
        if path.is_file() and path.relative_to(scene.root).parts[0] != "state"
    )
    happened: dict[str, Counter[str]] = {}
    tried = 0
    for path in paths:
        good = (scene.root / path).read_bytes()
        area = path.partition("/")[0]
        readers = [host for host in hosts if host[0].area == area or area not in areas]
        for name, data in alterations(scene, path, dice):
            tried += 1
            (scene.root / path).unlink()
            if data is not None:
                (scene.root / path).write_bytes(data)
            for client, kind, host in readers:
                got = outcome_on_a_copy(client, host)
                what = f"{client.name}, {kind}; {path}: {name}, seed {SEED}"
                assert got == REFUSED or got in scene.genuine, what
                # Nothing but a genuine older pointer leads to an older package.
                version = scene.genuine.get(got, REFUSED)
                assert version != "1.0" or name == "an older one", what
                happened.setdefault(f"{client.name}, {kind}", Counter())[version] += 1
            _check_script(scene, path, what=f"{path}: {name}")
            (scene.root / path).write_bytes(good)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(paths)} files, {tried} alterations, seed {SEED}:\n")
        for client_name, counts in happened.items():
            told = ", ".join(f"{count} {said}" for said, count in sorted(counts.items()))
            sys.stdout.write(f"  {client_name}: {told}\n")
            assert counts[REFUSED], "an alteration that nobody notices proves nothing"


def _check_script(scene: Scene, path: str, what: str) -> None:
    """Whoever verifies the installer as its guide says runs no other."""
    if not path.startswith("install.sh"):
        return
    script = scene.root / "install.sh"
    words = ("gpgv", "--keyring", scene.key.with_suffix(".gpg"), f"{script}.asc", script)
    if run(*words).returncode == 0:
        genuine = [(place / "install.sh").read_bytes() for place in (scene.older,)]
        genuine.append((scene.base / "install.sh").read_bytes())
        assert script.read_bytes() in genuine, what


def test_an_older_state_as_a_whole(
    scene: Scene, hosts: list[tuple[Client, str, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    """All that it has is genuine; only hosts that saw a newer one can know."""
    newer = scene.root.with_name("newer")
    scene.root.rename(newer)
    shutil.copytree(scene.older, scene.root, symlinks=True)
    try:
        found = {
            f"{client.name}, {kind}": scene.genuine.get(outcome_on_a_copy(client, host), REFUSED)
            for client, kind, host in hosts
        }
    finally:
        shutil.rmtree(scene.root)
        newer.rename(scene.root)
    with capsys.disabled():
        told = "".join(f"  {who}: {what}\n" for who, what in found.items())
        sys.stdout.write(f"\nan older state as a whole:\n{told}")
    assert found == {
        "apt, new host": "1.0",
        # It stays with what it knows, whose files this server does not have.
        "apt, host that follows": REFUSED,
        "dnf, new host": "1.0",
        "dnf, host that follows": "1.0",
        "install.sh --user, new host": "1.0",
        "install.sh --user, host that follows": REFUSED,
    }


@pytest.mark.parametrize("form", ["deb", "rpm"])
def test_packages_of_an_adversary(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    happened = trial(form, packages.BOUNDARIES[form], tmp_path / "trial", SEED, INPUTS)
    with capsys.disabled():
        told = ", ".join(f"{count} {what}" for what, count in happened.most_common())
        sys.stdout.write(f"\n{form}: {INPUTS} packages of an adversary, seed {SEED}: {told}\n")
    assert happened.total() == INPUTS
