"""``omnibuild key``: create, announce, switch, drop and list."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

from omnibuild.cli.common import showing
from omnibuild.errors import UsageError
from omnibuild.settings import default_key

if TYPE_CHECKING:
    from omnibuild.signing.creation import KeyInfo


def run(arguments: argparse.Namespace) -> int:
    """Do what the action's word says."""
    if arguments.action == "create":
        return _make(arguments)
    if arguments.action == "list":
        return _list(arguments)
    return _rotate(arguments)


def _make(arguments: argparse.Namespace) -> int:
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


def _rotate(arguments: argparse.Namespace) -> int:
    """Change the keys of a repository, and say what hosts have now."""
    from omnibuild.repository.keys import rotation
    from omnibuild.signing.signer import load_certificate, load_signers

    signer = load_signers(arguments.key or [default_key()])
    with showing(arguments) as emit:
        if arguments.action == "announce":
            rotation.announce(arguments.repo, signer, load_certificate(arguments.new), emit)
        elif arguments.action == "switch":
            rotation.switch(arguments.repo, signer, insist=arguments.cut_off_hosts, emit=emit)
        else:
            name = arguments.fingerprint.replace(" ", "").upper()
            rotation.drop(arguments.repo, signer, name, insist=arguments.cut_off_hosts, emit=emit)
    return _list(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from omnibuild.repository.keys.overview import keys_of

    rows = keys_of(arguments.repo)
    if arguments.json:
        sys.stdout.write(json.dumps({"keys": [asdict(row) for row in rows]}) + "\n")
        return 0
    for row in rows:
        sys.stdout.write(
            f"{row.fingerprint}  {row.user_id}\n"
            f"    {'signs' if row.signs else 'does not sign'}; {row.about}\n"
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
