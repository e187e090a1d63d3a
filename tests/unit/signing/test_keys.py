"""Signing keys."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pysequoia.packet import PacketPile

from omnibuild.errors import SigningKeyError, UsageError
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import load_signer
from omnibuild.signing.verifier import load_verifier
from tests.unit.repository.samples import USER_ID, signer


def test_create_key_writes_private_and_public_files(tmp_path: Path) -> None:
    info = create_key(tmp_path / "signing.key", USER_ID)
    assert stat.S_IMODE(info.path.stat().st_mode) == 0o600
    assert info.public_armored.read_bytes().startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert info.user_id == USER_ID
    loaded = load_signer(info.path)
    assert loaded.fingerprint == info.fingerprint
    assert loaded.expires is None
    assert info.public_binary.read_bytes() == loaded.public_key_binary
    assert b"PRIVATE" not in info.public_armored.read_bytes()
    with pytest.raises(SigningKeyError, match="never overwritten"):
        create_key(info.path, USER_ID)
    # The secret half was moved to a safe place.
    info.path.unlink()
    public = info.public_armored.read_bytes()
    with pytest.raises(SigningKeyError, match="never overwritten") as caught:
        create_key(info.path, USER_ID)
    assert caught.value.hint.startswith("its secret half is not here")
    assert info.public_armored.read_bytes() == public


def test_who_was_killed_in_between_left_no_public_half_and_it_is_made(tmp_path: Path) -> None:
    info = create_key(tmp_path / "signing.key", USER_ID)
    halves = {path: path.read_bytes() for path in (info.public_armored, info.public_binary)}
    secret = info.path.read_bytes()
    for missing in ([info.public_binary], [*halves]):
        for path in missing:
            path.unlink()
        with pytest.raises(SigningKeyError, match="never overwritten") as caught:
            create_key(info.path, "Others <others@example.com>")
        assert all(str(path) in caught.value.why for path in missing)
        assert {path: path.read_bytes() for path in halves} == halves
        assert info.path.read_bytes() == secret


@pytest.mark.parametrize("user_id", ["", "--batch", "two\nlines"])
def test_a_key_needs_a_name(tmp_path: Path, user_id: str) -> None:
    with pytest.raises(UsageError):
        create_key(tmp_path / "key", user_id)
    assert not list(tmp_path.iterdir())


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError) as caught:
        load_signer(tmp_path / "missing")
    assert "omnibuild key create" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n"])
def test_what_is_no_key_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SigningKeyError) as caught:
        load_signer(path)
    assert "backtrace" not in str(caught.value)


def test_a_public_key_cannot_sign(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(signer().public_key_armored)
    with pytest.raises(SigningKeyError):
        load_signer(path)


def test_a_signer_does_not_show_its_secret() -> None:
    assert "PRIVATE" not in repr(signer())


def public_key(path: Path) -> Path:
    path.write_bytes(signer().public_key_armored)
    return path


def test_only_a_trusted_key_verifies_only_what_it_signed(tmp_path: Path) -> None:
    stranger = create_key(tmp_path / "stranger.key", USER_ID)
    trusted = load_verifier([public_key(tmp_path / "a.asc")])
    for signature in (signer().sign_detached(b"data"), signer().sign_detached_armored(b"data")):
        assert trusted.is_signed(b"data", signature)
        assert not trusted.is_signed(b"date", signature)
        assert not load_verifier([stranger.public_armored]).is_signed(b"data", signature)
        both = [stranger.public_binary, tmp_path / "a.asc"]
        assert load_verifier(both).is_signed(b"data", signature)
    assert not trusted.is_signed(b"data", load_signer(stranger.path).sign_detached(b"data"))


@pytest.mark.parametrize("signature", [b"", b"junk", b"-----BEGIN PGP SIGNATURE-----\n\n"])
def test_what_is_no_signature_verifies_nothing(tmp_path: Path, signature: bytes) -> None:
    assert not load_verifier([public_key(tmp_path / "key")]).is_signed(b"data", signature)


def test_several_keys_in_one_keyring_are_trusted(tmp_path: Path) -> None:
    stranger = create_key(tmp_path / "stranger.key", USER_ID)
    keyring = tmp_path / "keyring.gpg"
    keyring.write_bytes(stranger.public_binary.read_bytes() + signer().public_key_binary)
    verifier = load_verifier([keyring])
    assert verifier.is_signed(b"data", signer().sign_detached(b"data"))
    assert verifier.is_signed(b"data", load_signer(stranger.path).sign_detached(b"data"))


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_file_without_a_public_key_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SigningKeyError) as caught:
        load_verifier([path])
    assert "backtrace" not in str(caught.value)


def test_a_secret_key_and_no_key_are_no_trusted_keys(tmp_path: Path) -> None:
    info = create_key(tmp_path / "signing.key", USER_ID)
    # Binary, as gpg exports it when it is not told otherwise.
    packets = PacketPile.from_file(str(info.path))
    (binary := tmp_path / "binary.key").write_bytes(b"".join(map(bytes, packets)))
    assert load_signer(binary).fingerprint == info.fingerprint
    for paths in ([info.path], [binary], [tmp_path / "missing"], []):
        with pytest.raises(SigningKeyError):
            load_verifier(paths)


def test_two_who_make_one_key_at_once_make_one(tmp_path: Path) -> None:
    def make(_: int) -> str:
        try:
            return create_key(tmp_path / "signing.key", "Tester <t@example.com>").fingerprint
        except SigningKeyError:
            return ""

    with ThreadPoolExecutor(3) as pool:
        made = list(filter(None, pool.map(make, range(3))))
    assert made == [load_signer(tmp_path / "signing.key").fingerprint]
    public = (tmp_path / "signing.key.pub.asc").read_bytes()
    assert load_signer(tmp_path / "signing.key").public_key_armored == public
