"""Capabilities of programs as the kernel has them in an attribute of files: ``vfs_cap_data``.

linux/capability.h has the numbers; see capabilities(7) and cap_from_text(3).
"""

from __future__ import annotations

import struct

from omnibuild.errors import PackageError
from omnibuild.patterns import regex
from omnibuild.recipe.placing.capabilities import CAPABILITIES

_TEXT = regex(r"((?:cap_[a-z_]+,?)+)[=+]([eip]+)")

_REVISION_2, _EFFECTIVE = 0x02000000, 0x000001


def attribute(path: str, text: str) -> bytes:
    """Return the value of ``security.capability`` for a text as ``cap_net_raw=ep``.

    Raises :class:`PackageError` for a capability that no kernel knows.
    """
    found = _TEXT.fullmatch(text)
    numbers = 0
    for name in found[1].split(",") if found else (text,):
        if name not in CAPABILITIES:
            raise PackageError(
                f"{path} asks for {name}, which no kernel knows as a capability",
                hint="capabilities(7) lists them all",
            )
        numbers |= 1 << CAPABILITIES.index(name)
    flags = found[2] if found else ""
    permitted = numbers if "p" in flags else 0
    inheritable = numbers if "i" in flags else 0
    low = 0xFFFFFFFF
    return struct.pack(
        "<5I",
        _REVISION_2 | (_EFFECTIVE if "e" in flags else 0),
        *(permitted & low, inheritable & low, permitted >> 32, inheritable >> 32),
    )
