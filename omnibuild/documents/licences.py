"""What the parts of an app say of their licences: texts, and who holds the copyright."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any, Final

from packaging.utils import canonicalize_name

from omnibuild.package.opening.owners import INFO
from omnibuild.payload.assembly import Part, kept
from omnibuild.tree import Entry, Kind

LICENSES: Final = "share/licenses"
# Bytes; whole licences have 35,000.
LARGEST_TEXT: Final = 1 << 18
# Of a part, so that a list of contributors does not fill the file.
MOST_HOLDERS: Final = 12
LONGEST_HOLDER: Final = 200

# What files with licence texts are called.
LICENCE_NAMES: Final = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
# Within one line: texts are of others, and may be all blank.
_HOLDER = re.compile(
    r"^[ \t*#/;.-]*"
    r"(?P<said>(?:Portions )?Copyright(?: \(C\)|[ \t]*©|:)?[ \t]*(?:[12][0-9]{3}|©|\(C\)).*)$",
    re.IGNORECASE | re.MULTILINE,
)
_CLASSIFIER = "License :: "


@dataclass(frozen=True)
class Licensed:
    """What a part of an app says of its licence.

    Args:
        name: of the component or distribution.
        version: its version.
        license: an SPDX expression, or what it calls its licence.
        homepage: where to read more.
        holders: lines of its texts that name who holds the copyright.
        texts: licence texts, as they are, by their paths relative to the app's prefix.
        files: the files it brings, relative to the app's prefix.
        own: whether it is the app itself.
    """

    name: str
    version: str
    license: str
    homepage: str
    holders: tuple[str, ...]
    texts: Mapping[str, str]
    files: tuple[str, ...]
    own: bool = False


def licensed(
    parts: Iterable[Part], manifest: Mapping[str, Any], own: Collection[str]
) -> Iterator[Licensed]:
    """Yield what each part says of its licence, in the order of the parts.

    Args:
        parts: placed trees.
        manifest: of the app, which names what was compiled.
        own: names of the parts that are the app itself.
    """
    components = {each["name"]: each for each in manifest["components"]}
    for part in parts:
        entries = [entry for entry in kept(part) if entry.kind is not Kind.DIRECTORY]
        texts = dict(_texts(part, entries))
        name = part.name.rpartition(":")[2]
        said = components.get(name) if not part.name.startswith("python:") else None
        said = said or _distribution(part, entries)
        yield Licensed(
            name=said.get("name") or name,
            version=said.get("version", ""),
            license=said.get("license", ""),
            homepage=said.get("homepage", ""),
            holders=holders(texts.values()) or tuple(filter(None, [said.get("author", "")])),
            texts=texts,
            files=tuple(entry.path for entry in entries),
            own=part.name in own,
        )


def holders(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of licence texts that say who holds the copyright, each once."""
    found = {" ".join(match["said"].split()) for text in texts for match in _HOLDER.finditer(text)}
    # Licences end with what others are to write into their own files.
    named = (line[:LONGEST_HOLDER] for line in found if "<year>" not in line)
    return tuple(sorted(named))[:MOST_HOLDERS]


def _texts(part: Part, entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if entry.kind is Kind.FILE and entry.size <= LARGEST_TEXT and _is_text(entry.path):
            text = (part.directory / entry.path).read_text("utf-8", "replace").strip("\n")
            if text.strip():
                yield entry.path, text


def _is_text(path: str) -> bool:
    directory, name = posixpath.split(path)
    if directory.startswith(f"{LICENSES}/"):
        return True
    if f"{INFO}/licenses/" in path:
        return True
    return directory.endswith(INFO) and bool(LICENCE_NAMES.match(name))


def _distribution(part: Part, entries: Iterable[Entry]) -> dict[str, str]:
    """Return what the installed distribution that a part is says of itself."""
    for entry in entries:
        directory, name = posixpath.split(entry.path)
        if name == "METADATA" and directory.endswith(INFO) and entry.kind is Kind.FILE:
            text = (part.directory / entry.path).read_text("utf-8", "replace")
            said = HeaderParser().parsestr(text)
            return {
                "name": canonicalize_name(str(said.get("Name", ""))),
                "version": str(said.get("Version", "")),
                "license": _license(said),
                "homepage": _homepage(said),
                "author": str(said.get("Author") or said.get("Author-email") or ""),
            }
    return {}


def _license(said: Any) -> str:
    """Return what a distribution calls its licence: an expression, a word, or its classifiers."""
    if expression := str(said.get("License-Expression", "")).strip():
        return expression
    word = str(said.get("License", "")).strip()
    # Some have the whole text there.
    if word and "\n" not in word and len(word) < LONGEST_HOLDER and word.upper() != "UNKNOWN":
        return word
    classifiers = [
        str(each).rpartition(" :: ")[2]
        for each in said.get_all("Classifier", [])
        if str(each).startswith(_CLASSIFIER)
    ]
    return " or ".join(dict.fromkeys(classifiers))


def _homepage(said: Any) -> str:
    links = {
        label.strip().lower(): url.strip()
        for label, _, url in (str(each).partition(",") for each in said.get_all("Project-URL", []))
    }
    found = said.get("Home-page") or links.get("homepage") or links.get("source") or ""
    return "" if str(found).upper() == "UNKNOWN" else str(found)
