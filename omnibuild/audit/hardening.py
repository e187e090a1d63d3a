"""What a program or library does against being exploited, read from its ELF tables.

Nothing in a file says how it was compiled: the functions that it calls do. One that fills buffers
of its caller is ``__NAME_chk`` in fortified code, and functions with buffers on the stack call
``__stack_chk_fail``. Files that call neither need none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from omnibuild import elf

_SEGMENT = Struct("<II48x")
_PT_GNU_STACK, _EXECUTABLE = 0x6474E551, 1
_TYPE_EXECUTABLE = 2

_DT_JMPREL, _DT_TEXTREL, _DT_BIND_NOW, _DT_FLAGS, _DT_FLAGS_1 = 23, 22, 24, 30, 0x6FFFFFFB
_DF_TEXTREL, _DF_BIND_NOW, _DF_1_NOW = 4, 8, 1

# What glibc fortifies: calls whose size the compiler can prove stay as they are, so that a few of
# them say nothing; but it always checks what prints.
_FILLING = frozenset(
    b"fgets getcwd gets read readlink realpath recv snprintf sprintf stpcpy strcat strcpy strncat"
    b" strncpy vsnprintf vsprintf".split()
)
_PRINTING = frozenset(
    b"fprintf printf snprintf sprintf syslog vfprintf vprintf vsnprintf vsprintf".split()
)
_TOO_MANY_TO_PROVE = 3
_CHECKED = frozenset(b"__%b_chk" % name for name in _FILLING)
_GUARD = b"__stack_chk_fail"


@dataclass(frozen=True, slots=True)
class Hardening:
    """What is missing in a program or library, and what it asks for that is dangerous.

    Args:
        executable_stack: its stack, and so that of its whole process, could be executed.
        text_relocations: the loader must write into its code.
        lazy_binding: the table of functions stays writable (no BIND_NOW).
        fixed_address: a program that is not position-independent.
        unfortified: it calls functions that glibc would check, and none of them checked.
        unguarded: it fills buffers, and nothing guards its stack.
    """

    executable_stack: bool = False
    text_relocations: bool = False
    lazy_binding: bool = False
    fixed_address: bool = False
    unfortified: bool = False
    unguarded: bool = False


HARDENED = Hardening()


def hardening_of(content: bytes) -> Hardening:
    """Look at a program or library that :func:`omnibuild.elf.parse` could read."""
    tables = elf.dynamic(content)
    tags, names = tables.tags, frozenset(tables.strings.split(b"\0"))
    flags, flags_1 = tags.get(_DT_FLAGS, 0), tags.get(_DT_FLAGS_1, 0)
    now = _DT_BIND_NOW in tags or flags & _DF_BIND_NOW or flags_1 & _DF_1_NOW
    fortified = any(name.endswith(b"_chk") for name in names)
    return Hardening(
        executable_stack=_has_executable_stack(content),
        text_relocations=_DT_TEXTREL in tags or bool(flags & _DF_TEXTREL),
        lazy_binding=_DT_JMPREL in tags and not now,
        fixed_address=tables.fixed,
        unfortified=not fortified and _wants_checks(names),
        unguarded=_GUARD not in names and not names.isdisjoint(_FILLING | _CHECKED),
    )


def _wants_checks(names: frozenset[bytes]) -> bool:
    """Tell whether a compiler that fortifies would have left a checked call."""
    return not names.isdisjoint(_PRINTING) or len(names & _FILLING) >= _TOO_MANY_TO_PROVE


def _has_executable_stack(content: bytes) -> bool:
    """Tell what the kernel and glibc make of it: without a header, the stack is executable."""
    table, size = int.from_bytes(content[32:40], "little"), int.from_bytes(content[54:56], "little")
    count = int.from_bytes(content[56:58], "little")
    if table + count * size > len(content):
        raise elf.ElfError("the file ends before its program headers do")
    for index in range(count):
        kind, flags = _SEGMENT.unpack_from(content, table + index * size)
        if kind == _PT_GNU_STACK:
            return bool(flags & _EXECUTABLE)
    return True


def foreign_machine(content: bytes) -> str:
    """Return what a program or library is for that no platform of ours runs; empty for others."""
    if content[:4] != elf.MAGIC or len(content) < 20:
        return ""
    order = "big" if content[5] == 2 else "little"
    if int.from_bytes(content[16:18], order) not in (_TYPE_EXECUTABLE, 3):  # type: ignore[arg-type]
        return ""
    bits = {1: "32", 2: "64"}.get(content[4], "?")
    return f"{bits}-bit machine {int.from_bytes(content[18:20], order)}"  # type: ignore[arg-type]
