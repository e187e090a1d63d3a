"""``omnibuild publish``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild.cli.common import reporting, settings_from
from omnibuild.settings import default_key


def run(arguments: argparse.Namespace) -> int:
    """Add packages to the repository and say what readers see now."""
    from omnibuild.recipe.definitions import Definitions
    from omnibuild.repository.publish import publish
    from omnibuild.signing.signer import load_signer

    definitions = Definitions(settings_from(arguments).workspace)
    platforms = [definitions.platform(name)[0] for name in definitions.names("platforms")]
    signer = load_signer(arguments.key or default_key())
    with reporting(arguments) as emit:
        release = publish(
            arguments.files,
            arguments.repo,
            signer,
            channel=arguments.channel,
            platforms=platforms,
            base_url=arguments.url,
            emit=emit,
        )
    if arguments.json:
        document = {
            "channel": release.channel,
            "added": release.added,
            "changed": release.changed,
            "digest": release.digest,
            "fingerprint": signer.fingerprint,
            "key_expires": signer.expires.isoformat() if signer.expires else None,
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        state = "new state published" if release.changed else "nothing new"
        sys.stdout.write(
            f"{arguments.repo}: channel {release.channel}, {len(release.added)} packages added,"
            f" {state}\nsigned by {signer.fingerprint}\n"
        )
    return 0
