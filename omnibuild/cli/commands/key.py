"""``omnibuild key create``."""

from __future__ import annotations

import argparse
import json
import sys
from getpass import getuser
from pathlib import Path
from socket import gethostname

from omnibuild.settings import default_key


def run(arguments: argparse.Namespace) -> int:
    """Make a key and say where its halves are."""
    from omnibuild.signing.creation import create_key

    user = arguments.user or _account()
    key = create_key(arguments.file or Path(default_key()), user)
    if arguments.json:
        document = {"fingerprint": key.fingerprint, "secret": str(key.path)}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(
            f"fingerprint  {key.fingerprint}\n"
            f"secret key   {key.path}  (keep it safe, keep a copy)\n"
            f"public key   {key.public_armored}\n"
        )
    return 0


def _account() -> str:
    return f"Packages of {getuser()} <{getuser()}@{gethostname()}>"
