"""What the dynamic loader reads from an ELF file: a parser of just that.

It uses program headers, since stripped files need not have sections. The input may come from
anywhere: damage ends in :class:`ElfError`, never in another exception.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct

from omnibuild.architectures import ARCHITECTURES

MAGIC = b"\x7fELF"

_CLASS_64_LITTLE_ENDIAN = b"\x02\x01"
_MACHINES = {one.elf: one.name for one in ARCHITECTURES}

_HEADER = Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = Struct("<IIQQQQQQ")
_DYNAMIC = Struct("<QQ")
_SYMBOL = Struct("<I20x")
_NEED = Struct("<HHIII")
_NEED_VERSION = Struct("<8xII")
_DEFINITION = Struct("<6xH4xII")
_DEFINITION_NAME = Struct("<II")

_TYPE_OBJECT, _TYPE_EXECUTABLE, _TYPE_DYNAMIC = 1, 2, 3
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3

_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ = 0, 1, 5, 6, 10
_DT_SONAME, _DT_RPATH, _DT_RUNPATH = 14, 15, 29
_DT_FLAGS_1, _DF_1_PIE = 0x6FFFFFFB, 0x08000000
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = range(0x6FFFFFFC, 0x70000000)
_DT_CONFIG, _DT_DEPAUDIT, _DT_AUDIT = 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC
_DT_AUXILIARY, _DT_FILTER = 0x7FFFFFFD, 0x7FFFFFFF
_STRINGS = {_DT_NEEDED, _DT_SONAME, _DT_CONFIG, _DT_DEPAUDIT, _DT_AUDIT, _DT_AUXILIARY, _DT_FILTER}
# Tags whose value is an address: tables one of which ends the symbol table (it has no size).
_TABLES = {3, 4, 5, 6, 7, 12, 13, 17, 23, 25, 26, 32, 36, 0x6FFFFEF5, 0x6FFFFFF0}
_TABLES |= {_DT_VERDEF, _DT_VERNEED}

_LONGEST_CHAIN = 1000  # far beyond real files; bounds the work that a damaged one can cause


class ElfError(ValueError):
    """The file says that it is ELF and contradicts itself."""


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
        versions: symbol versions that it requires, by the library that must define them.
        runpath_offset: file offset and length of the runpath's text, else of the rpath's.
    """

    kind: str
    machine: str
    interpreter: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    runpath: str = ""
    rpath: str = ""
    versions: Mapping[str, tuple[str, ...]] | None = None
    runpath_offset: tuple[int, int] | None = None

    @property
    def search_path(self) -> tuple[str, ...]:
        """The directories in which the loader looks for the needed libraries."""
        return tuple(filter(None, (self.runpath or self.rpath).split(":")))


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
    image = _Image(data)
    if image.type == _TYPE_OBJECT:
        return Elf("object", machine)
    if image.type not in (_TYPE_EXECUTABLE, _TYPE_DYNAMIC):
        return None
    interpreter, soname = image.interpreter(), image.text_of(_DT_SONAME)
    return Elf(
        kind="executable" if image.is_program(interpreter, soname) else "shared",
        machine=machine,
        interpreter=interpreter,
        soname=soname,
        needed=tuple(image.string(value) for tag, value in image.dynamic if tag == _DT_NEEDED),
        runpath=image.text_of(_DT_RUNPATH),
        rpath=image.text_of(_DT_RPATH),
        versions=image.needed_versions(),
        runpath_offset=image.search_path_offset(),
    )


def runpath_is_shared(data: bytes, elf: Elf) -> bool:
    """Tell whether other names live inside the text of the runpath.

    Linkers store a string that ends like another one only once: a function called ``lib`` may
    be the last three bytes of the runpath. Then the runpath cannot be rewritten in place.
    """
    if elf.runpath_offset is None:
        return False
    image, (offset, length) = _Image(data), elf.runpath_offset
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
    image = _Image(data)
    return Dynamic(image.type == _TYPE_EXECUTABLE, image.first, image.strings)


