"""``omnibuild remove``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild.cli.common import showing
from omnibuild.settings import default_key


def run(arguments: argparse.Namespace) -> int:
    """Take packages out of a channel and say which."""
    from omnibuild.repository.publish import remove
    from omnibuild.signing.signer import load_signers

    signer = load_signers(arguments.key or [default_key()])
    with showing(arguments) as emit:
        release = remove(
            arguments.names, arguments.repo, signer, channel=arguments.channel, emit=emit
        )
    if arguments.json:
        document = {"channel": release.channel, "removed": release.removed}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write("".join(f"removed {title}\n" for title in release.removed))
        sys.stdout.write(
            f"{arguments.repo}: channel {release.channel} holds them no more; hosts that have them"
            " keep them\n"
        )
    return 0
