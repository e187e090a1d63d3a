"""What a distribution of the Python index says of itself: its metadata and its entry points."""

from __future__ import annotations

import itertools
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omnibuild.discovery.findings import SCRIPT, Findings, Found, home_of
from omnibuild.discovery.licences import spdx, spdx_of_classifiers
from omnibuild.errors import SourceError, Where
from omnibuild.patterns import regex
from omnibuild.sources.python.entrypoints import console_scripts, modules_of
from omnibuild.sources.python.programs import is_program

# Where console scripts are found.
SCRIPTS = "entry_points.txt: console_scripts"

# Bytes of metadata: descriptions are long, and none has so many; names of files of an archive.
_LARGEST = 4_000_000
_MOST_MEMBERS = 500_000
_FIRST_BYTES = 128
_IN_DATA = regex(r"[^/]+\.data/(?:scripts/(?P<script>[^/]+)|(?:pure|plat)lib/(?P<module>.+))")


def declared_by(file: Path, name: str, found: Findings) -> None:
    """Add what a wheel or an sdist, called so, says.

    Raises :class:`SourceError` when it cannot be read.
    """
    with _reading(name):
        texts = _texts_in(file)
        scripts = console_scripts(texts.get("entry points", b"").decode())
    raw, _ = parse_email(texts.get("metadata", b""))
    _of_metadata(raw, found)
    found.add_scripts(scripts, SCRIPTS)
    if zipfile.is_zipfile(file):
        _add_programs(file, raw.get("name", ""), found)


def scripts_of(file: Path, name: str) -> dict[str, str]:
    """Return the console scripts of a wheel or an sdist that is called so.

    Raises :class:`SourceError` when it cannot be read.
    """
    with _reading(name):
        return console_scripts(_texts_in(file).get("entry points", b"").decode())


def _add_programs(wheel: Path, name: str, found: Findings) -> None:
    """Add what a wheel brings ready to be started; if that is nothing, what ``-m`` starts."""
    with _reading(wheel.name), zipfile.ZipFile(wheel) as archive:
        members = archive.namelist()[:_MOST_MEMBERS]
        for member in members:
            program = _IN_DATA.fullmatch(member)
            script = program["script"] if program else None
            if script and SCRIPT.fullmatch(script):
                start = archive.open(member).read(_FIRST_BYTES)
                if is_program(f"bin/{script}", start):
                    found.commands.setdefault(script, Found(script, f"the wheel's {script}"))
    package = canonicalize_name(name).replace("-", "_")
    if not found.commands and f"{package}/__main__.py" in members:
        said = Found(f"python -m {package}", f"{package}/__main__.py")
        found.commands[canonicalize_name(name)] = said


@dataclass
class Startable:
    """What wheels bring that can be started.

    Args:
        modules: by their dotted names.
        scripts: console scripts: name to ``module:function``.
        programs: paths below the prefix.
    """

    modules: set[str] = field(default_factory=set)
    scripts: dict[str, str] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)

    def add(self, wheel: Path, name: str) -> None:
        """Add what a wheel, called so, brings.

        Raises :class:`SourceError` when it cannot be read.
        """
        with _reading(name), zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist()[:_MOST_MEMBERS]:
                self.modules |= modules_of(member)
                if found := _IN_DATA.fullmatch(member):
                    self.modules |= modules_of(found["module"] or "")
                    self.programs |= {f"bin/{found['script']}"} if found["script"] else set()
                elif _what_is(member) == "entry points":
                    self.scripts |= console_scripts(_bounded(archive.open(member)).decode())


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except (
        *(OSError, EOFError, ValueError, RuntimeError, NotImplementedError),
        *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
    ) as error:
        raise SourceError(
            "this distribution cannot be read", where=Where(name), why=str(error)
        ) from error


def _of_metadata(raw: RawMetadata, found: Findings) -> None:
    classified = spdx_of_classifiers(raw.get("classifiers", []))
    licence = spdx(raw.get("license_expression", "")) or classified or spdx(raw.get("license", ""))
    home = raw.get("home_page", "") or home_of(raw.get("project_urls", {}))
    for key, value in (
        ("summary", raw.get("summary", "")),
        ("license", licence),
        ("homepage", home),
        ("requires_python", raw.get("requires_python", "")),
    ):
        line = " ".join(value.split())
        if line and line.isprintable():
            setattr(found, key, Found(line, "METADATA"))
    for text in raw.get("requires_dist", []):
        with suppress(InvalidRequirement):
            found.requirements.add(canonicalize_name(Requirement(text).name))


def _texts_in(file: Path) -> dict[str, bytes]:
    """Return the metadata and the entry points of a wheel or an sdist, each if it is there."""
    texts: dict[str, bytes] = {}
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist()[:_MOST_MEMBERS]:
                if (what := _what_is(name)) and what not in texts:
                    texts[what] = _bounded(archive.open(name))
        return texts
    with tarfile.open(file) as sdist:
        for member in itertools.islice(sdist, _MOST_MEMBERS):
            stream = sdist.extractfile(member) if member.isfile() else None
            if stream and (what := _what_is(member.name)) and what not in texts:
                texts[what] = _bounded(stream)
    return texts


def _what_is(name: str) -> str:
    """Return what a member of an archive is: ``metadata``, ``entry points`` or nothing of both."""
    place, _, last = name.rpartition("/")
    described = "/" not in place and (
        (last == "METADATA" and place.endswith(".dist-info")) or (last == "PKG-INFO" and place)
    )
    if described:
        return "metadata"
    own = place.endswith(".egg-info") or (place.endswith(".dist-info") and "/" not in place)
    listed = last == "entry_points.txt" and own
    return "entry points" if listed else ""


def _bounded(stream: IO[bytes]) -> bytes:
    content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("its metadata is too large")
    return content
