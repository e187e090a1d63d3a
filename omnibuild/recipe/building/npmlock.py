"""Locks of npm (``package-lock.json`` of versions 2 and 3): which packages a front end takes."""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omnibuild.architectures import TARGET
from omnibuild.errors import LockError, Problem, Where
from omnibuild.patterns import regex
from omnibuild.recipe.fields import is_url
from omnibuild.recipe.validate import quoted
from omnibuild.regular import read_regular

LOCK = "package-lock.json"
MANIFEST = "package.json"
_MAKE = "run there: npm install --package-lock-only"

# Bounds of what is read at all: the largest real ones have some megabytes, thousands of packages.
_LARGEST, _MOST, _LONGEST = 64 << 20, 50_000, 2000
_SHA512 = 64

_NAME = regex(r"(@[A-Za-z0-9._~-]{1,214}/)?[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,213}")
_VERSION = regex(r"[0-9][0-9A-Za-z.+-]{0,255}")
_INSTALLED = "node_modules/"
# Locks of tools that are not npm.
_OTHERS = {
    "yarn.lock": "npm takes the versions in it over",
    "npm-shrinkwrap.json": "npm takes the versions in it over",
    **dict.fromkeys(("pnpm-lock.yaml", "bun.lock", "bun.lockb"), "npm chooses versions anew"),
}


@dataclass(frozen=True, order=True)
class NpmPackage:
    """A tarball of the npm registry.

    Args:
        name: of the package, as ``@scope/name``.
        version: its version.
        sha512: digest of the tarball, hexadecimal.
        url: where it was; empty where the lock does not say.
    """

    name: str
    version: str
    sha512: str
    url: str = ""


def npm_packages(directory: Path) -> tuple[NpmPackage, ...]:
    """Return what a front end's lock pins for this system, sorted.

    Args:
        directory: of its ``package.json``.

    Raises:
        LockError: there is no lock, or something in it is not pinned by a digest.
    """
    path = directory / LOCK
    text = _text(directory, path)
    entries = _entries(path, text)
    problems: list[Problem] = []
    found: dict[tuple[str, str], NpmPackage] = {}
    for place, entry in entries.items():
        package, fault = _read(place, entry)
        if package and found.setdefault((package.name, package.version), package) != package:
            fault = f"pins other bytes of {package.name} {package.version} than another entry"
        if fault:
            problems.append(_problem(path, text, place, fault))
    if problems:
        raise LockError.of(problems)
    return tuple(sorted(found.values()))


def completed(text: str) -> str:
    """Return a lock that says where each of its packages is.

    npm wants to know before it looks into its cache, where it finds them by their digests.
    """
    data = json.loads(text)
    for place, entry in data["packages"].items():
        if place and "integrity" in entry and "resolved" not in entry:
            name = entry.get("name") or place.rpartition(_INSTALLED)[2]
            base = name.rpartition("/")[2]
            entry["resolved"] = f"https://registry.invalid/{name}/-/{base}-{entry['version']}.tgz"
    return json.dumps(data, indent=2)


def _text(directory: Path, path: Path) -> str:
    if not (directory / MANIFEST).is_file():
        raise LockError(
            f"there is no {MANIFEST}",
            where=Where(str(directory)),
            hint="`directory` in [build.node] is where it is, relative to the project",
        )
    if not path.exists():
        found = (name for name in _OTHERS if (directory / name).exists())
        why = "".join(f"there is {name}, which is not read; {_OTHERS[name]}" for name in found)
        raise LockError(f"there is no {LOCK}", where=Where(str(directory)), why=why, hint=_MAKE)
    try:
        content = read_regular(path)
        if len(content) > _LARGEST:
            raise LockError("this file is larger than any real lock", where=Where(str(path)))
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        where = Where(str(path))
        raise LockError("this lock cannot be read", where=where, why=str(error)) from error


