"""The system calls that no step gets, as the kernel's filter and as a profile for engines.

Namespaces do not cover all that a caller owns: keyrings go along with every process, a terminal
takes typed characters from whoever has it open, and a user namespace of one's own gives back
powers that were dropped. What else is refused no compiler needs, and has let programs out before.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLONE_NEWUSER = 0x10000000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
# A virtual machine's host answers there, whatever the network namespace.
AF_VSOCK = 40

# Numbers of <asm/unistd.h>; those from 403 on are the same everywhere.
X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
ARCHITECTURES = (X86_64, I386, AARCH64, ARM)
REFUSED = {
    "add_key": (248, 286, 217, 309),
    "request_key": (249, 287, 218, 310),
    "keyctl": (250, 288, 219, 311),
    "bpf": (321, 357, 280, 386),
    "perf_event_open": (298, 336, 241, 364),
    "userfaultfd": (323, 374, 282, 388),
    # A user has so many of these, whoever uses them up.
    "inotify_init": (253, 291, 26, 316),
    "inotify_init1": (294, 332, 26, 360),
    "fanotify_init": (300, 338, 262, 367),
    "io_uring_setup": (425,) * 4,
    "io_uring_enter": (426,) * 4,
    "io_uring_register": (427,) * 4,
}
# Its flags lie in memory, where no filter can look; every C library then uses `clone`.
UNKNOWN = {"clone3": (435,) * 4}
NAMESPACES = {"clone": (56, 120, 220, 120), "unshare": (272, 310, 97, 337)}
TERMINALS = {"ioctl": (16, 54, 29, 54)}
SOCKETS = {"socket": (41, 359, 198, 281)}
# The older way to all calls about sockets; its arguments lie in memory.
SOCKETCALL = {I386: 102, ARM: 102}

# The second ABI of x86_64 hides behind the first one's name.
X32_BIT = 0x40000000

# <linux/bpf_common.h>: what an instruction does.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

# Offsets in `struct seccomp_data`, of the low halves of arguments on little-endian machines.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24


@dataclass(frozen=True, slots=True)
class _Instruction:
    code: int
    value: int
    if_true: int = 0
    if_false: int = 0

    def encoded(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.value)


def program() -> bytes:
    """Return the filter as the kernel takes it; a machine of a kind it does not know gets none."""
    made = [_Instruction(LOAD, ARCHITECTURE)]
    for column, architecture in enumerate(ARCHITECTURES):
        rules = _rules(column)
        made += [_Instruction(EQUAL, architecture, 0, len(rules)), *rules]
    return b"".join(line.encoded() for line in [*made, _refuse(errno.ENOSYS)])


def _rules(column: int) -> list[_Instruction]:
    rules = [_Instruction(LOAD, NUMBER)]
    if ARCHITECTURES[column] == X86_64:
        rules += [_Instruction(AT_LEAST, X32_BIT, 0, 1), _refuse(errno.ENOSYS)]
    for numbers in REFUSED.values():
        rules += [_Instruction(EQUAL, numbers[column], 0, 1), _refuse(errno.EPERM)]
    for numbers in UNKNOWN.values():
        rules += [_Instruction(EQUAL, numbers[column], 0, 1), _refuse(errno.ENOSYS)]
    if number := SOCKETCALL.get(ARCHITECTURES[column]):
        rules += [_Instruction(EQUAL, number, 0, 1), _refuse(errno.ENOSYS)]
    for numbers in SOCKETS.values():
        judged = [_Instruction(LOAD, FIRST_ARGUMENT), _Instruction(EQUAL, AF_VSOCK, 0, 1)]
        rules += _when(numbers[column], [*judged, _refuse(errno.EPERM)])
    for numbers in NAMESPACES.values():
        judged = [_Instruction(LOAD, FIRST_ARGUMENT), _Instruction(ANY_BIT, CLONE_NEWUSER, 0, 1)]
        rules += _when(numbers[column], [*judged, _refuse(errno.EPERM)])
    for numbers in TERMINALS.values():
        judged = [_Instruction(LOAD, SECOND_ARGUMENT), _Instruction(EQUAL, TIOCSTI, 1, 0)]
        judged += [_Instruction(EQUAL, TIOCLINUX, 0, 1), _refuse(errno.EPERM)]
        rules += _when(numbers[column], judged)
    return [*rules, _Instruction(RETURN, ALLOW)]


def _when(number: int, judged: list[_Instruction]) -> list[_Instruction]:
    body = [*judged, _Instruction(RETURN, ALLOW)]
    return [_Instruction(EQUAL, number, 0, len(body)), *body]


def _refuse(reason: int) -> _Instruction:
    return _Instruction(RETURN, ERRNO | reason)


def open_program() -> int:
    """Return a new descriptor from which the filter can be read, once."""
    readable, writable = os.pipe()
    os.write(writable, program())
    os.close(writable)
    return readable


def profile() -> Mapping[str, Any]:
    """Return the same as a profile for container engines."""
    kinds = ("X86_64", "X86", "AARCH64", "ARM")
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [f"SCMP_ARCH_{kind}" for kind in kinds],
        "syscalls": [
            _profile_rule(REFUSED, errno.EPERM),
            _profile_rule(UNKNOWN, errno.ENOSYS),
            _profile_rule(NAMESPACES, errno.EPERM, (0, CLONE_NEWUSER, CLONE_NEWUSER)),
            _profile_rule(SOCKETS, errno.EPERM, (0, 0xFFFFFFFF, AF_VSOCK)),
            # The kernel looks at the low half of a request only.
            *(
                _profile_rule(TERMINALS, errno.EPERM, (1, 0xFFFFFFFF, request))
                for request in (TIOCSTI, TIOCLINUX)
            ),
        ],
    }


def _profile_rule(
    calls: Mapping[str, tuple[int, ...]], reason: int, masked: tuple[int, int, int] | None = None
) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "names": list(calls),
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": reason,
    }
    if masked:
        index, mask, wanted = masked
        compared = {"index": index, "value": mask, "valueTwo": wanted, "op": "SCMP_CMP_MASKED_EQ"}
        rule["args"] = [compared]
    return rule
