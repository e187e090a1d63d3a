"""Keys that gpg makes, of kinds that ``omnibuild key create`` does not make."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WORDS = ("--batch", "--no-tty", "--pinentry-mode", "loopback", "--cert-digest-algo", "SHA256")


@dataclass(frozen=True)
class Keyring:
    """A home of gpg with one key in it."""

    home: Path
    passphrase: str = ""

    def gpg(self, *words: str) -> bytes:
        done = subprocess.run(
            ["gpg", *WORDS, "--passphrase", self.passphrase, *words],
            env={"PATH": "/usr/bin:/bin", "GNUPGHOME": str(self.home), "LC_ALL": "C"},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @property
    def fingerprint(self) -> str:
        lines = self.gpg("--list-keys", "--with-colons").decode().splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))

    def export(self, path: Path) -> Path:
        path.write_bytes(self.gpg("--armor", "--export-secret-keys"))
        return path


@contextmanager
def keyring(
    algorithm: str = "ed25519",
    *,
    usage: str = "sign",
    end: str = "never",
    passphrase: str = "",
    options: tuple[str, ...] = (),
    user_id: str = "Shop packages <ops@shop.example>",
) -> Iterator[Keyring]:
    """Make a key; ``end`` as gpg takes it: ``30d``, or ``seconds=60``."""
    # gpg's agent has its socket there: the path must be short.
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        # Else the agent tries how long it can hash a passphrase, which no key of a test needs.
        Path(home, "gpg-agent.conf").write_text("s2k-count 65536\n")
        made = Keyring(Path(home), passphrase)
        try:
            made.gpg(*options, "--quick-generate-key", user_id, algorithm, usage, end)
            yield made
        finally:
            environment = {"PATH": "/usr/bin:/bin", "GNUPGHOME": home}
            subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)
