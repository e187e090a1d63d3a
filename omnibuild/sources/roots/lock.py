"""The lock of a build root: the exact Debian packages it is made of.

A lock is resolved once, by apt, from a signed archive, and committed. From then on its digest is
the root's identity: whatever the archive does, the same packages are installed or none.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from omnibuild import digests, files
from omnibuild.architectures import TARGET
from omnibuild.digests import Digest
from omnibuild.errors import LockError, MissingToolError, ToolFailedError, Where
from omnibuild.patterns import regex
from omnibuild.recipe import validate
from omnibuild.regular import read_regular
from omnibuild.sources.roots import pins
from omnibuild.sources.roots.pins import ImageRoot, TarballRoot
from omnibuild.tools import Tool

APT_GET = Tool("apt-get", package="apt")
APT_CACHE = Tool("apt-cache", package="apt")
DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

LOCK_ENDING = ".lock.json"

POOL = "pool/"

# Bytes; real ones have some tens of thousands.
LARGEST_LOCK = 8 << 20

# The set that debootstrap calls minbase, in apt's patterns.
MINIMAL_SET = ("?essential", "?priority(required)", "apt")

INSTALL_LINE = regex(r"^Inst (\S+) \((\S+) ", re.MULTILINE)


class RootPackage(Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One Debian package of a root; ``filename`` is its path in the archive, below ``pool/``."""

    name: str
    version: str
    architecture: str
    filename: Annotated[str, Meta(pattern=r"^pool/(?!(.*/)?\.\.(/|\Z))")]
    size: Annotated[int, Meta(ge=0)]
    sha256: Annotated[Digest, Meta(pattern=r"^[0-9a-f]{64}\Z")]

    @property
    def places(self) -> tuple[str, ...]:
        """Where the package can be fetched from."""
        return (f"debian:{self.filename.removeprefix(POOL)}",)


class RootLock(Struct, frozen=True, forbid_unknown_fields=True, dict=True, omit_defaults=True):
    """All packages of one root, sorted by name.

    Args:
        bare: whether they are only unpacked: nothing of them runs, and nothing they need is added.
    """

    suite: Annotated[str, Meta(min_length=1)]
    architecture: Annotated[str, Meta(min_length=1)]
    packages: Annotated[tuple[RootPackage, ...], Meta(min_length=1)]
    bare: bool = False

    @cached_property
    def identity(self) -> Digest:
        """The digest that stands for the root."""
        return digests.of_json(self.to_data())

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> RootLock:
        """Read what :meth:`to_data` wrote."""
        return msgspec.convert(data, cls)

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data

    def to_json(self) -> str:
        """Return the lock file's text: one package a line, so that changes read well."""
        rows = ",\n".join(f"    {json.dumps(row)}" for row in self.to_data()["packages"])
        bare = '  "bare": true,\n' if self.bare else ""
        return (
            f'{{\n  "suite": {json.dumps(self.suite)},\n{bare}'
            f'  "architecture": {json.dumps(self.architecture)},\n'
            f'  "packages": [\n{rows}\n  ]\n}}\n'
        )


Root = RootLock | ImageRoot | TarballRoot


def load_root_lock(path: Path) -> Root:
    """Read a lock file; raises :class:`LockError` with the line at fault."""
    try:
        text = read_regular(path, LARGEST_LOCK).decode()
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
    except (ValueError, RecursionError, OSError) as error:
        where = Where(str(path))
        raise LockError("the lock file cannot be read", where=where, why=str(error)) from error
    is_pin = pins.is_pin(data)
    found = list(pins.faults(data) if is_pin else _faults(data))
    if found:
        line = _line_of(text, found[0][0])
        raise LockError(
            "the lock file does not pin what it must pin",
            where=Where(str(path), line),
            why="\n".join(fault for _, fault in found),
            hint="resolve the root again; never edit a lock by hand",
        )
    if is_pin:
        return pins.from_data(path.name.removesuffix(LOCK_ENDING), data)
    return RootLock.from_data(data)


def make_lock(
    suite: str,
    packages: Sequence[str],
    mirror: str,
    *,
    architecture: str = TARGET.dpkg,
    keyring: Path = DEBIAN_KEYRING,
    bare: bool = False,
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
        bare: pin these packages alone, without what they depend on.

    Raises:
        ToolFailedError: the archive cannot be read, or has no such package.
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
        exact: Sequence[str] = packages
        if not bare:
            simulated = APT_GET.run(*options, "--simulate", "install", *MINIMAL_SET, *packages)
            chosen = sorted(INSTALL_LINE.findall(simulated.stdout.decode()))
            exact = [f"{name}={version}" for name, version in chosen]
        shown = APT_CACHE.run(*options, "show", "--no-all-versions", *exact).stdout.decode()
    found = sorted(_package(stanza) for stanza in shown.split("\n\n") if stanza.strip())
    if bare:
        chosen = [(each.name, each.version) for each in found if each.name in packages]
    if [(package.name, package.version) for package in found] != chosen:
        raise ToolFailedError("apt-cache does not show the packages that apt-get chose")
    return RootLock(suite, architecture, tuple(found), bare)


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
    try:
        msgspec.convert(data, RootLock)
    except UnicodeEncodeError as error:
        yield "", f"it holds {error.object[error.start : error.end]!a}, which is no text"
    except msgspec.ValidationError:
        for fault in validate.faults(data, RootLock):
            name = _package_name(data, fault.path)
            if name:
                yield f'"name": {json.dumps(name)}', f"{name}: {fault.what}"
            else:
                yield f'"{fault.path[0]}"' if fault.path else "", fault.what


def _package_name(data: Any, path: tuple[str | int, ...]) -> str:
    """Return the name of the package that a path leads to, or ""."""
    match path:
        case ("packages", int(number), *_):
            package = data["packages"][number]
            name = package.get("name", "") if isinstance(package, dict) else ""
            return name if isinstance(name, str) else ""
    return ""


def _line_of(text: str, needle: str) -> int:
    """Return the number of the first line that holds ``needle``, or 0."""
    if not needle:
        return 0
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if needle in line), 0)
