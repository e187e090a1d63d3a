"""Public keys in PEM, and packets of the numbers in them."""

from __future__ import annotations

import base64
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysequoia.packet import PacketPile, Tag

from omnibuild.signing.openpgp import BINARY, PublicKeyPacket, signature_packet
from omnibuild.signing.public_key import Ed25519Key, NotAKeyError, RsaKey, read_public_key

KEY = RsaKey((1 << 2047) + 1, 65537)


def pem(data: bytes) -> bytes:
    text = base64.encodebytes(data)
    return b"-----BEGIN PUBLIC KEY-----\n" + text + b"-----END PUBLIC KEY-----\n"


def openssl(*words: str) -> bytes:
    """Make a key; return its public half in DER."""
    secret = subprocess.run(["openssl", "genpkey", *words], capture_output=True, check=True).stdout
    return subprocess.run(
        ["openssl", "pkey", "-pubout", "-outform", "DER"],
        input=secret,
        capture_output=True,
        check=True,
    ).stdout


def test_keys_of_openssl_are_read() -> None:
    rsa = read_public_key(pem(openssl("-algorithm", "RSA")))
    assert isinstance(rsa, RsaKey)
    assert (rsa.modulus.bit_length(), rsa.exponent) == (2048, 65537)
    der = openssl("-algorithm", "ED25519")
    assert read_public_key(b"# a note\n" + pem(der)) == Ed25519Key(der[-32:])


@pytest.mark.parametrize(
    "words", [("-algorithm", "X25519"), ("-algorithm", "EC", "-pkeyopt", "group:P-256")]
)
def test_other_keys_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(NotAKeyError, match="neither an RSA nor an Ed25519 key"):
        read_public_key(pem(openssl(*words)))


@given(data=st.binary(max_size=80))
def test_junk_is_refused(data: bytes) -> None:
    for junk in (data, pem(data), pem(bytes.fromhex("302a300506032b657003210000") + data)):
        with pytest.raises(NotAKeyError):
            read_public_key(junk)


DER = openssl("-algorithm", "RSA")


@given(place=st.integers(0, len(DER) - 1), value=st.integers(0, 255), end=st.integers(0, len(DER)))
def test_a_damaged_key_is_refused_or_another_key(place: int, value: int, end: int) -> None:
    damaged = bytearray(DER)
    damaged[place] = value
    for data in (bytes(damaged), DER[:end]):
        try:
            assert isinstance(read_public_key(pem(data)), RsaKey)
        except NotAKeyError:
            continue


@given(
    point=st.binary(min_size=32, max_size=32),
    raw=st.binary(min_size=64, max_size=64),
    created=st.integers(1, 2**32 - 1),
)
def test_the_library_reads_packets_as_they_were_meant(
    point: bytes, raw: bytes, created: int
) -> None:
    for key, algorithm in (
        (PublicKeyPacket(Ed25519Key(point), created), 22),
        (PublicKeyPacket(KEY, created), 1),
    ):
        parts = list(PacketPile.from_bytes(key.certificate("Shop", lambda digest: raw)))
        assert [part.tag for part in parts] == [Tag.PublicKey, Tag.UserID, Tag.Signature]
        assert (parts[0].fingerprint or "").upper() == key.fingerprint.hex().upper()
        assert parts[2].key_flags is not None
        assert parts[2].key_flags.signing
        packet = signature_packet(algorithm, key.fingerprint, BINARY, created)
        (made,) = PacketPile.from_bytes(packet.complete([b"data"], lambda digest: raw))
        assert made.issuer_fingerprint == key.fingerprint.hex()
        assert made.signature_created is not None
        assert made.signature_created.timestamp() == created
