"""Run one long proof and record it in docs/certification/ with its commit."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# What is done with every app; between the two builds a project is changed.
APP_COMMANDS = (
    "omnibuild init NAME",
    "omnibuild build NAME --platform debian-12",
    "dpkg --install NAME_VERSION-1_amd64.deb          (on the host; then it is used)",
    "omnibuild build NAME --platform debian-12        (revision 2)",
    "dpkg --install NAME_VERSION-2_amd64.deb          (on the host; then it is used again)",
    "dpkg --purge NAME",
)


def main() -> int:
    theme = sys.argv[1]
    commit = output("git", "rev-parse", "HEAD").strip()
    if output("git", "status", "--porcelain", "--untracked-files=no"):
        print("commit first: a certification is about a commit", file=sys.stderr)
        return 1
    started = time.monotonic()
    lines = PROOFS[theme]()
    minutes = (time.monotonic() - started) / 60
    record = CHECKOUT / "docs" / "certification" / f"{theme}.md"
    body = "\n".join(f"    {line}".rstrip() for line in lines)
    # What people wrote below the record stays, in sections of its own.
    _, section, notes = (record.read_text() if record.exists() else "").partition("\n## ")
    record.write_text(
        f"# {theme}\n\n`make certify-{theme}`, last run on {time.strftime('%Y-%m-%d')}\n"
        f"on commit `{commit}`, {os.cpu_count()} cores, {minutes:.1f} minutes.\n\n{body}\n"
        f"{section}{notes}"
    )
    print(record.read_text())
    return 0


def cold() -> list[str]:
    """A fresh clone with an empty store and an empty home: make demo, twice."""
    with tempfile.TemporaryDirectory(prefix="omnibuild-cold-") as base:
        clone = Path(base, "clone")
        output("git", "clone", "--quiet", str(CHECKOUT), str(clone))
        environment = {**os.environ, "HOME": base, "XDG_CACHE_HOME": f"{base}/cache"}
        environment.pop("OMNIBUILD_CACHE", None)
        lines = []
        for name in ("cold", "again"):
            started = time.monotonic()
            said = output("make", "demo", directory=clone, environment=environment)
            lines.append(f"make demo, {name}: {time.monotonic() - started:.0f} s")
        return [*lines, "", *said[said.index("== summary") :].splitlines()]


def interpreter() -> list[str]:
    """CPython's own tests with packaged interpreters; OMNIBUILD_SERIES names others."""
    path = "tests/certification/test_interpreter.py"
    said = output(sys.executable, "-m", "pytest", "-q", "-s", path)
    return [line for line in said.splitlines() if line.strip(" .[]0123456789%")]


def series() -> list[str]:
    """hello with CPython 3.11 and 3.14, audited for every platform, and serving from a tarball."""
    return pytest("tests/certification/test_series.py")


def properties() -> list[str]:
    """All unit tests with many more examples."""
    return pytest("-n", "2", "tests/unit", OMNIBUILD_EXAMPLES="500")


def hostile() -> list[str]:
    """2,000 generated inputs for every parser and boundary; OMNIBUILD_SEED repeats a run."""
    words = ("-m", "pytest", "-q", "tests/certification/test_hostile.py")
    said = output(sys.executable, *words).splitlines()
    return [line for line in said if line.strip(" .[]0123456789%")]


def crash() -> list[str]:
    """200 kills at random moments and 20 disks that become full; OMNIBUILD_SEED repeats a run."""
    return told("tests/certification/test_crash.py")


def damage() -> list[str]:
    """200 flipped bits (or OMNIBUILD_FLIPS), each followed by four builds."""
    return told("tests/certification/test_damage.py")


def apps() -> list[str]:
    """Apps of the Python index by their names alone, and projects, on a booted host.

    An app that fails is a row that says why, so the record is written in any case.
    """
    commands = [
        "Commands for each NAME of the index, and for each project in its directory NAME:",
        "",
        *(f"    {line}" for line in APP_COMMANDS),
        "",
    ]
    before = os.getloadavg()[1]
    command = (sys.executable, "-m", "pytest", "-q", "tests/certification/test_apps.py")
    lines = []
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    rows = lines[: next((n for n, line in enumerate(lines) if line.startswith("===")), -1)]
    shown = [line for line in rows if line.strip(" .[]0123456789%Fs")]
    load = f"load of the machine before and after: {before:.1f}, {os.getloadavg()[1]:.1f}"
    return [*commands, *shown, lines[-1].strip("= "), load]


def mirrors() -> list[str]:
    """60 publishings back to back while hosts and mirror programs read."""
    return told("tests/certification/test_mirrors.py")


def attacks() -> list[str]:
    """Every file of a repository altered in turn, and packages of an adversary."""
    return told("tests/certification/test_attacks.py")


def readers() -> list[str]:
    """500 publishings (or OMNIBUILD_PUBLISHES) while hosts of three Debians and dnf read."""
    path = "tests/certification/test_readers.py"
    said = output(sys.executable, "-m", "pytest", "-q", "-s", path)
    return [line for line in said.splitlines() if line.strip(" .[]0123456789%")]


def managers() -> list[str]:
    """apk and opkg, built from their sources, order versions, install, upgrade and remove."""
    return pytest("tests/certification/test_managers.py")


def stacks() -> list[str]:
    """Servers, libraries and bundled services, compiled from source, on booted hosts."""
    return told("tests/certification/stacks")


def told(path: str) -> list[str]:
    """Return what a test tells of itself, without pytest's dots."""
    said = output(sys.executable, "-m", "pytest", "-q", path)
    return [line for line in said.splitlines() if line.strip(" .[]0123456789%")]


def publishers() -> list[str]:
    """Fifty publishers at once, to a directory, to S3 and over ssh, some of them killed."""
    path = "tests/certification/test_publishers.py"
    said = output(sys.executable, "-m", "pytest", "-q", "-s", path)
    return [line for line in said.splitlines() if line.strip(" .[]0123456789%")]


def repair() -> list[str]:
    """Each file of a repository is damaged in three ways, and repaired."""
    return pytest("-s", "tests/certification/test_repair.py")


def rebuild() -> list[str]:
    """What is made for the shipped recipes and, for release, CPython: again, by somebody else."""
    lines = []
    for words in (("hello",), ("httpbin",), ("python-3.13", "--release")):
        command = (sys.executable, "-m", "omnibuild", "artifact", "rebuild", *words)
        lines += [f"{' '.join(words)}  {line}" for line in output(*command).splitlines()]
    return lines


def pytest(*words: str, **variables: str) -> list[str]:
    environment = {**os.environ, **variables}
    said = output(sys.executable, "-m", "pytest", "-q", *words, environment=environment)
    return [line for line in said.splitlines() if "passed" in line or "failed" in line]


def output(
    *command: str, directory: Path = CHECKOUT, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed\n{done.stdout}")
    return done.stdout


PROOFS = {
    "apps": apps,
    "attacks": attacks,
    "cold": cold,
    "interpreter": interpreter,
    "properties": properties,
    "publishers": publishers,
    "hostile": hostile,
    "crash": crash,
    "damage": damage,
    "mirrors": mirrors,
    "readers": readers,
    "rebuild": rebuild,
    "repair": repair,
    "series": series,
    "managers": managers,
    "stacks": stacks,
}

if __name__ == "__main__":
    sys.exit(main())
