"""Keys that gpg's agent holds: a real agent, with and without a passphrase that it knows."""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.errors import SigningKeyError
from omnibuild.signing.signer import load_signer
from tests.unit.signing.keyring import Keyring, keyring

PRESET = "/usr/lib/gnupg/gpg-preset-passphrase"
LONG_AGO = ("--faked-system-time", "20200101T000000")


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY"):
        monkeypatch.delenv(name, raising=False)


def follow(monkeypatch: pytest.MonkeyPatch, key: Keyring) -> str:
    """Have this process use the key's home; return the key's name for ``--key``."""
    monkeypatch.setenv("GNUPGHOME", str(key.home))
    return f"gpg:{key.fingerprint}"


def restart(key: Keyring, *options: str) -> None:
    """End the agent, which has seen the passphrase; the next one has these options."""
    (key.home / "gpg-agent.conf").write_text("".join(f"{option}\n" for option in options))
    environment = {"PATH": os.environ["PATH"], "GNUPGHOME": str(key.home)}
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=environment, check=True)


def preset(key: Keyring, passphrase: str) -> None:
    lines = key.gpg("--list-secret-keys", "--with-colons", "--with-keygrip").decode().splitlines()
    grip = next(line.split(":")[9] for line in lines if line.startswith("grp:"))
    environment = {"PATH": os.environ["PATH"], "GNUPGHOME": str(key.home)}
    subprocess.run(
        [PRESET, "--preset", grip], input=passphrase.encode(), env=environment, check=True
    )


@pytest.fixture(params=["rsa3072", "ed25519", "nistp256"])
def key(request: pytest.FixtureRequest) -> Iterator[Keyring]:
    with keyring(request.param) as made:
        yield made


def test_what_the_agent_signs_verifies_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: Keyring
) -> None:
    signer = load_signer(follow(monkeypatch, key))
    assert signer.user_id == "Shop packages <ops@shop.example>"
    ring = tmp_path / "ring.gpg"
    ring.write_bytes(signer.public_key_binary)
    data = tmp_path / "data"
    data.write_bytes(b"Origin: Shop\n- dash \n\n")
    (tmp_path / "message").write_bytes(signer.sign_cleartext(data.read_bytes()))
    signer.sign_file(data, tmp_path / "file.asc")
    (tmp_path / "detached").write_bytes(signer.sign_detached(data.read_bytes()))
    for words in (["message"], ["file.asc", "data"], ["detached", "data"]):
        gpgv = subprocess.run(
            ["gpgv", "--keyring", ring, *words], cwd=tmp_path, capture_output=True, check=False
        )
        assert gpgv.returncode == 0, gpgv.stderr.decode()
    assert b"SHA512" in (tmp_path / "message").read_bytes()
    assert b"PRIVATE" not in signer.public_key_armored


def test_a_part_signs_that_is_named_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    with keyring("rsa3072") as key:
        for _ in range(2):
            key.gpg("--quick-add-key", key.fingerprint, "ed25519", "sign", "30d")
        name = follow(monkeypatch, key)
        lines = key.gpg("--list-keys", "--with-colons").decode().splitlines()
        parts = [line.split(":")[9] for line in lines if line.startswith("fpr:")]
        for part in parts[1:]:
            signer = load_signer(f"gpg:{part.lower()}")
            assert (signer.fingerprint, signer.signing) == (key.fingerprint, part)
            assert signer.expires is not None
            assert signer.expires > datetime.datetime.now(datetime.UTC)
        assert load_signer(name).signing in parts


def test_a_passphrase_that_the_agent_knows_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with keyring(passphrase="open sesame") as key:
        name = follow(monkeypatch, key)
        restart(key, "allow-preset-passphrase")
        with pytest.raises(SigningKeyError) as caught:
            load_signer(name)
        assert "there is no terminal to ask for it" in caught.value.what
        assert "gpg-preset-passphrase" in caught.value.hint
        key.gpg("--list-secret-keys")
        preset(key, "open sesame")
        assert load_signer(name).sign_detached(b"data")


def test_only_the_public_half_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with keyring() as key, keyring() as other:
        (tmp_path / "public").write_bytes(key.gpg("--export"))
        other.gpg("--import", str(tmp_path / "public"))
        follow(monkeypatch, other)
        with pytest.raises(SigningKeyError, match="only the public half"):
            load_signer(f"gpg:{key.fingerprint}")
        with pytest.raises(SigningKeyError, match="gpg knows no such key") as caught:
            load_signer(f"gpg:{'A' * 40}")
        assert str(other.home) in caught.value.why
        for name in ("", "ops@shop.example", "ABCDEF12", "--version"):
            with pytest.raises(SigningKeyError, match="is no fingerprint"):
                load_signer(f"gpg:{name}")


def test_what_hosts_refuse_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with keyring(end="30d", options=LONG_AGO) as key:
        name = follow(monkeypatch, key)
        with pytest.raises(SigningKeyError, match="expired on 2020-01-31"):
            load_signer(name)
    with keyring("brainpoolP256r1") as key:
        name = follow(monkeypatch, key)
        with pytest.raises(SigningKeyError, match="curve brainpoolP256r1"):
            load_signer(name)
