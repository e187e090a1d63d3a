"""What a distribution of the Python index says of itself: its metadata and its entry points."""

from __future__ import annotations

import configparser
import itertools
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from packaging.metadata import RawMetadata, parse_email

from omnibuild.discovery.findings import SCRIPT, Findings, Found
from omnibuild.discovery.licences import spdx, spdx_of_classifiers
from omnibuild.errors import SourceError, Where

# Bytes of metadata: descriptions are long, and none has so many; names of files of an archive.
_LARGEST = 4_000_000
_MOST_MEMBERS = 500_000
_HOME = ("homepage", "home", "repository", "source", "source code", "documentation")


def declared_by(file: Path, found: Findings) -> None:
    """Add what a wheel or an sdist says.

    Raises :class:`SourceError` when it cannot be read.
    """
    try:
        texts = _texts_in(file)
    except (
        *(OSError, EOFError, ValueError, RuntimeError, NotImplementedError),
        *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
    ) as error:
        raise SourceError(
            "this distribution cannot be read", where=Where(file.name), why=str(error)
        ) from error
    raw, _ = parse_email(texts.get("metadata", b""))
    _of_metadata(raw, found)
    for name in _scripts(texts.get("entry points", b"").decode("utf-8", "replace")):
        if SCRIPT.fullmatch(name):
            found.commands.setdefault(name, Found(name, "entry_points.txt: console_scripts"))


def _of_metadata(raw: RawMetadata, found: Findings) -> None:
    classified = spdx_of_classifiers(raw.get("classifiers", []))
    licence = spdx(raw.get("license_expression", "")) or classified or spdx(raw.get("license", ""))
    urls = {key.lower(): value for key, value in raw.get("project_urls", {}).items()}
    home = raw.get("home_page", "") or next((urls[key] for key in _HOME if key in urls), "")
    for field, value in (
        ("summary", raw.get("summary", "")),
        ("license", licence),
        ("homepage", home),
        ("requires_python", raw.get("requires_python", "")),
    ):
        line = " ".join(value.split())
        if line and line.isprintable():
            setattr(found, field, Found(line, "METADATA"))


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


def _scripts(text: str) -> list[str]:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        parser.read_string(text)
    except configparser.Error:
        return []
    return list(parser["console_scripts"]) if parser.has_section("console_scripts") else []
