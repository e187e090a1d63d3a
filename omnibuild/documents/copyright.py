"""The copyright file of a package: whose every part of it is, with the texts of its licences.

Machine-readable, as Debian writes it: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from omnibuild.documents.licences import Licensed
from omnibuild.package.deb.paragraph import render_paragraph
from omnibuild.recipe.models import App

FORMAT: Final = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
# Directories of the app itself, as `lib`, are never said to be of one part, whatever is below.
_SHALLOW = 2
_UNSAID = "not said"
# Bytes of a text that is told where it is, instead of once more: as GPL, LGPL and Apache are.
_LONG = 8000
# Where Debian has such texts (base-files), by how their SPDX names begin.
_COMMON = "/usr/share/common-licenses"
_COMMON_NAMES = (
    *("Apache-2.0", "CC0-1.0", "GFDL-1.2", "GFDL-1.3", "GPL-1", "GPL-2", "GPL-3"),
    *("LGPL-2.1", "LGPL-2", "LGPL-3", "MPL-1.1", "MPL-2.0"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def copyright_file(app: App, prefix: str, parts: Sequence[Licensed]) -> str:
    """Return the copyright file of an app.

    Args:
        app: what it says of itself.
        prefix: its directory on the host.
        parts: what it is made of. Files of which several have one name are of the last, as readers
            of the format have it: the parts with the most files come first.
    """
    mine = [part for part in parts if part.own]
    others = sorted(
        (part for part in parts if part.files and not part.own),
        key=lambda part: (-len(part.files), part.name),
    )
    texts = _Licences(others, prefix)
    head = {
        "Format": FORMAT,
        "Upstream-Name": app.name,
        "Upstream-Contact": app.maintainer,
        "Source": app.homepage or _UNSAID,
        "Comment": f"Everything below {prefix}, with what was compiled for it.",
    }
    paragraphs = [head, _own(app, mine, prefix)]
    found = patterns({part.name: part.files for part in others})
    paragraphs += [_files(part, found[part.name], prefix, texts) for part in others]
    paragraphs += texts.paragraphs()
    return "\n".join(map(render_paragraph, paragraphs))


def _own(app: App, mine: Sequence[Licensed], prefix: str) -> dict[str, str]:
    holders = [line for part in mine for line in part.holders]
    texts = [_text(part, prefix) for part in mine if part.texts]
    return {
        "Files": "*",
        "Copyright": _lines(holders or [app.vendor or app.maintainer]),
        "License": _line(app.license) + _extended(texts),
    }


def _files(part: Licensed, globs: Iterable[str], prefix: str, texts: _Licences) -> dict[str, str]:
    return {
        "Files": _lines(f"{prefix.lstrip('/')}/{glob}" for glob in globs),
        "Copyright": _lines(part.holders or [f"the authors of {part.name}"]),
        "License": texts.name_for(part),
        "Comment": _lines((f"{part.name} {part.version}", part.homepage)),
    }


class _Licences:
    """Names of licences: each stands for one text, which is there once."""

    def __init__(self, parts: Iterable[Licensed], prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[tuple[str, str], str] = {}
        taken: set[str] = set()
        for part in parts:
            key = self._key(part)
            if key not in self._names:
                name = key[0] if key[0] not in taken else f"{key[0]}, as in {part.name}"
                taken.add(name)
                self._names[key] = name

    def _key(self, part: Licensed) -> tuple[str, str]:
        return _line(part.license) or _UNSAID, _text(part, self._prefix)

    def name_for(self, part: Licensed) -> str:
        """Return the name of a part's licence."""
        return self._names[self._key(part)]

    def paragraphs(self) -> Iterator[dict[str, str]]:
        """Yield the texts, each under its name."""
        for (_, text), name in self._names.items():
            yield {"License": name + _extended([text] if text else [])}


def _text(part: Licensed, prefix: str) -> str:
    """Return the licence texts of a part, or where they are."""
    found = [
        text if len(text) <= _LONG else f"The text of this licence is in {prefix}/{path}."
        for path, text in part.texts.items()
    ]
    words = re.split(r"[\s()]+", part.license)
    common = [name for name in _COMMON_NAMES if any(word.startswith(name) for word in words)]
    if common:
        # The first is the one that is meant: LGPL-2.1 begins like LGPL-2.
        found.append(f"Debian has it in {_COMMON}/{common[0]}.")
    return "\n\n".join(found)


def patterns(files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return globs for the files of each part, of which the last that matches a file says whose.

    A directory of which most files are a part's is said to be all of that part, if nobody before it
    has files there.

    Args:
        files: those of each part, relative to the app's prefix; the parts in their order.
    """
    order = {name: number for number, name in enumerate(files)}
    inside: dict[str, Counter[str]] = {}
    for name, paths in files.items():
        for path in paths:
            for directory in _above(path):
                inside.setdefault(directory, Counter())[name] += 1

    @cache
    def owned(directory: str, name: str) -> bool:
        counts = inside[directory]
        first = all(order[name] <= order[other] for other in counts)
        return first and 2 * counts[name] > counts.total()

    found: dict[str, list[str]] = {}
    for name, paths in files.items():
        globs = (
            next((f"{_escaped(each)}/*" for each in _above(path) if owned(each, name)), None)
            or _escaped(path)
            for path in paths
        )
        found[name] = list(dict.fromkeys(globs))
    return found


def _above(path: str) -> Iterator[str]:
    """Yield the directories of a file that can be of one part, the outermost first."""
    names = path.split("/")[:-1]
    for depth in range(_SHALLOW, len(names) + 1):
        yield "/".join(names[:depth])


def _escaped(path: str) -> str:
    # Words are apart by blanks, and the format knows no other sign for one.
    escaped = re.sub(r"([\\*?])", r"\\\1", path)
    # Nor for a byte that is no text.
    return re.sub(r"[\s\udc80-\udcff]", "?", escaped)


def _lines(texts: Iterable[str]) -> str:
    return "\n ".join(filter(None, map(_line, texts)))


def _line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _extended(texts: Sequence[str]) -> str:
    """Return a text as the further lines of a field: indented, a dot where a line is empty."""
    lines = _CONTROL.sub(" ", "\n\n".join(texts)).splitlines()
    return "".join(f"\n {line.rstrip()}" if line.strip() else "\n ." for line in lines)
