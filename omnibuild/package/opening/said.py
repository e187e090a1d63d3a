"""What a package says of itself besides its files, field by field, to lay it beside another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from omnibuild.digests import of_bytes
from omnibuild.package.rpm.header import Header
from omnibuild.package.rpm.reader import RpmHeaders, RpmInfo
from omnibuild.package.rpm.tags import FileFlag, Tag
from omnibuild.package.rpm.writer import SCRIPT_TAGS

# Of a digest, in hexadecimal digits.
SHOWN = 16

# Fields to the items that they hold; a script's only item is the digest of its text.
Said = Mapping[str, tuple[str, ...]]

DEB_RELATIONS: Final = (
    *("Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks"),
    *("Replaces", "Provides"),
)
RPM_TEXTS: Final = ("summary", "description", "url", "license", "vendor", "packager", "group")
RPM_RELATIONS: Final = (
    *("requires", "provides", "recommends", "suggests", "supplements", "enhances", "conflicts"),
    "obsoletes",
)
# Scripts that others write.
_MORE: Final = {
    "pretrans": Tag.PRETRANS,
    "preuntrans": Tag.PREUNTRANS,
    "postuntrans": Tag.POSTUNTRANS,
    "verifyscript": Tag.VERIFY_SCRIPT,
    "trigger": Tag.TRIGGER_SCRIPTS,
    "filetrigger": Tag.FILE_TRIGGER_SCRIPTS,
    "transfiletrigger": Tag.TRANSACTION_FILE_TRIGGER_SCRIPTS,
}


def deb_said(fields: Mapping[str, str], files: Mapping[bytes, bytes]) -> Said:
    """Return what a .deb says: fields of its control file, and files of its control archive."""
    found = {
        name: tuple(map(str.strip, value.split(","))) if name in DEB_RELATIONS else (value,)
        for name, value in fields.items()
    }
    for name, content in files.items():
        if name == b"conffiles":
            found["conffiles"] = tuple(content.decode("utf-8", "replace").splitlines())
        elif name not in (b"control", b"md5sums"):
            found[name.decode("utf-8", "replace")] = (of_bytes(content)[:SHOWN],)
    return found


def rpm_said(info: RpmInfo, headers: RpmHeaders) -> Said:
    """Return what an rpm says, of which ``info`` was read already."""
    texts = {name: str(getattr(info, name)) for name in RPM_TEXTS}
    found: dict[str, tuple[str, ...]] = {name: (text,) for name, text in texts.items() if text}
    found["version"] = (f"{info.epoch}:{info.version}-{info.release}",)
    for name in RPM_RELATIONS:
        if relations := getattr(info, name):
            found[name] = tuple(relation.notation for relation in relations)
    scripts = {name: tag for name, (tag, _) in SCRIPT_TAGS.items()}
    for name, tag in (*scripts.items(), *_MORE.items()):
        if contents := headers.main.strings(tag):
            whole = "\0".join(contents).encode("utf-8", "surrogateescape")
            found[f"%{name}"] = (of_bytes(whole)[:SHOWN],)
    found |= _marked(headers.main)
    return found


def _marked(header: Header) -> dict[str, tuple[str, ...]]:
    """Return the files that an rpm calls configuration, or has only in its list."""
    names, parents = header.strings(Tag.BASE_NAMES), header.strings(Tag.DIRECTORY_NAMES)
    indexes, flags = header.numbers(Tag.DIRECTORY_INDEXES), header.numbers(Tag.FILE_FLAGS)
    found: dict[str, list[str]] = {}
    for name, index, flag in zip(names, indexes, flags, strict=False):
        path = f"{parents[index] if index < len(parents) else ''}{name}"
        kept = "(noreplace)" if flag & FileFlag.NOREPLACE else ""
        for mark, bit in ((f"%config{kept}", FileFlag.CONFIG), ("%ghost", FileFlag.GHOST)):
            if flag & bit:
                found.setdefault(mark, []).append(path)
    return {mark: tuple(paths) for mark, paths in found.items()}
