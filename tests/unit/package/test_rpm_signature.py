from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import PackageError
from omnibuild.package.rpm.reader import read_rpm, read_rpm_headers
from omnibuild.package.rpm.signature import sign_rpm, signature_tag
from omnibuild.package.rpm.tags import SignatureTag
from omnibuild.package.rpm.writer import write_rpm
from tests.unit.package.samples import RPM, sample_payload

# Packet tag and length, version 4, binary signature, algorithm: RSA, EdDSA.
OLD_RSA = bytes([0x89, 0x01, 0xB3, 4, 0, 1]) + bytes(432)
NEW_RSA = bytes([0xC2, 0xC0, 0x10, 4, 0, 1]) + bytes(200)
ED25519 = bytes([0x88, 0x75, 4, 0, 22]) + bytes(114)


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    return write_rpm(sample_payload(tmp_path / "root"), RPM, tmp_path / "out").path


def test_only_the_signature_header_changes(unsigned: Path, tmp_path: Path) -> None:
    asked: list[bytes] = []

    def sign(data: bytes) -> bytes:
        asked.append(data)
        return OLD_RSA

    signed = tmp_path / "signed.rpm"
    sign_rpm(unsigned, signed, sign)
    before, after = read_rpm_headers(unsigned), read_rpm_headers(signed)
    assert asked == [before.main.blob]
    assert after.signature.values(SignatureTag.RSA) == OLD_RSA
    rest = after.signature.fields()
    del rest[SignatureTag.RSA]
    assert rest == before.signature.fields()
    start = before.main_start
    assert signed.read_bytes()[after.main_start :] == unsigned.read_bytes()[start:]
    assert read_rpm(signed).header_digest == read_rpm(unsigned).header_digest


def test_an_earlier_signature_is_replaced_in_place(unsigned: Path) -> None:
    sign_rpm(unsigned, unsigned, lambda data: OLD_RSA)
    sign_rpm(unsigned, unsigned, lambda data: ED25519)
    signature = read_rpm_headers(unsigned).signature
    assert SignatureTag.RSA not in signature.index
    assert signature.values(SignatureTag.DSA) == ED25519


@pytest.mark.parametrize(
    ("signature", "tag"),
    [
        (OLD_RSA, SignatureTag.RSA),
        (NEW_RSA, SignatureTag.RSA),
        (b"\xc2\x75\x04\x00\x16", SignatureTag.DSA),
        (b"\xc2\xff\x00\x00\x00\x75\x04\x00\x01", SignatureTag.RSA),
        (ED25519, SignatureTag.DSA),
    ],
)
def test_the_algorithm_decides_the_tag(signature: bytes, tag: SignatureTag) -> None:
    assert signature_tag(signature) is tag


@pytest.mark.parametrize(
    "signature", [b"", b"\x89", b"-----BEGIN PGP SIGNATURE-----", b"\xc2\x75\x06\x00\x1b"]
)
def test_other_signatures_are_refused(signature: bytes, unsigned: Path) -> None:
    before = unsigned.read_bytes()
    with pytest.raises(PackageError, match="OpenPGP"):
        sign_rpm(unsigned, unsigned, lambda data: signature)
    assert unsigned.read_bytes() == before


@given(st.binary())
def test_any_signature_is_taken_or_refused(signature: bytes) -> None:
    try:
        assert signature_tag(signature)
    except PackageError as error:
        assert error.hint  # noqa: PT017


def test_what_is_no_rpm_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.rpm").write_bytes(b"no")
    with pytest.raises(PackageError, match=r"x\.rpm"):
        sign_rpm(tmp_path / "x.rpm", tmp_path / "y.rpm", lambda data: OLD_RSA)
