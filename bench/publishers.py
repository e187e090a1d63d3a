"""Programs that publish packages: each fills a repository of its own, and adds to it."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import load_signer

REPREPRO = """\
Codename: stable
Architectures: amd64
Components: main
SignWith: {fingerprint}
"""
APTLY = '{{"rootDir": "{root}", "gpgProvider": "gpg", "skipContentsPublishing": true}}'
_BECOME_PARENT_OF_ORPHANS = 36


@dataclass
class Bench:
    """What all programs share.

    Args:
        directory: where everything is.
        key: the secret key.
        environment: has the keyring in which gpg finds it.
        peak: memory of the largest process that ended since it was last set, in bytes.
    """

    directory: Path
    key: Path
    fingerprint: str
    environment: dict[str, str]
    peak: int = 0
    _ended: float = field(default=0.0, init=False)

    @classmethod
    def of(cls, directory: Path) -> Bench:
        """Return a bench with a new key and keyring."""
        # gpg is started by those that ask for it so that it is nobody's child; it works for them.
        ctypes.CDLL(None, use_errno=True).prctl(_BECOME_PARENT_OF_ORPHANS, 1, 0, 0, 0)
        home = directory / "gnupg"
        home.mkdir(mode=0o700)
        (directory / "workspace/recipes").mkdir(parents=True)
        created = create_key(directory / "key", "Bench <bench@example.com>")
        environment = {**os.environ, "GNUPGHOME": str(home), "LC_ALL": "C.UTF-8"}
        # As where it is installed: bytecode is there after the first time.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        bench = cls(directory, created.path, load_signer(created.path).fingerprint, environment)
        bench.run("gpg", "--batch", "--import", created.path)
        return bench

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        with subprocess.Popen(
            list(map(str, command)),
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout
            said = process.stdout.read().decode()
            self._wait(process)
        if process.returncode:
            raise SystemExit(f"{command[0]}: {said[-2000:]}")
        return said

    def spent(self) -> float:
        """Return CPU seconds of all processes so far, also of gpg's agent, which stays."""
        while self._reaped():
            pass
        return self._ended + sum(map(_spent, _children()))

    def end(self) -> None:
        """End gpg's agent."""
        self.run("gpgconf", "--kill", "all")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self._count(used)

    def _reaped(self) -> bool:
        try:
            process, _, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if process:
            self._count(used)
        return bool(process)

    def _count(self, used: resource.struct_rusage) -> None:
        self._ended += used.ru_utime + used.ru_stime
        self.peak = max(self.peak, used.ru_maxrss * 1024)


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def _spent(process: str) -> float:
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


class Publisher(Protocol):
    """A program with a repository of its own."""

    name: str

    def begin(self, bench: Bench, root: Path) -> None:
        """Make an empty repository."""

    def add(self, bench: Bench, root: Path, *packages: Path) -> None:
        """Publish packages."""


class Omnibuild:
    """This program."""

    name = "omnibuild"

    def begin(self, bench: Bench, root: Path) -> None:
        root.mkdir()

    def add(self, bench: Bench, root: Path, *packages: Path) -> None:
        program = Path(sys.executable).with_name("omnibuild")
        command = ("publish", *packages, "--repo", root, "--key", bench.key)
        bench.run(program, *command, cwd=bench.directory / "workspace")


class Reprepro:
    """reprepro, with its database."""

    name = "reprepro"

    def begin(self, bench: Bench, root: Path) -> None:
        (root / "conf").mkdir(parents=True)
        text = REPREPRO.format(fingerprint=bench.fingerprint)
        (root / "conf/distributions").write_text(text)

    def add(self, bench: Bench, root: Path, *packages: Path) -> None:
        options = ("--section", "misc", "--priority", "optional")
        bench.run("reprepro", "-b", root, *options, "includedeb", "stable", *packages)


class Aptly:
    """aptly, without Contents."""

    name = "aptly"

    def begin(self, bench: Bench, root: Path) -> None:
        root.mkdir()
        (root / "aptly.conf").write_text(APTLY.format(root=root))
        self._run(bench, root, "repo", "create", "-distribution=stable", "all")
        self._publish(bench, root, "repo", "-architectures=amd64", "all")

    def add(self, bench: Bench, root: Path, *packages: Path) -> None:
        self._run(bench, root, "repo", "add", "all", *map(str, packages))
        self._publish(bench, root, "update", "stable")

    def _publish(self, bench: Bench, root: Path, command: str, *words: str) -> None:
        key = f"-gpg-key={bench.fingerprint}"
        self._run(bench, root, "publish", command, "-batch", key, *words)

    def _run(self, bench: Bench, root: Path, *command: str) -> None:
        bench.run("aptly", f"-config={root / 'aptly.conf'}", *command)


class Ftparchive:
    """apt-ftparchive with its cache, xz and gpg: what a script does by hand."""

    name = "apt-ftparchive"

    def begin(self, bench: Bench, root: Path) -> None:
        (root / "pool").mkdir(parents=True)

    def add(self, bench: Bench, root: Path, *packages: Path) -> None:
        put(packages, root / "pool")
        script = (
            "set -e; apt-ftparchive --db cache.db packages pool > Packages;"
            " gzip -kfn Packages; xz -kf Packages;"
            " apt-ftparchive release . > Release.new; mv Release.new Release;"
            f" gpg --batch --yes -u {bench.fingerprint} -o InRelease --clearsign Release"
        )
        bench.run("sh", "-c", script, cwd=root)


class Createrepo:
    """createrepo_c --update, and gpg for repomd.xml; it signs no rpm, which omnibuild does."""

    name = "createrepo_c"

    def begin(self, bench: Bench, root: Path) -> None:
        (root / "Packages").mkdir(parents=True)

    def add(self, bench: Bench, root: Path, *packages: Path) -> None:
        put(packages, root / "Packages")
        bench.run("createrepo_c", "-q", "--update", root)
        signed = root / "repodata/repomd.xml"
        signature = f"{signed}.asc"
        command = ("gpg", "--batch", "--yes", "-u", bench.fingerprint, "-o", signature)
        bench.run(*command, "--armor", "--detach-sign", signed)


OWN: Publisher = Omnibuild()
OTHERS: dict[str, tuple[Publisher, ...]] = {
    "deb": (Reprepro(), Aptly(), Ftparchive()),
    "rpm": (Createrepo(),),
}


def publishers(form: str) -> list[Publisher]:
    """Return those for a format that are installed, this program first."""
    return [OWN, *(each for each in OTHERS[form] if shutil.which(each.name))]


def put(packages: Sequence[Path], pool: Path) -> None:
    """Have packages where an index is made of them: it is not counted for who needs it so."""
    for package in packages:
        shutil.copyfile(package, pool / package.name)
