"""Readable messages: what gpg's own reader and the library take, whatever the text is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import SigningKeyError
from omnibuild.signing.messages import canonical
from omnibuild.signing.signer import Signer
from tests.unit.repository.samples import signer

OTHER = "Somebody else <else@shop.example>"
TEXTS = ("Origin: Shop\n", "\n", "- a\n-- b\n\nFrom: c\n", "blanks  \t\nand\r\n", "é\n\n\n")


def gpgv(tmp_path: Path, message: bytes, *signers: Signer) -> subprocess.CompletedProcess[bytes]:
    (tmp_path / "keyring").write_bytes(b"".join(each.public_key_binary for each in signers))
    (tmp_path / "message").write_bytes(message)
    return subprocess.run(
        ["gpgv", "--keyring", tmp_path / "keyring", "--output", "-", tmp_path / "message"],
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("text", TEXTS)
def test_gpg_reads_what_was_signed(tmp_path: Path, text: str) -> None:
    message = signer().sign_cleartext(text.encode())
    done = gpgv(tmp_path, message, signer())
    assert done.returncode == 0, done.stderr.decode()
    lines = [line.rstrip() for line in text.splitlines()]
    assert done.stdout.decode().splitlines()[: len(lines)] == lines


@given(lines=st.lists(st.text(st.sampled_from("a- \té\f:"), max_size=8), min_size=1))
def test_the_library_verifies_each_text(lines: list[str]) -> None:
    message = signer().sign_cleartext("".join(f"{line}\n" for line in lines).encode())
    assert signer().has_signed_cleartext(message)


def test_two_keys_sign_one_message(tmp_path: Path) -> None:
    both = msgspec.structs.replace(signer(), others=(signer(OTHER),))
    text = b"Origin: Shop\n"
    message = both.sign_cleartext(text)
    assert gpgv(tmp_path, message, *both.all).returncode == 0
    assert both.has_signed_cleartext(message)
    detached = both.sign_together(text)
    assert both.have_signed(text, detached)
    for one in (signer(), signer(OTHER), signer("Stranger <s@shop.example>")):
        # Neither one of two, nor one too much.
        assert not one.has_signed_cleartext(message)
        assert not both.has_signed_cleartext(one.sign_cleartext(text))
        assert not one.have_signed(text, detached)
        assert not both.have_signed(text, one.sign_together(text))


def test_a_signature_of_another_key_is_thrown_away(tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(signer(), certificate=signer(OTHER).certificate)
    (tmp_path / "file").write_bytes(b"data")
    for sign in (wrong.sign_cleartext, wrong.sign_detached, wrong.sign_detached_armored):
        with pytest.raises(SigningKeyError, match="it was thrown away"):
            sign(b"data\n")
    with pytest.raises(SigningKeyError, match="it was thrown away"):
        wrong.sign_file(tmp_path / "file", tmp_path / "signature")
    assert not (tmp_path / "signature").exists()


def test_line_ends_are_those_of_the_standard() -> None:
    assert canonical(b"a \t\nb\r\nc") == b"a\r\nb\r\nc"
