"""A key that gpg knows: its agent holds the secret half, or a smartcard does.

The agent and the passphrase are the user's. Where there is no terminal and no display, nobody is
asked: the agent has the passphrase already, or signing fails and says so.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import ClassVar, Final

from omnibuild.errors import SigningKeyError, Where
from omnibuild.signing.certificate import Certificate, checked_certificate, checked_parts
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool, tail

GPG: Final = Tool("gpg", "gnupg")

# As a signature of the library has it; apt and rpm of all releases take it.
DIGEST: Final = "SHA512"
# For whoever looks for a card, or for the passphrase.
SECONDS: Final = 300

_FINGERPRINT: Final = re.compile("[0-9A-F]{40}")
# Where keys and the agent are, and where it may ask; nothing else of the user's environment.
_PASSED: Final = re.compile("HOME|GNUPGHOME|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|XAUTHORITY")
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")

# What gpg says, what it means, and what helps.
_CAUSES: Final = (
    (
        "No pinentry",
        "the key has a passphrase or a PIN, and there is no terminal to ask for it",
        "have the agent know it before: run gpg with this key once, or gpg-preset-passphrase",
    ),
    ("No secret key", "gpg has only the public half of this key", "is its card plugged in?"),
    ("Card not present", "the smartcard with this key is not there", "plug it in"),
    ("Bad passphrase", "the passphrase is wrong", ""),
    ("Bad PIN", "the PIN of the smartcard is wrong", "it is blocked after three wrong ones"),
    ("Operation cancelled", "asking for the passphrase was cancelled", ""),
)


@dataclass(frozen=True)
class GpgKey:
    """Signs with the user's gpg.

    Args:
        name: fingerprint of the key, or of the part of it that shall sign.
    """

    # Its agent has them take turns.
    at_once: ClassVar[bool] = True

    name: str

    def sign(self, data: bytes, *, text: bool = False) -> bytes:
        """As :class:`~omnibuild.signing.signer.Backend` says."""
        return self._run(*(["--textmode"] if text else []), "--detach-sign", data=data)

    def sign_file(self, path: Path, signature: Path) -> None:
        """As :class:`~omnibuild.signing.signer.Backend` says."""
        self._run("--output", signature, "--detach-sign", path)

    def certificate(self) -> Certificate:
        """Return the public key; raises :class:`SigningKeyError` when it is of no use."""
        from pysequoia import Cert

        where = Where(f"gpg:{self.name}")
        exported = _gpg("--export-options", "export-minimal", "--export", self.name).stdout
        if not exported:
            raise SigningKeyError(
                "gpg knows no such key",
                where=where,
                why=f"GNUPGHOME is {os.environ.get('GNUPGHOME') or 'not set'}",
                hint="those that it knows: gpg --list-secret-keys",
            )
        try:
            parts = checked_parts(exported, where)
            return checked_certificate(Cert.from_bytes(exported), parts, where)
        except RuntimeError as error:
            why = str(error).partition("\n")[0]
            raise SigningKeyError("the key cannot be used", where=where, why=why) from error

    def _run(self, *words: str | Path, data: bytes = b"") -> bytes:
        done = _gpg("--local-user", self.name, "--digest-algo", DIGEST, *words, data=data)
        if done.returncode:
            raise self._refusal(done.stderr)
        return done.stdout

    def _refusal(self, output: bytes) -> SigningKeyError:
        said = tail(output)
        unknown = ("", "gpg did not sign", "try it: gpg --detach-sign with this key")
        _, what, hint = next((cause for cause in _CAUSES if cause[0] in said), unknown)
        return SigningKeyError(what, where=Where(f"gpg:{self.name}"), why=said, hint=hint)


def open_gpg_key(name: str) -> tuple[Certificate, GpgKey]:
    """Take a key of the user's gpg by its fingerprint.

    Raises :class:`SigningKeyError` when gpg has none, or when hosts would not accept it.
    """
    fingerprint = name.replace(" ", "").upper().removeprefix("0X")
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise SigningKeyError(
            f"{name!r} is no fingerprint, which has 40 hexadecimal digits",
            where=Where(f"gpg:{name}"),
            hint="shorter names may be those of several keys; see: gpg --list-secret-keys",
        )
    certificate = GpgKey(fingerprint).certificate()
    # Without the mark gpg would take whichever part of the key it likes.
    exact = "" if fingerprint == certificate.fingerprint else "!"
    return certificate, GpgKey(f"{fingerprint}{exact}")


def _gpg(*words: str | Path, data: bytes = b"") -> CompletedProcess[bytes]:
    asks = sys.stdin.isatty() or any(os.environ.get(name) for name in _DISPLAYS)
    unattended = ("--batch", "--no-tty", "--no-options", "--no-auto-key-locate")
    mode = ("--pinentry-mode", "ask" if asks else "error")
    return GPG.run(
        *unattended,
        *mode,
        *words,
        data=data,
        environment=_environment(),
        check=False,
        seconds=SECONDS,
    )


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    shown = {name: os.environ[name] for name in _DISPLAYS if os.environ.get(name)}
    terminal = {"GPG_TTY": os.ttyname(0)} if sys.stdin.isatty() else {}
    return {**CLEAN_ENVIRONMENT, **passed, **shown, **terminal}