def _entries(path: Path, text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = Where(str(path), getattr(error, "lineno", 1), getattr(error, "colno", 1))
        raise LockError("this is no JSON", where=where, why=str(error), hint=_MAKE) from error
    version = data.get("lockfileVersion") if isinstance(data, dict) else None
    packages = data.get("packages") if isinstance(data, dict) else None
    if version not in (2, 3) or not isinstance(packages, dict):
        raise LockError(
            f"a lock of version {version if isinstance(version, int) else '?'}, and not of 2 or 3",
            where=Where(str(path)),
            why="npm writes these since version 7; older ones do not list all that is installed",
            hint=f"{_MAKE}, with a newer npm",
        )
    if len(packages) > _MOST:
        raise LockError(f"this lock has more than {_MOST} packages", where=Where(str(path)))
    return packages


def _read(place: str, entry: object) -> tuple[NpmPackage | None, str]:
    """Return the tarball that an entry takes here, if it takes one; or what is wrong with it."""
    if not isinstance(entry, dict):
        return None, "is no object"
    if not place or entry.get("inBundle"):
        return None, ""  # the project itself, or what another tarball brings
    if fault := _origin_fault(place, entry):
        return None, fault
    if entry.get("link") or _INSTALLED not in place:
        return None, ""
    package, fault = _package(place, entry)
    return (package if _is_for_this_system(entry) else None), fault


def _origin_fault(place: str, entry: Mapping[str, Any]) -> str:
    """Say why what an entry is made from cannot be fetched by a digest; nothing where it can."""
    resolved = entry.get("resolved", "")
    if not isinstance(resolved, str) or len(resolved) > _LONGEST or len(place) > _LONGEST:
        return "has an origin that is no address"
    if entry.get("link") or _INSTALLED not in place:
        # A workspace: its files are those of the project.
        target = resolved if entry.get("link") else place
        inside = not posixpath.normpath(target).startswith(("..", "/"))
        return "" if inside else f"leads out of the project, to {quoted(target)}"
    if not resolved or (is_url(resolved) and urlsplit(resolved).scheme in ("https", "http")):
        return ""
    kind = "a git repository" if "git" in resolved.partition(":")[0] else "a file"
    return f"comes from {kind}, {quoted(resolved)}, which no digest pins"


def _package(place: str, entry: Mapping[str, Any]) -> tuple[NpmPackage | None, str]:
    """Return the tarball of an entry, or what is wrong with it."""
    name = entry.get("name") or place.rpartition(_INSTALLED)[2]
    version = entry.get("version")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None, "has a name that no package has"
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        return None, "has no version"
    sha512 = _sha512(entry.get("integrity"))
    if not sha512:
        return None, "has no `integrity` of sha512"
    return NpmPackage(name, version, sha512, entry.get("resolved", "")), ""


def _sha512(integrity: object) -> str:
    """Return the SHA-512 digest of an integrity (W3C's Subresource Integrity), if it has one."""
    for text in integrity.split() if isinstance(integrity, str) else ():
        algorithm, _, encoded = text.partition("?")[0].partition("-")
        if algorithm == "sha512":
            try:
                digest = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                return ""
            return digest.hex() if len(digest) == _SHA512 else ""
    return ""


def _is_for_this_system(entry: Mapping[str, Any]) -> bool:
    """Tell whether npm would install an entry here: where ``os``, ``cpu`` and ``libc`` allow it."""
    here = {"os": "linux", "cpu": TARGET.node, "libc": "glibc"}
    return all(_allows(entry.get(key), value) for key, value in here.items())


def _allows(listed: object, value: str) -> bool:
    found = [listed] if isinstance(listed, str) else listed
    words = [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
    if f"!{value}" in words:
        return False
    wanted = [each for each in words if not each.startswith("!")]
    return not wanted or value in wanted or "any" in wanted


def _problem(path: Path, text: str, place: str, fault: str) -> Problem:
    # As npm writes it; where it is not found the file alone must do.
    at = text.find(f"{json.dumps(place, ensure_ascii=False)}:")
    line = text.count("\n", 0, at) + 1 if at >= 0 else 0
    hint = "take it from a registry by its version" if "no digest" in fault else _MAKE
    return Problem(f"{quoted(place)} {fault}", Where(str(path), line), hint=hint)