class _Image:
    """An ELF file with checked access to its tables."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        header = self._unpack(_HEADER, 0)
        self.type: int = header[1]
        self._loads: list[tuple[int, int, int]] = []
        self._segments: dict[int, tuple[int, int]] = {}
        self.dynamic: list[tuple[int, int]] = []
        if self.type in (_TYPE_EXECUTABLE, _TYPE_DYNAMIC):
            self._read_segments(table=header[5], size=header[9], count=header[10])
            self.dynamic = list(self._read_dynamic())
        self.first = dict(reversed(self.dynamic))
        self.strings_start, self._strings_size = 0, 0
        if _DT_STRTAB in self.first:
            self.strings_start = self._offset(self.first[_DT_STRTAB])
            self._strings_size = self.first.get(_DT_STRSZ, 0)
        self.strings = self._bytes(self.strings_start, self._strings_size)

    def is_program(self, interpreter: str, soname: str) -> bool:
        """Tell programs from libraries, which since PIE have the same type."""
        if self.type == _TYPE_EXECUTABLE or self.first.get(_DT_FLAGS_1, 0) & _DF_1_PIE:
            return True
        return bool(interpreter) and not soname

    def interpreter(self) -> str:
        if _PT_INTERP not in self._segments:
            return ""
        text = self._bytes(*self._segments[_PT_INTERP]).rstrip(b"\0")
        return text.decode("utf-8", "surrogateescape")

    def text_of(self, tag: int) -> str:
        return self.string(self.first[tag]) if tag in self.first else ""

    def string(self, offset: int) -> str:
        start, length = self._string_place(offset)
        return self.data[start : start + length].decode("utf-8", "surrogateescape")

    def search_path_offset(self) -> tuple[int, int] | None:
        value = self.first.get(_DT_RUNPATH, self.first.get(_DT_RPATH))
        return None if value is None else self._string_place(value)

    def needed_versions(self) -> dict[str, tuple[str, ...]]:
        versions: dict[str, tuple[str, ...]] = {}
        for file, names in self._needs():
            library = self.string(file)
            versions[library] = versions.get(library, ()) + tuple(map(self.string, names))
        return versions

    def name_offsets(self, search_path: int) -> Iterator[int]:
        """Yield the offset in the string table of every name but the search path's own."""
        for tag, value in self.dynamic:
            if tag in _STRINGS or (tag in (_DT_RPATH, _DT_RUNPATH) and value != search_path):
                yield value
        for file, names in self._needs():
            yield file
            yield from names
        yield from self._definitions()
        yield from self._symbols()

    def _unpack(self, struct: Struct, offset: int) -> tuple[int, ...]:
        if offset + struct.size > len(self.data):
            raise ElfError(f"the file ends before the table at offset {offset:#x} does")
        return struct.unpack_from(self.data, offset)

    def _bytes(self, offset: int, size: int) -> bytes:
        if offset + size > len(self.data):
            raise ElfError(f"the file ends before the {size} bytes at offset {offset:#x} do")
        return self.data[offset : offset + size]

    def _offset(self, address: int) -> int:
        return self._place(address)[0]

    def _place(self, address: int) -> tuple[int, int]:
        """Return an address's file offset and how many bytes its segment has from there."""
        for start, size, offset in self._loads:
            if start <= address < start + size:
                return offset + address - start, start + size - address
        raise ElfError(f"the address {address:#x} is in no part of the file that is loaded")

    def _read_segments(self, *, table: int, size: int, count: int) -> None:
        if count and size != _SEGMENT.size:
            raise ElfError(f"program headers of {size} bytes")
        for index in range(count):
            kind, _, offset, address, _, length, _, _ = self._unpack(
                _SEGMENT, table + index * _SEGMENT.size
            )
            if kind == _PT_LOAD:
                self._loads.append((address, length, offset))
            else:
                self._segments.setdefault(kind, (offset, length))

    def _read_dynamic(self) -> Iterator[tuple[int, int]]:
        offset, size = self._segments.get(_PT_DYNAMIC, (0, 0))
        table = self._bytes(offset, size)
        for tag, value in _DYNAMIC.iter_unpack(table[: size - size % _DYNAMIC.size]):
            if tag == _DT_NULL:
                return
            yield tag, value

    def _string_place(self, offset: int) -> tuple[int, int]:
        start, end = self.strings_start + offset, self.strings_start + self._strings_size
        stop = self.data.find(b"\0", start, end) if start < end else -1
        if stop < 0:
            raise ElfError(f"no string at offset {offset:#x} of the string table")
        return start, stop - start

    def _chain(self, struct: Struct, offset: int, count: int) -> Iterator[tuple[int, ...]]:
        """Yield an entry's own offset and its fields; the last field leads to the next entry."""
        if count > _LONGEST_CHAIN:
            raise ElfError(f"a list of {count} symbol versions")
        for _ in range(count):
            entry = self._unpack(struct, offset)
            yield offset, *entry
            if entry[-1] == 0:
                return
            offset += entry[-1]

    def _needs(self) -> Iterator[tuple[int, list[int]]]:
        """Yield the offsets of a library's name and of the version names asked of it."""
        if _DT_VERNEED not in self.first:
            return
        start, count = self._offset(self.first[_DT_VERNEED]), self.first.get(_DT_VERNEEDNUM, 0)
        for at, _, names, file, first, _ in self._chain(_NEED, start, count):
            yield file, [name for _, name, _ in self._chain(_NEED_VERSION, at + first, names)]

    def _definitions(self) -> Iterator[int]:
        if _DT_VERDEF not in self.first:
            return
        start, count = self._offset(self.first[_DT_VERDEF]), self.first.get(_DT_VERDEFNUM, 0)
        for at, names, first, _ in self._chain(_DEFINITION, start, count):
            for _, name, _ in self._chain(_DEFINITION_NAME, at + first, names):
                yield name

    def _symbols(self) -> Iterator[int]:
        """Yield the names of the dynamic symbols.

        Nothing says how many there are (a hash table counts only those it finds), so they end
        where the next table begins or where a name is outside the string table.
        """
        if _DT_SYMTAB not in self.first:
            return
        address = self.first[_DT_SYMTAB]
        start, rest = self._place(address)
        size = min([rest, *(v - address for t, v in self.dynamic if t in _TABLES and v > address)])
        for (name,) in _SYMBOL.iter_unpack(self._bytes(start, size - size % _SYMBOL.size)):
            if name >= self._strings_size:
                return
            yield name
