"""Measure adding one package to repositories of many sizes, beside other programs, in turns.

Each program adds one package to a copy of its own repository of `--sizes` packages, signs it, and
ends: a whole process (or several, for those that take several commands). Printed are medians of CPU
seconds, wall seconds and bytes written, and the ratio of omnibuild's CPU seconds to theirs. What
omnibuild waits for readers is in its wall seconds, and takes no CPU. Packages are small, as indexes
do not depend on what is in them. Programs that are not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian, Platform, Rpm
from omnibuild.repository.publish import publish
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import load_signer
from omnibuild.tree import scan

PLATFORMS = {
    "deb": Platform(
        name="debian-12",
        title="Debian 12",
        glibc="2.36",
        root="bookworm",
        deb=Debian(compression="zstd", architecture="amd64"),
    ),
    "rpm": Platform(
        name="el9",
        title="Enterprise Linux 9",
        glibc="2.34",
        root="bookworm",
        rpm=Rpm(architecture="x86_64", tree="el9"),
    ),
}
REPREPRO = """\
Codename: stable
Architectures: amd64
Components: main
SignWith: {fingerprint}
"""
APTLY = '{{"rootDir": "{root}", "gpgProvider": "gpg", "skipContentsPublishing": true}}'
WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "nobody",
    "looks",
)


@dataclass(frozen=True)
class Bench:
    """What all programs share.

    Args:
        directory: where everything is.
        key: the secret key.
        environment: has the keyring in which gpg finds it.
    """

    directory: Path
    key: Path
    fingerprint: str
    environment: dict[str, str]

    def run(self, *command: str | Path, cwd: Path | None = None) -> None:
        done = subprocess.run(
            list(map(str, command)), cwd=cwd, env=self.environment, capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{command[0]}: {done.stderr.decode()[-2000:]}")


class Omnibuild:
    """This program."""

    name = "omnibuild"

    def fill(self, bench: Bench, root: Path, packages: Sequence[Path]) -> None:
        form = packages[0].suffix[1:]
        signer = load_signer(bench.key)
        publish(packages, root, signer, platforms=[PLATFORMS[form]])

    def add(self, bench: Bench, root: Path, package: Path) -> None:
        program = Path(sys.executable).with_name("omnibuild")
        command = ("publish", package, "--repo", root, "--key", bench.key)
        bench.run(program, *command, cwd=bench.directory / "workspace")


class Reprepro:
    """reprepro, with its database."""

    name = "reprepro"

    def fill(self, bench: Bench, root: Path, packages: Sequence[Path]) -> None:
        (root / "conf").mkdir(parents=True)
        text = REPREPRO.format(fingerprint=bench.fingerprint)
        (root / "conf/distributions").write_text(text)
        for some in batches(packages):
            self._include(bench, root, some)

    def add(self, bench: Bench, root: Path, package: Path) -> None:
        self._include(bench, root, [package])

    def _include(self, bench: Bench, root: Path, packages: Sequence[Path]) -> None:
        options = ("--section", "misc", "--priority", "optional")
        bench.run("reprepro", "-b", root, *options, "includedeb", "stable", *packages)


class Aptly:
    """aptly, without Contents."""

    name = "aptly"

    def fill(self, bench: Bench, root: Path, packages: Sequence[Path]) -> None:
        root.mkdir()
        pool = root / "incoming"
        pool.mkdir()
        for package in packages:
            os.link(package, pool / package.name)
        self._run(bench, root, "repo", "create", "-distribution=stable", "all")
        self._run(bench, root, "repo", "add", "all", str(pool))
        key = f"-gpg-key={bench.fingerprint}"
        self._run(bench, root, "publish", "repo", "-batch", key, "-architectures=amd64", "all")
        shutil.rmtree(pool)

    def add(self, bench: Bench, root: Path, package: Path) -> None:
        self._run(bench, root, "repo", "add", "all", str(package))
        key = f"-gpg-key={bench.fingerprint}"
        self._run(bench, root, "publish", "update", "-batch", key, "stable")

    def _run(self, bench: Bench, root: Path, *command: str) -> None:
        config = root / "aptly.conf"
        config.write_text(APTLY.format(root=root))
        bench.run("aptly", f"-config={config}", *command)


class Ftparchive:
    """apt-ftparchive with its cache, xz and gpg: what a script does by hand."""

    name = "apt-ftparchive"

    def fill(self, bench: Bench, root: Path, packages: Sequence[Path]) -> None:
        (root / "pool").mkdir(parents=True)
        for package in packages:
            os.link(package, root / "pool" / package.name)
        self._index(bench, root)

    def add(self, bench: Bench, root: Path, package: Path) -> None:
        shutil.copyfile(package, root / "pool" / package.name)
        self._index(bench, root)

    def _index(self, bench: Bench, root: Path) -> None:
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

    def fill(self, bench: Bench, root: Path, packages: Sequence[Path]) -> None:
        (root / "Packages").mkdir(parents=True)
        for package in packages:
            os.link(package, root / "Packages" / package.name)
        self._index(bench, root)

    def add(self, bench: Bench, root: Path, package: Path) -> None:
        shutil.copyfile(package, root / "Packages" / package.name)
        self._index(bench, root)

    def _index(self, bench: Bench, root: Path) -> None:
        bench.run("createrepo_c", "-q", "--update", root)
        signed = root / "repodata/repomd.xml"
        signature = f"{signed}.asc"
        command = ("gpg", "--batch", "--yes", "-u", bench.fingerprint, "-o", signature)
        bench.run(*command, "--armor", "--detach-sign", signed)


PROGRAMS = {
    "deb": (Omnibuild(), Reprepro(), Aptly(), Ftparchive()),
    "rpm": (Omnibuild(), Createrepo()),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--formats", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scratch", type=Path, help="where it works (default: $TMPDIR)")
    arguments = parser.parse_args()
    print("| format | packages | program | CPU s | wall s | KiB written | omnibuild / it, CPU |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for form in arguments.formats:
        for size in arguments.sizes:
            with tempfile.TemporaryDirectory(prefix="ob-", dir=arguments.scratch) as name:
                for line in table(Path(name), form, size, arguments.runs):
                    print(line, flush=True)
    return 0


def table(directory: Path, form: str, size: int, runs: int) -> Iterator[str]:
    bench = begun(directory)
    packages = list(made(directory / "packages", form, size + runs))
    stock, more = packages[:size], packages[size:]
    programs = [each for each in PROGRAMS[form] if each is PROGRAMS[form][0] or there(each.name)]
    for program in programs:
        program.fill(bench, directory / program.name, stock)
    found: dict[str, list[tuple[float, float, float]]] = {each.name: [] for each in programs}
    for package in more:
        for program in programs:
            root = directory / program.name
            found[program.name].append(measured(root, partial(program.add, bench, root, package)))
    own = statistics.median(cpu for cpu, _, _ in found["omnibuild"])
    for name, rows in found.items():
        cpu, wall, written = (statistics.median(column) for column in zip(*rows, strict=True))
        ratio = f"{own / cpu:.2f}" if name != "omnibuild" else ""
        about = f"{cpu:.2f} | {wall:.2f} | {written / 1024:,.0f} | {ratio}"
        yield f"| {form} | {size:,} | {name} | {about} |"
    subprocess.run(["gpgconf", "--kill", "all"], env=bench.environment, check=False)


def there(program: str) -> bool:
    return shutil.which(program) is not None


def begun(directory: Path) -> Bench:
    """Return a new key and keyring."""
    home = directory / "gnupg"
    home.mkdir(mode=0o700)
    (directory / "workspace/recipes").mkdir(parents=True)
    created = create_key(directory / "key", "Bench <bench@example.com>")
    environment = {**os.environ, "GNUPGHOME": str(home), "LC_ALL": "C.UTF-8"}
    bench = Bench(directory, created.path, load_signer(created.path).fingerprint, environment)
    bench.run("gpg", "--batch", "--import", created.path)
    return bench


def made(directory: Path, form: str, count: int) -> Iterator[Path]:
    """Write many small packages."""
    program = directory / "root/opt/shop/bin/shop"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    for path in program.parents:
        if directory in path.parents:
            path.chmod(0o755)
    root = directory / "root"
    metadata = Metadata(
        name="shop",
        version="1.0",
        revision="1",
        summary="",
        description="",
        license="MIT",
        maintainer="Bench <bench@example.com>",
        homepage="https://shop.example",
        vendor="",
        date=1_700_000_000,
        epoch=0,
    )
    payload = Payload(metadata=metadata, root=root, tree=scan(root), prefix="/opt/shop")
    making = Making(directory)
    written = PLATFORMS[form].deb or PLATFORMS[form].rpm
    assert written
    for number in range(count):
        # The last ones belong anywhere among the others.
        name = f"{'abcdefghijklmnopqrst'[number * 7 % 20]}{number * 7919 % 100_003:06}-tool"
        words = " ".join(WORDS[number * step % len(WORDS)] for step in (1, 3, 5, 7, 11))
        about = replace(metadata, name=name, summary=f"Tool {number}: {words}")
        yield write_package(replace(payload, metadata=about), written, making).path


def batches(packages: Sequence[Path], size: int = 1000) -> Iterator[Sequence[Path]]:
    for start in range(0, len(packages), size):
        yield packages[start : start + size]


def measured(root: Path, add: Callable[[], None]) -> tuple[float, float, float]:
    """Return CPU seconds, wall seconds, and the bytes of files that are new or were replaced."""
    before, start, used = state(root), time.monotonic(), cpu()
    add()
    used, wall = cpu() - used, time.monotonic() - start
    after = state(root)
    written = sum(item[2] for path, item in after.items() if before.get(path) != item)
    return used, wall, float(written)


def state(root: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            about = (status.st_ino, status.st_mtime_ns, status.st_size)
            found[os.path.join(directory, name)] = about
    return found


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
