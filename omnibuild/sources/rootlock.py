"""The lock of a build root: the exact Debian packages it is made of.

A lock is resolved once, by apt, from a signed archive, and committed. From then on its digest is
the root's identity: whatever the archive does, the same packages are installed or none.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from omnibuild import digests, files
from omnibuild.digests import Digest
from omnibuild.errors import LockError, MissingToolError, ToolFailedError, Where
from omnibuild.sources import rootpins
from omnibuild.sources.rootpins import ImageRoot, TarballRoot
from omnibuild.tools import Tool

APT_GET = Tool("apt-get", package="apt")
APT_CACHE = Tool("apt-cache", package="apt")
DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

LOCK_ENDING = ".lock.json"

POOL = "pool/"

# The set that debootstrap calls minbase, in apt's patterns.
MINIMAL_SET = ("?essential", "?priority(required)", "apt")

INSTALL_LINE = re.compile(r"^Inst (\S+) \((\S+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class RootPackage:
    """One Debian package of a root; ``filename`` is its path in the archive, below ``pool/``."""

    name: str
    version: str
    architecture: str
    filename: str
    size: int
    sha256: Digest

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values; a root has hundreds of packages, so without a deep copy."""
        return {
            "name": self.name,
            "version": self.version,
            "architecture": self.architecture,
            "filename": self.filename,
            "size": self.size,
            "sha256": self.sha256,
        }

    @property
    def places(self) -> tuple[str, ...]:
        """Where the package can be fetched from."""
        return (f"debian:{self.filename.removeprefix(POOL)}",)


@dataclass(frozen=True)
class RootLock:
    """All packages of one build root, sorted by name."""

    suite: str
    architecture: str
    packages: tuple[RootPackage, ...]

    @cached_property
    def identity(self) -> Digest:
        """The digest that stands for the root."""
        return digests.of_json(self.to_data())

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> RootLock:
        """Read what :meth:`to_data` wrote."""
        packages = tuple(RootPackage(**item) for item in data["packages"])
        return cls(data["suite"], data["architecture"], packages)

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "suite": self.suite,
            "architecture": self.architecture,
            "packages": [package.to_data() for package in self.packages],
        }

    def to_json(self) -> str:
        """Return the lock file's text: one package a line, so that changes read well."""
        rows = ",\n".join(f"    {json.dumps(package.to_data())}" for package in self.packages)
        return (
            f'{{\n  "suite": {json.dumps(self.suite)},\n'
            f'  "architecture": {json.dumps(self.architecture)},\n'
            f'  "packages": [\n{rows}\n  ]\n}}\n'
        )


Root = RootLock | ImageRoot | TarballRoot


def load_root_lock(path: Path) -> Root:
    """Read a lock file; raises :class:`LockError` with the line at fault."""
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
    except FileNotFoundError as error:
        raise LockError(
            "there is no such lock file",
            where=Where(str(path)),
            hint="write it with `omnibuild root lock`",
        ) from error
    except UnicodeDecodeError as error:
        raise LockError("the lock file is not UTF-8", where=Where(str(path))) from error
    except json.JSONDecodeError as error:
        where = Where(str(path), error.lineno, error.colno)
        raise LockError("the lock file is not JSON", where=where, why=error.msg) from error
    faults = list(rootpins.faults(data) if rootpins.is_pin(data) else _faults(data))
    if faults:
        line = _line_of(text, faults[0][0])
        raise LockError(
            "the lock file does not pin what it must pin",
            where=Where(str(path), line),
            why="\n".join(fault for _, fault in faults),
            hint="resolve the root again; never edit a lock by hand",
        )
    if rootpins.is_pin(data):
        return rootpins.from_data(path.name.removesuffix(LOCK_ENDING), data)
    return RootLock.from_data(data)


