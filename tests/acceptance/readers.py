"""Everybody who reads a repository, again and again, while it is published to without a pause."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from omnibuild import digests
from omnibuild.repository import layout
from omnibuild.repository.apt.release import by_hash, rows_of, signed_text
from omnibuild.repository.apt.switch import FORMS
from omnibuild.repository.state.entries import Deb
from omnibuild.repository.state.head import load
from omnibuild.repository.targets import open_target
from omnibuild.repository.targets.target import KEPT_SECONDS, Target
from tests.acceptance.products import omnibuild
from tests.integration.remote.servers import nginx, running
from tests.integration.repository.clients import Apt, Dnf, Done
from tests.integration.repository.mirrors import (
    Aptly,
    Debmirror,
    Reposync,
    Reprepro,
    as_a_host,
)
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
    """A repository: each state has one package more, as .deb and as .rpm.

    Args:
        base: where files of the test are.
        place: what ``--repo`` is given.
    """

    base: Path
    place: str
    started: int = 0
    finished: int = 0
    states: list[Files] = field(default_factory=list)
    messages: list[tuple[float, bytes]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def target(self) -> Target:
        return open_target(self.place)

    @cached_property
    def key(self) -> Path:
        path = self.base / "release.key"
        omnibuild("key", "create", path, "--user", "Shop packages <ops@shop.example>")
        return path

    def public_key(self, suffix: str) -> Path:
        """Return a file of this machine that has the repository's key, as ``asc`` or ``gpg``."""
        head = load(self.target).head
        assert head
        path = self.base / f"public.{suffix}"
        path.write_bytes(self.target.read(layout.key_path(head.repository.name, suffix)))
        return path

    def publish(self, url: str) -> None:
        """Publish the next state; remember what it holds, and its InRelease."""
        version = f"1.{self.started}"
        files = [
            package(self.base, version=version),
            package(self.base, version=version, platform=EL9),
        ]
        self.started += 1
        omnibuild("publish", *files, "--repo", self.place, "--key", self.key, "--url", url)
        self.states.append(self._held())
        self.finished += 1
        message = self.target.read(f"{layout.suite_directory('stable')}/InRelease")
        self.messages.append((time.time(), message))
        for file in files:
            file.unlink()

    def _held(self) -> Files:
        """Return what the present state holds, oldest first."""
        channel = load(self.target).channels["stable"]
        lists = (*channel.suites.values(), *channel.trees.values())
        before = self.states[-1] if self.states else {}
        now = {}
        for entry in (entry for index in lists for entry in index):
            now[entry.path.rpartition("/")[2]] = entry.digest
        return {**{name: now[name] for name in before}, **now}

    def is_a_state(self, got: Got, suffix: str, *, whole: bool) -> bool:
        """Tell whether a reader got one state of those that it could see."""
        for state in self.states[max(0, got.oldest - 1) : got.newest]:
            held = {name: digest for name, digest in state.items() if name.endswith(suffix)}
            last = dict([list(held.items())[-1]])
            if got.files == (held if whole else last):
                return True
        return False

    def lost(self) -> list[str]:
        """Return what states list that readers may still hold, and do not find any more."""
        suite, found = layout.suite_directory("stable"), []
        young = [message for at, message in self.messages if time.time() - at < KEPT_SECONDS]
        for message in dict.fromkeys([*young, self.messages[-1][1]]):
            listed = rows_of(signed_text(message))
            for path, row in listed.items():
                file = f"{suite}/{by_hash(path, row)}"
                if path.endswith(FORMS) and self.target.digest(file) != row.partition(" ")[0]:
                    found.append(file)
        debs = {entry.path: entry.digest for entry in self._debs()}
        return found + [
            path
            for path, digest in debs.items()
            if self.target.digest(f"{layout.APT}/{path}") != digest
        ]

    def _debs(self) -> Iterator[Deb]:
        for suite in load(self.target).channels["stable"].suites.values():
            yield from suite


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


def reader_by_apt(name: str, apt: Apt, files: Path) -> Reader:
    """Return a host that updates and installs.

    Args:
        files: where its cache is, as this machine sees it.
    """

    def read() -> Files:
        _done(apt.run("clean"))
        _done(apt.run("update"))
        _done(apt.run("install", "--download-only", "--yes", "hello"))
        return _digests(files, "*.deb")

    return Reader(name, ".deb", read, whole=False)


