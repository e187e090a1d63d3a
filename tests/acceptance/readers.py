"""Everybody who reads a repository, again and again, while it is published to without a pause."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from omnibuild import digests
from omnibuild.repository.apt.release import by_hash, rows_of, signed_text
from omnibuild.repository.apt.switch import FORMS
from tests.acceptance.products import omnibuild
from tests.integration.remote.servers import nginx, running
from tests.integration.repository.clients import Apt, Dnf, Done
from tests.integration.repository.mirrors import Aptly, Debmirror, Reposync
from tests.unit.repository.samples import EL9, package

# What a reader got: the digests of the package files, by their names.
Files = dict[str, str]


@dataclass(frozen=True)
class Got:
    """What a reader got, and how many states were published before and begun after it read."""

    files: Files
    oldest: int
    newest: int


@dataclass
class Bench:
    """A repository behind nginx: each state has one package more, as .deb and as .rpm."""

    base: Path
    started: int = 0
    finished: int = 0
    states: list[dict[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def root(self) -> Path:
        return self.base / "repository"

    @cached_property
    def key(self) -> Path:
        path = self.base / "release.key"
        omnibuild("key", "create", path, "--user", "Shop packages <ops@shop.example>")
        return path

    @property
    def keyring(self) -> Path:
        return next((self.root / "keys").glob("*.gpg"))

    @contextmanager
    def served(self) -> Iterator[str]:
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        assert program
        self.root.mkdir()
        with running(nginx(program, self.root, self.base / "nginx")) as server:
            yield f"http://127.0.0.1:{server.port}"

    def publish(self, url: str) -> None:
        """Publish the next state; remember what it holds, and its InRelease."""
        version = f"1.{self.started}"
        files = [
            package(self.base, version=version),
            package(self.base, version=version, platform=EL9),
        ]
        self.started += 1
        omnibuild("publish", *files, "--repo", self.root, "--key", self.key, "--url", url)
        rpm = next(self.root.glob(f"yum/stable/el9/x86_64/Packages/h/hello-{version}-*.rpm"))
        new = {path.name: digests.of_file(path) for path in (files[0], rpm)}
        # The keys' own packages come with the first state.
        keyrings = self.root.rglob("*-archive-keyring[-_]*")
        first = {path.name: digests.of_file(path) for path in keyrings}
        self.states.append({**(self.states[-1] if self.states else first), **new})
        self.finished += 1
        inrelease = self.root / "apt/dists/stable/InRelease"
        shutil.copy(inrelease, self.base / f"InRelease.{self.finished}")

    def is_a_state(self, got: Got, suffix: str, *, whole: bool) -> bool:
        """Tell whether a reader got one state of those that it could see."""
        for state in self.states[max(0, got.oldest - 1) : got.newest]:
            held = {name: digest for name, digest in state.items() if name.endswith(suffix)}
            last = dict([list(held.items())[-1]])
            if got.files == (held if whole else last):
                return True
        return False

    def lost(self) -> list[str]:
        """Return what older states list and readers in flight do not find any more."""
        suite = self.root / "apt/dists/stable"
        found = []
        for number in range(1, self.finished + 1):
            text = signed_text((self.base / f"InRelease.{number}").read_bytes())
            listed = {path: row for path, row in rows_of(text).items() if path.endswith(FORMS)}
            for path, row in listed.items():
                file = suite / by_hash(path, row)
                if not file.exists() or digests.of_file(file) != row.partition(" ")[0]:
                    found.append(f"state {number}: {path}")
        pool = {path.name: digests.of_file(path) for path in self.root.rglob("*.deb")}
        return found + [
            name
            for name, digest in self.states[-1].items()
            if name.endswith(".deb") and pool.get(name) != digest
        ]


@dataclass
class Reader:
    """Somebody who reads; ``read`` returns what it got, or raises :class:`AssertionError`."""

    name: str
    suffix: str
    read: Callable[[], Files]
    whole: bool = True
    got: list[Got] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def reads(self) -> int:
        return len(self.got) + len(self.failures)

    def run(self, bench: Bench) -> None:
        """Read without a pause until the last state was published, and once more."""
        last = False
        while not last:
            last, oldest = bench.over.is_set(), bench.finished
            try:
                self.got.append(Got(self.read(), oldest, bench.started))
            except AssertionError as error:
                self.failures.append(str(error))

    def mixtures(self, bench: Bench) -> list[Got]:
        """Return what is none of the states that could be seen."""
        return [got for got in self.got if not bench.is_a_state(got, self.suffix, whole=self.whole)]


def readers_of(bench: Bench, url: str) -> list[Reader]:
    """Return one of each kind: hosts with apt and dnf, and the programs that mirror."""
    aptly, debmirror = Aptly(bench.base / "a"), Debmirror(bench.base / "d")
    reposync = Reposync(bench.base / "r")
    apt, dnf = Apt(bench.base / "apt"), Dnf(bench.base / "dnf")
    for mirror in (aptly, debmirror, reposync):
        mirror.work.mkdir()
    key = next((bench.root / "keys").glob("*.asc"))
    apt.follow(url, bench.keyring)
    dnf.follow(f"mirrorlist={url}/yum/stable/el9/x86_64/mirrorlist", key)

    def mirrored_by_aptly() -> Files:
        _done(aptly.update(url, bench.keyring))
        return aptly.debs()

    def mirrored_by_debmirror() -> Files:
        _done(debmirror.update(url, bench.keyring))
        with tempfile.TemporaryDirectory(dir=bench.base) as scratch:
            _done(debmirror.as_a_host(Path(scratch), bench.keyring, "hello"))
        return debmirror.debs()

    def mirrored_by_reposync() -> Files:
        _done(reposync.update(url, key))
        return reposync.rpms()

    def installed_by_apt() -> Files:
        _done(apt.run("clean"))
        _done(apt.run("update"))
        _done(apt.run("install", "--download-only", "--yes", "hello"))
        return _digests(apt.root / "cache", "*.deb")

    def installed_by_dnf() -> Files:
        _done(dnf.run("clean", "packages"))
        _done(dnf.run("makecache", "--refresh"))
        _done(dnf.run("install", "--downloadonly", "hello"))
        return _digests(dnf.root / "cache", "*.rpm")

    return [
        Reader("aptly mirror update", ".deb", mirrored_by_aptly),
        Reader("debmirror, and apt of its copy", ".deb", mirrored_by_debmirror),
        Reader("dnf reposync", ".rpm", mirrored_by_reposync),
        Reader("apt update, install", ".deb", installed_by_apt, whole=False),
        Reader("dnf makecache, install", ".rpm", installed_by_dnf, whole=False),
    ]


def read_while_publishing(base: Path, publishes: int) -> list[Reader]:
    """Have everybody read while states follow one another; raise when old states are lost."""
    bench = Bench(base)
    with bench.served() as url:
        bench.publish(url)
        readers = readers_of(bench, url)
        with ThreadPoolExecutor(len(readers)) as pool:
            running_readers = [pool.submit(reader.run, bench) for reader in readers]
            try:
                for _ in range(publishes):
                    bench.publish(url)
            finally:
                bench.over.set()
            for reader in running_readers:
                reader.result()
    assert bench.lost() == []
    for reader in readers:
        assert reader.mixtures(bench) == [], reader.name
    return readers


def _digests(directory: Path, pattern: str) -> Files:
    found = {path.name: digests.of_file(path) for path in directory.rglob(pattern)}
    # apt writes the epoch and all but a few characters of a version by their codes.
    return {name.replace("%3a", ":"): digest for name, digest in found.items()}


def _done(done: Done) -> None:
    assert done.returncode == 0, done.stdout[-2000:]