def make_lock(
    suite: str,
    packages: Sequence[str],
    mirror: str,
    *,
    architecture: str = "amd64",
    keyring: Path = DEBIAN_KEYRING,
) -> RootLock:
    """Resolve the minimal system and ``packages`` in the main component of a Debian suite.

    apt does the work, in a private directory: it checks the archive's signature, and it knows of
    no installed package and of no other suite.

    Args:
        suite: the suite's codename, as ``bullseye``.
        packages: Debian package names.
        mirror: base URL of a Debian archive.
        architecture: dpkg's name of the architecture.
        keyring: the keys that may sign the archive.
    """
    if not keyring.exists():
        raise MissingToolError(
            f"the keys of the Debian archive are not at {keyring}",
            hint="on Debian and Ubuntu: apt-get install debian-archive-keyring",
        )
    with tempfile.TemporaryDirectory(prefix="omnibuild-lock-") as home:
        source = f"deb [signed-by={keyring}] {mirror} {suite} main\n"
        options = _private_apt(Path(home), source, architecture)
        APT_GET.run(*options, "update")
        simulated = APT_GET.run(*options, "--simulate", "install", *MINIMAL_SET, *packages)
        chosen = sorted(INSTALL_LINE.findall(simulated.stdout.decode()))
        exact = (f"{name}={version}" for name, version in chosen)
        shown = APT_CACHE.run(*options, "show", *exact).stdout.decode()
    found = sorted(_package(stanza) for stanza in shown.split("\n\n") if stanza.strip())
    if [(package.name, package.version) for package in found] != chosen:
        raise ToolFailedError("apt-cache does not show the packages that apt-get chose")
    return RootLock(suite, architecture, tuple(found))


def _private_apt(home: Path, source: str, architecture: str) -> list[str]:
    """Prepare a directory that apt takes for a whole, empty system; return the options for it."""
    for directory in ("state/lists/partial", "cache/archives/partial", "etc"):
        (home / directory).mkdir(parents=True)
    files.write_atomic(home / "status", b"")
    files.write_atomic(home / "etc/sources.list", source)
    settings = {
        "Dir::Etc": home / "etc",
        "Dir::Etc::sourcelist": home / "etc/sources.list",
        "Dir::State": home / "state",
        "Dir::State::status": home / "status",
        "Dir::Cache": home / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        # apt's own unprivileged user could not write into this private directory.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Debug::NoLocking": "true",
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    # `Error-Mode=any` makes a failed update a failure and not a warning about old lists.
    return [*options, "-oAPT::Update::Error-Mode=any", "-q=2"]


def _package(stanza: str) -> RootPackage:
    """Read one paragraph of a Packages index."""
    values = dict(
        line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " "
    )
    return RootPackage(
        values["Package"],
        values["Version"],
        values["Architecture"],
        values["Filename"],
        int(values["Size"]),
        values["SHA256"],
    )


def _faults(data: Any) -> Iterator[tuple[str, str]]:
    """Yield everything wrong with a lock's data: text to search for its line, and a sentence."""
    if not isinstance(data, dict) or not isinstance(data.get("packages"), list):
        yield "", "a list `packages` is missing"
        return
    for key in ("suite", "architecture"):
        if not isinstance(data.get(key), str) or not data[key]:
            yield f'"{key}"', f"`{key}` is missing"
    if not data["packages"]:
        yield '"packages"', "`packages` is empty"
    for number, item in enumerate(data["packages"]):
        if not isinstance(item, dict):
            yield '"packages"', f"packages[{number}] is not an object"
            continue
        name = item.get("name", f"packages[{number}]")
        for fault in _package_faults(item):
            yield f'"name": {json.dumps(name)}', f"{name}: {fault}"


def _package_faults(item: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one package's data."""
    expected = {field.name for field in fields(RootPackage)}
    for key in sorted(set(item) - expected):
        yield f"unknown field `{key}`"
    for key in sorted(expected - set(item)):
        yield f"`{key}` is missing"
    for key in sorted(expected & set(item)):
        kind = int if key == "size" else str
        if not isinstance(item[key], kind) or isinstance(item[key], bool):
            yield f"`{key}` is not a {'number' if kind is int else 'string'}"
    if isinstance(item.get("sha256"), str) and not digests.is_digest(item["sha256"]):
        yield "`sha256` is not a SHA-256 digest"
    filename = item.get("filename")
    if isinstance(filename, str) and (not filename.startswith(POOL) or ".." in filename):
        yield "`filename` is not a path below pool/"


def _line_of(text: str, needle: str) -> int:
    """Return the number of the first line that holds ``needle``, or 0."""
    if not needle:
        return 0
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if needle in line), 0)
