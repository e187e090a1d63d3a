"""``omnibuild key create``."""

from __future__ import annotations

import argparse
import json
import sys


def run(arguments: argparse.Namespace) -> int:
    """Make a key and say where its halves are."""
    from omnibuild.repository.keys import create_key

    key = create_key(arguments.file, arguments.user)
    if arguments.json:
        document = {"fingerprint": key.fingerprint, "secret": str(key.path)}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(
            f"fingerprint  {key.fingerprint}\n"
            f"secret key   {arguments.file}  (keep it safe, keep a copy)\n"
            f"public key   {key.public_armored}\n"
        )
    return 0
