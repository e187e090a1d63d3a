"""What the dynamic loader reads from an ELF file: a parser of just that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omnibuild.architectures import ARCHITECTURES
from omnibuild.elf.tables import (
    DT_NEEDED,
    DT_RPATH,
    DT_RUNPATH,
    DT_SONAME,
    TYPE_DYNAMIC,
    TYPE_EXECUTABLE,
    TYPE_OBJECT,
    ElfError,
    Image,
)

__all__ = [
    "MAGIC",
    "Dynamic",
    "Elf",
    "ElfError",
    "dynamic",
    "machine_of",
    "parse",
    "runpath_is_shared",
]

MAGIC = b"\x7fELF"

_CLASS_64_LITTLE_ENDIAN = b"\x02\x01"
_MACHINES = {one.elf: one.name for one in ARCHITECTURES}


@dataclass(frozen=True, slots=True)
class Elf:
    """What a file asks of the loader.

    Args:
        kind: ``executable``, ``shared`` (library or plugin) or ``object`` (the linker's input).
        machine: ``x86-64`` or ``aarch64``.
        interpreter: path of the loader (PT_INTERP), empty for libraries and static programs.
        needed: names of the libraries that must be loaded with it (DT_NEEDED).
        runpath: DT_RUNPATH as it is written, entries parted by colons.
        rpath: DT_RPATH, which the loader heeds only without a runpath.
        inherits: it has no DT_RUNPATH, so the DT_RPATH of whoever loads it counts for it, too.
        versions: symbol versions that it requires, by the library that must define them.
        defines: symbol versions of its own.
        runpath_offset: file offset and length of the runpath's text, else of the rpath's.
    """

    kind: str
    machine: str
    interpreter: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    runpath: str = ""
    rpath: str = ""
    inherits: bool = True
    versions: Mapping[str, tuple[str, ...]] | None = None
    defines: tuple[str, ...] = ()
    runpath_offset: tuple[int, int] | None = None

    @property
    def own_path(self) -> str:
        """The search path of the file itself, as it is written."""
        return self.rpath if self.inherits else self.runpath

    @property
    def search_path(self) -> tuple[str, ...]:
        """The file's own directories in which the loader looks for the needed libraries."""
        return tuple(filter(None, self.own_path.split(":")))


def machine_of(header: bytes) -> str | None:
    """Return the machine that the first 20 bytes of a file name; None if it is no ELF of ours."""
    if header[:4] != MAGIC or header[4:6] != _CLASS_64_LITTLE_ENDIAN:
        return None
    return _MACHINES.get(int.from_bytes(header[18:20], "little"))


def parse(data: bytes) -> Elf | None:
    """Read an ELF file; None for other files, other machines and core dumps.

    Raises :class:`ElfError` when it is damaged.
    """
    machine = machine_of(data)
    if machine is None:
        return None
    image = Image(data)
    if image.type == TYPE_OBJECT:
        return Elf("object", machine)
    if image.type not in (TYPE_EXECUTABLE, TYPE_DYNAMIC):
        return None
    interpreter, soname = image.interpreter(), image.text_of(DT_SONAME)
    return Elf(
        kind="executable" if image.is_program(interpreter, soname) else "shared",
        machine=machine,
        interpreter=interpreter,
        soname=soname,
        needed=tuple(image.string(value) for tag, value in image.dynamic if tag == DT_NEEDED),
        runpath=image.text_of(DT_RUNPATH),
        rpath=image.text_of(DT_RPATH),
        inherits=DT_RUNPATH not in image.first,
        versions=image.needed_versions(),
        defines=image.defined_versions(),
        runpath_offset=image.search_path_offset(),
    )


def runpath_is_shared(data: bytes, elf: Elf) -> bool:
    """Tell whether other names live inside the text of the runpath.

    Linkers store a string that ends like another one only once: a function called ``lib`` may
    be the last three bytes of the runpath. Then the runpath cannot be rewritten in place.
    """
    if elf.runpath_offset is None:
        return False
    image, (offset, length) = Image(data), elf.runpath_offset
    start = offset - image.strings_start
    if start > 0 and data[offset - 1] != 0:
        return True
    return any(start <= name < start + length for name in image.name_offsets(start))


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The tables of a program or library as they are.

    Args:
        fixed: whether it is a program that must be loaded at one address.
        tags: the first value of each tag.
        strings: the names in it, a NUL byte between them.
    """

    fixed: bool
    tags: Mapping[int, int]
    strings: bytes


def dynamic(data: bytes) -> Dynamic:
    """Return the dynamic tables of a file; raises :class:`ElfError` when it is damaged."""
    image = Image(data)
    return Dynamic(image.type == TYPE_EXECUTABLE, image.first, image.strings)
