"""``omnibuild key create``."""

from __future__ import annotations

import argparse
import json
import sys
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

from omnibuild.errors import UsageError
from omnibuild.settings import default_key

if TYPE_CHECKING:
    from omnibuild.signing.creation import KeyInfo


def run(arguments: argparse.Namespace) -> int:
    """Make a key and say where its halves are."""
    name = arguments.file or default_key()
    key, note = _create(name, arguments.user or _account())
    if arguments.json:
        document = {"fingerprint": key.fingerprint, "secret": str(key.path)}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(
            f"fingerprint  {key.fingerprint}\n"
            f"secret key   {key.path}  ({note})\n"
            f"public key   {key.public_armored}\n"
        )
    return 0


def _create(name: str, user: str) -> tuple[KeyInfo, str]:
    """Make what ``--key`` takes by this name; return it, and what its owner must know."""
    from omnibuild.signing.creation import create_certificate, create_key

    kind, _, program = name.partition(":")
    if kind == "gpg":
        raise UsageError(
            "gpg makes keys of its own",
            hint="gpg --quick-generate-key 'NAME <ADDRESS>' rsa3072 sign never",
        )
    if kind == "command":
        return create_certificate(Path(program), user), "it signs; its key stays where it is"
    return create_key(Path(name), user), "keep it safe, keep a copy"


def _account() -> str:
    return f"Packages of {getuser()} <{getuser()}@{gethostname()}>"
