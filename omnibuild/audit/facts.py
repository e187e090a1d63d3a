"""What the checks need to know of files' contents, found out once for each content.

Reading all files of an app takes most of an audit's time, and most of them never change. So facts
are found when a tree is placed, and kept with it. They depend on the content alone: not on where
the file stands, and not on the platform.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from omnibuild import elf
from omnibuild.audit.hardening import Hardening, foreign_machine, hardening_of
from omnibuild.audit.keys import private_key_in
from omnibuild.digests import Digest
from omnibuild.elf.openssl import openssl_in
from omnibuild.payload.placing import references

BUILD_PATH = b"/build/src"

_SHEBANG = re.compile(rb"#![ \t]*([^ \t\n]*)[^\n]*")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """How often a content names the logical prefix or pieces of it, and where first."""

    count: int
    first: int


@dataclass(frozen=True, slots=True)
class Shebang:
    """The first line of a script: its length in bytes, and the interpreter it names."""

    size: int
    interpreter: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is special about a content; for most files, nothing. Offsets are in bytes.

    Args:
        elf: what its ELF tables say.
        damage: why its ELF tables cannot be read, empty when they can.
        hardening: what else its ELF tables say; none for other files and objects.
        openssl: what an OpenSSL in it calls itself; empty where there is none.
        foreign: what a program is for, if no platform can run it.
        leftovers: traces of the logical prefix.
        build_path: where it names the directory of compilations.
        shebang: its first line, if it is a script.
        private_key: where it holds one.
    """

    elf: elf.Elf | None = None
    damage: str = ""
    hardening: Hardening | None = None
    openssl: str = ""
    foreign: str = ""
    leftovers: Leftovers | None = None
    build_path: int | None = None
    shebang: Shebang | None = None
    private_key: int | None = None


NOTHING_SPECIAL = Facts()


def facts_of(content: bytes) -> Facts:
    """Look into a file."""
    parsed, damage, hardening = None, "", None
    try:
        parsed = elf.parse(content)
        if parsed and parsed.kind != "object":
            hardening = hardening_of(content)
    except elf.ElfError as error:
        damage = str(error)
    build_path = content.find(BUILD_PATH)
    line = _SHEBANG.match(content)
    return Facts(
        elf=parsed,
        damage=damage,
        hardening=hardening,
        openssl=openssl_in(content, parsed) if parsed else "",
        foreign="" if parsed or damage else foreign_machine(content),
        leftovers=leftovers(content),
        build_path=build_path if build_path >= 0 else None,
        shebang=Shebang(len(line[0]), os.fsdecode(line[1])) if line else None,
        private_key=private_key_in(content),
    )


def leftovers(content: bytes) -> Leftovers | None:
    """Look for traces of the logical prefix."""
    found = references(content)
    if not found:
        return None
    return Leftovers(len(found.whole) + len(found.fragments), min(found.whole + found.fragments))


def facts_of_file(root: Path, path: str) -> Facts:
    """Look into the file at ``path`` below ``root``."""
    with open(f"{root}/{path}", "rb", buffering=0) as stream:
        return facts_of(stream.read())


def to_data(facts: Mapping[Digest, Facts]) -> dict[str, Any]:
    """Return plain JSON values."""
    return {digest: msgspec.to_builtins(found) for digest, found in facts.items()}


def from_data(data: Mapping[str, Any]) -> dict[Digest, Facts]:
    """Read what :func:`to_data` wrote."""
    return {digest: msgspec.convert(found, Facts) for digest, found in data.items()}