def reader_by_dnf(name: str, dnf: Dnf) -> Reader:
    """Return a host that updates and installs."""

    def read() -> Files:
        _done(dnf.run("clean", "packages"))
        _done(dnf.run("makecache", "--refresh"))
        _done(dnf.run("install", "--downloadonly", "hello"))
        return _digests(dnf.root / "cache", "*.rpm")

    return Reader(name, ".rpm", read, whole=False)


def mirrorlist(url: str) -> str:
    """Return what a host of EL 9 is told."""
    return f"mirrorlist={url}/yum/stable/el9/x86_64/mirrorlist"


def hosts_of(bench: Bench, url: str) -> list[Reader]:
    """Return hosts with this machine's apt and dnf."""
    apt, dnf = Apt(bench.base / "apt"), Dnf(bench.base / "dnf")
    apt.follow(url, bench.public_key("gpg"))
    dnf.follow(mirrorlist(url), bench.public_key("asc"))
    return [
        reader_by_apt("apt update, install", apt, apt.root / "cache"),
        reader_by_dnf("dnf makecache, install", dnf),
    ]


def mirrors_of(bench: Bench, url: str) -> list[Reader]:
    """Return the programs that mirror, but apt-mirror.

    That one looks at no signature and no digest, and takes packages of one form of an index and
    not of that which is listed: it has a state when nobody publishes, as its next run does.
    """
    aptly, debmirror = Aptly(bench.base / "a"), Debmirror(bench.base / "d")
    reprepro, reposync = Reprepro(bench.base / "p"), Reposync(bench.base / "r")
    for mirror in (aptly, debmirror, reprepro, reposync):
        mirror.work.mkdir()
    keyring, key = bench.public_key("gpg"), bench.public_key("asc")

    def mirrored_by_aptly() -> Files:
        _done(aptly.update(url, keyring))
        return aptly.debs()

    def mirrored_by_debmirror() -> Files:
        _done(debmirror.update(url, keyring))
        with tempfile.TemporaryDirectory(dir=bench.base) as scratch:
            _done(as_a_host(debmirror.copy, Path(scratch), keyring, "hello"))
        return debmirror.debs()

    def mirrored_by_reprepro() -> Files:
        _done(reprepro.update(url, keyring))
        # Of each package it has the newest version alone.
        return {name: it for name, it in reprepro.debs().items() if name.startswith("hello_")}

    def mirrored_by_reposync() -> Files:
        _done(reposync.update(url, key))
        return reposync.rpms()

    return [
        Reader("aptly mirror update", ".deb", mirrored_by_aptly),
        Reader("debmirror, and apt of its copy", ".deb", mirrored_by_debmirror),
        Reader("reprepro update", ".deb", mirrored_by_reprepro, whole=False),
        Reader("dnf reposync", ".rpm", mirrored_by_reposync),
    ]


def read_while_publishing(
    bench: Bench, url: str, publishes: int, readers_of: Callable[[Bench, str], list[Reader]]
) -> list[Reader]:
    """Have everybody read while states follow one another; raise when old states are lost.

    Args:
        url: where hosts find the repository.
        publishes: how many states follow the first.
        readers_of: returns who reads, once there is a state.
    """
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


def read_behind_nginx(base: Path, publishes: int) -> list[Reader]:
    """Have hosts and mirror programs read a directory that a web server shows."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program
    root = base / "repository"
    root.mkdir()
    with running(nginx(program, root, base / "nginx")) as server:
        bench, url = Bench(base, str(root)), f"http://127.0.0.1:{server.port}"
        return read_while_publishing(
            bench, url, publishes, lambda *at: [*mirrors_of(*at), *hosts_of(*at)]
        )


def _digests(directory: Path, pattern: str) -> Files:
    found = {path.name: digests.of_file(path) for path in directory.rglob(pattern)}
    # apt writes the epoch and all but a few characters of a version by their codes.
    return {name.replace("%3a", ":"): digest for name, digest in found.items()}


def _done(done: Done) -> None:
    assert done.returncode == 0, done.stdout[-2000:]
