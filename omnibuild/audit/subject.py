"""What the checks look at: one entry of a payload at a time, and the payload around it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property

from omnibuild import elf
from omnibuild.payload.model import Payload
from omnibuild.tree import Entry, Kind

SYMLINKS_AT_MOST = 40
ELF_HEADER_SIZE = 64


@dataclass(frozen=True)
class Subject:
    """One entry.

    Args:
        entry: path, kind and mode; the path is relative to the host's ``/``.
        content: what is in it, empty for all but files.
        elf: what its ELF tables say, None for other files.
        damage: why its ELF tables cannot be read, empty when they can.
    """

    entry: Entry
    content: bytes = b""
    elf: elf.Elf | None = None
    damage: str = ""

    @classmethod
    def of(cls, entry: Entry, content: bytes) -> Subject:
        """Look into a file."""
        try:
            return cls(entry, content, elf.parse(content))
        except elf.ElfError as error:
            return cls(entry, content, damage=str(error))

    @property
    def path(self) -> str:
        """The entry's path."""
        return self.entry.path


@dataclass(frozen=True)
class Surroundings:
    """The payload that a subject is part of, and the platform it is for.

    Args:
        payload: the whole payload.
        glibc: the highest glibc version that the platform has.
    """

    payload: Payload
    glibc: tuple[int, ...]

    @cached_property
    def _machines(self) -> dict[str, str | None]:
        return {}

    def find(self, path: str) -> Entry | None:
        """Return the entry a host path leads to, through symlinks; None if it leads nowhere."""
        tree = self.payload.tree.by_path
        parts = _steps(path)
        real: list[str] = []
        followed = 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                del real[-1:]
                continue
            entry = tree.get("/".join([*real, part]))
            if entry is None or followed > SYMLINKS_AT_MOST:
                return None
            if entry.kind is Kind.SYMLINK:
                followed += 1
                parts[:0] = _steps(entry.target)
                if entry.target.startswith("/"):
                    real.clear()
            else:
                real.append(part)
        found = tree.get("/".join(real))
        return tree[found.target] if found and found.kind is Kind.HARDLINK else found

    def machine(self, entry: Entry) -> str | None:
        """Return the machine that an ELF file is for; None for other files."""
        if entry.path not in self._machines:
            with open(self.payload.root / entry.path, "rb") as stream:
                self._machines[entry.path] = elf.machine_of(stream.read(ELF_HEADER_SIZE))
        return self._machines[entry.path]

    def is_own(self, path: str) -> bool:
        """Tell whether a host path is the app's directory or below it."""
        inside = posixpath.normpath(path)
        return inside == self.payload.prefix or inside.startswith(f"{self.payload.prefix}/")


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step not in ("", ".")]


def origin_expanded(entry: str, path: str) -> str | None:
    """Return the host directory that a runpath's entry means for the file at ``path``.

    None for entries that do not start from the file itself.
    """
    for variable in ("$ORIGIN", "${ORIGIN}"):
        rest = entry.removeprefix(variable)
        if rest != entry and (not rest or rest.startswith("/")):
            return posixpath.normpath(f"/{posixpath.dirname(path)}{rest}")
    return None
