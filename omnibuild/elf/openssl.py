"""Whether a program or library has an OpenSSL in it, or one of those that are made of it."""

from __future__ import annotations

import re

from omnibuild.elf import Elf

# As OpenSSL and LibreSSL call themselves, those of EL among them; and BoringSSL and AWS-LC, also to
# who asks them for OpenSSL.
_NAMES = (b"OpenSSL ", b"LibreSSL ", b"BoringSSL\0")
_VERSION = re.compile(
    rb"OpenSSL \d+\.\d+\.\d+\w{0,8}"
    rb"(?: \(compatible; [\w.-]{1,20}[^)\0]{0,20}\)"
    rb"| {1,2}(?:FIPS )?\d{1,2} [A-Z][a-z]{2} 20\d\d)"
    rb"|LibreSSL \d+\.\d+\.\d+(?=\0)"
    rb"|(?<=\0)BoringSSL(?=\0)"
)
_LIBRARIES = ("libcrypto", "libssl")


def openssl_in(content: bytes, elf: Elf) -> str:
    """Return what the OpenSSL in a file calls itself; empty where there is none.

    Who takes a shared one may name the version that it was compiled with, and has none in it.

    Args:
        content: of the file.
        elf: what its tables say.
    """
    if not elf.soname.startswith(_LIBRARIES) and any(
        name.startswith(_LIBRARIES) for name in elf.needed
    ):
        return ""
    for name in _NAMES:
        at = content.find(name)
        while at >= 0:
            if found := _VERSION.match(content, at):
                return found[0].decode()
            at = content.find(name, at + len(name))
    return ""
