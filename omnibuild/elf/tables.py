"""The tables of an ELF file that the dynamic loader reads, with checked access to them.

It uses program headers, since stripped files need not have sections. The input may come from
anywhere: damage ends in :class:`ElfError`, never in another exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

_HEADER = Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = Struct("<IIQQQQQQ")
_DYNAMIC = Struct("<QQ")
_SYMBOL = Struct("<I20x")
_NEED = Struct("<HHIII")
_NEED_VERSION = Struct("<4xH2xII")
_WEAK = 2
_DEFINITION = Struct("<2xH2xH4xII")
_FILE_ITSELF = 1
_DEFINITION_NAME = Struct("<II")

TYPE_OBJECT, TYPE_EXECUTABLE, TYPE_DYNAMIC = 1, 2, 3
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3

_DT_NULL, DT_NEEDED, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ = 0, 1, 5, 6, 10
DT_SONAME, DT_RPATH, DT_RUNPATH = 14, 15, 29
_DT_FLAGS_1, _DF_1_PIE = 0x6FFFFFFB, 0x08000000
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = range(0x6FFFFFFC, 0x70000000)
_DT_CONFIG, _DT_DEPAUDIT, _DT_AUDIT = 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC
_DT_AUXILIARY, _DT_FILTER = 0x7FFFFFFD, 0x7FFFFFFF
_STRINGS = {DT_NEEDED, DT_SONAME, _DT_CONFIG, _DT_DEPAUDIT, _DT_AUDIT, _DT_AUXILIARY, _DT_FILTER}
# Tags whose value is an address: tables one of which ends the symbol table (it has no size).
_TABLES = {3, 4, 5, 6, 7, 12, 13, 17, 23, 25, 26, 32, 36, 0x6FFFFEF5, 0x6FFFFFF0}
_TABLES |= {_DT_VERDEF, _DT_VERNEED}

_LONGEST_CHAIN = 1000  # far beyond real files; bounds the work that a damaged one can cause


class ElfError(ValueError):
    """The file says that it is ELF and contradicts itself."""


class Image:
    """An ELF file with checked access to its tables."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        header = self._unpack(_HEADER, 0)
        self.type: int = header[1]
        self._loads: list[tuple[int, int, int]] = []
        self._segments: dict[int, tuple[int, int]] = {}
        self.dynamic: list[tuple[int, int]] = []
        if self.type in (TYPE_EXECUTABLE, TYPE_DYNAMIC):
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
        if self.type == TYPE_EXECUTABLE or self.first.get(_DT_FLAGS_1, 0) & _DF_1_PIE:
            return True
        return bool(interpreter) and not soname

    def interpreter(self) -> str:
        """Return the path of the loader that a program asks for; empty without one."""
        if _PT_INTERP not in self._segments:
            return ""
        text = self._bytes(*self._segments[_PT_INTERP]).rstrip(b"\0")
        return text.decode("utf-8", "surrogateescape")

    def text_of(self, tag: int) -> str:
        """Return the string that a tag means; empty without the tag."""
        return self.string(self.first[tag]) if tag in self.first else ""

    def string(self, offset: int) -> str:
        """Return a string of the string table."""
        start, length = self._string_place(offset)
        return self.data[start : start + length].decode("utf-8", "surrogateescape")

    def search_path_offset(self) -> tuple[int, int] | None:
        """Return file offset and length of the runpath's text, else of the rpath's."""
        value = self.first.get(DT_RUNPATH, self.first.get(DT_RPATH))
        return None if value is None else self._string_place(value)

    def needed_versions(self) -> dict[str, tuple[str, ...]]:
        """Return the versions of symbols that each library must have."""
        versions: dict[str, tuple[str, ...]] = {}
        for file, names in self._needs():
            library = self.string(file)
            # The loader does without weak ones.
            found = (self.string(name) for name, weak in names if not weak)
            versions[library] = versions.get(library, ()) + tuple(found)
        return versions

    def defined_versions(self) -> tuple[str, ...]:
        """Return the versions of its own symbols."""
        return tuple(
            self.string(names[0])
            for flags, names in self._definitions()
            if names and not flags & _FILE_ITSELF
        )

    def name_offsets(self, search_path: int) -> Iterator[int]:
        """Yield the offset in the string table of every name but the search path's own."""
        for tag, value in self.dynamic:
            if tag in _STRINGS or (tag in (DT_RPATH, DT_RUNPATH) and value != search_path):
                yield value
        for file, names in self._needs():
            yield file
            yield from (name for name, _ in names)
        for _, defined in self._definitions():
            yield from defined
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

    def _needs(self) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
        """Yield the offset of a library's name, and those of the version names asked of it.

        With each version, whether it is weak.
        """
        if _DT_VERNEED not in self.first:
            return
        start, count = self._offset(self.first[_DT_VERNEED]), self.first.get(_DT_VERNEEDNUM, 0)
        for at, _, names, file, first, _ in self._chain(_NEED, start, count):
            asked = self._chain(_NEED_VERSION, at + first, names)
            yield file, [(name, bool(flags & _WEAK)) for _, flags, name, _ in asked]

    def _definitions(self) -> Iterator[tuple[int, list[int]]]:
        """Yield the flags of a version, and the offsets of its name and of those it inherits."""
        if _DT_VERDEF not in self.first:
            return
        start, count = self._offset(self.first[_DT_VERDEF]), self.first.get(_DT_VERDEFNUM, 0)
        for at, flags, names, first, _ in self._chain(_DEFINITION, start, count):
            yield flags, [name for _, name, _ in self._chain(_DEFINITION_NAME, at + first, names)]

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
