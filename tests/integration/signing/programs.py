"""Programs that sign with a key of openssl, by the interface that key stores are reached by."""

from __future__ import annotations

import subprocess
from pathlib import Path

KINDS = {"rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"], "ed25519": ["ED25519"]}
SIGNS = {
    "rsa": 'openssl pkeyutl -sign -inkey "$key" -pkeyopt digest:sha512',
    # It signs the digest as if that were the message.
    "ed25519": 'cat > "$key.message"; openssl pkeyutl -sign -inkey "$key" -rawin'
    ' -in "$key.message"',
}


def signing_program(directory: Path, kind: str = "rsa") -> Path:
    """Make a key and a program that signs with it."""
    key, program = directory / f"{kind}.pem", directory / f"sign-{kind}"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", *KINDS[kind], "-out", key],
        check=True,
        capture_output=True,
    )
    program.write_text(
        f"""#!/bin/sh
set -eu
key={key}
[ "$OMNIBUILD_SIGN_DIGEST" = sha512 ]
case "$OMNIBUILD_SIGN" in
    public-key) openssl pkey -in "$key" -pubout ;;
    digest) {SIGNS[kind]} ;;
esac
"""
    )
    program.chmod(0o755)
    return program
