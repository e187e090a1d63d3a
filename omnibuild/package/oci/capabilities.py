"""Capabilities of programs as the kernel has them in an attribute of files: ``vfs_cap_data``.

linux/capability.h has the numbers; see capabilities(7) and cap_from_text(3).
"""

from __future__ import annotations

import re
import struct
from typing import Final

from omnibuild.errors import PackageError

# In the order of their numbers.
_IN_ORDER: Final = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable"
    " net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio"
    " sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time"
    " sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog"
    " wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)
_NAMES = _IN_ORDER.split()
_TEXT = re.compile(r"((?:cap_[a-z_]+,?)+)[=+]([eip]+)")

_REVISION_2, _EFFECTIVE = 0x02000000, 0x000001


def attribute(path: str, text: str) -> bytes:
    """Return the value of ``security.capability`` for a text as ``cap_net_raw=ep``.

    Raises :class:`PackageError` for a capability that no kernel knows.
    """
    found = _TEXT.fullmatch(text)
    numbers = 0
    for name in found[1].split(",") if found else (text,):
        plain = name.removeprefix("cap_")
        if plain not in _NAMES:
            raise PackageError(
                f"{path} asks for {name}, which no kernel knows as a capability",
                hint="capabilities(7) lists them all",
            )
        numbers |= 1 << _NAMES.index(plain)
    flags = found[2] if found else ""
    permitted = numbers if "p" in flags else 0
    inheritable = numbers if "i" in flags else 0
    low = 0xFFFFFFFF
    return struct.pack(
        "<5I",
        _REVISION_2 | (_EFFECTIVE if "e" in flags else 0),
        *(permitted & low, inheritable & low, permitted >> 32, inheritable >> 32),
    )
