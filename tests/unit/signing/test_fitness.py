"""Keys that hosts will not take, now or soon: refused with the true cause."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from omnibuild.errors import SigningKeyError
from omnibuild.signing.certificate import RPM_ALGORITHMS
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import load_signer
from omnibuild.signing.verifier import load_verifier
from tests.unit.signing.keyring import keyring

# gpg's clock, so that a key can be old or from the future without waiting for it.
LONG_AGO = ("--faked-system-time", "20200101T000000")
IN_THE_FUTURE = ("--faked-system-time", "20900101T000000", "--ignore-valid-from")


def refusal(path: Path) -> SigningKeyError:
    with pytest.raises(SigningKeyError) as caught:
        load_signer(path)
    assert "backtrace" not in str(caught.value)
    return caught.value


def test_an_expired_key_is_called_so(tmp_path: Path) -> None:
    with keyring(end="30d", options=LONG_AGO) as key:
        error = refusal(key.export(tmp_path / "key"))
    assert "the key expired on 2020-01-31" in error.what
    assert "gpg --quick-set-expire" in error.hint


def test_an_expired_subkey_is_called_so(tmp_path: Path) -> None:
    with keyring(usage="cert", options=LONG_AGO) as key:
        key.gpg(*LONG_AGO, "--quick-add-key", key.fingerprint, "ed25519", "sign", "30d")
        error = refusal(key.export(tmp_path / "key"))
    assert "the key expired on " in error.what


@pytest.mark.parametrize("part", ["primary", "subkey"])
def test_the_end_is_that_of_the_part_that_signs(tmp_path: Path, part: str) -> None:
    usage, end = ("sign", "20d") if part == "primary" else ("cert", "never")
    with keyring(usage=usage, end=end) as key:
        if part == "subkey":
            key.gpg("--quick-add-key", key.fingerprint, "ed25519", "sign", "20d")
        signer = load_signer(key.export(tmp_path / "key"))
    assert signer.expires is not None
    left = signer.expires - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=19) < left <= datetime.timedelta(days=20)


def test_an_extended_key_signs_again(tmp_path: Path) -> None:
    with keyring(end="30d", options=LONG_AGO) as key:
        refusal(key.export(tmp_path / "before"))
        key.gpg("--quick-set-expire", key.fingerprint, "0")
        assert load_signer(key.export(tmp_path / "after")).expires is None


def test_a_key_from_the_future_blames_the_clock(tmp_path: Path) -> None:
    with keyring(options=IN_THE_FUTURE) as key:
        path = tmp_path / "key"
        path.write_bytes(key.gpg(*IN_THE_FUTURE, "--armor", "--export-secret-keys"))
    error = refusal(path)
    assert "made on 2090-01-01, which is in the future" in error.what
    assert "clock" in error.hint


def test_a_passphrase_is_called_so(tmp_path: Path) -> None:
    with keyring(passphrase="secret") as key:
        error = refusal(key.export(tmp_path / "key"))
    assert "has a passphrase" in error.what


def test_a_weak_key_is_called_so(tmp_path: Path) -> None:
    with keyring("rsa1024") as key:
        error = refusal(key.export(tmp_path / "key"))
    assert "too weak" in error.what


def test_dsa_is_refused(tmp_path: Path) -> None:
    with keyring("dsa2048") as key:
        error = refusal(key.export(tmp_path / "key"))
    assert "neither apt nor rpm verifies signatures of DSA keys" in error.what


@pytest.mark.parametrize("curve", ["secp256k1", "brainpoolP256r1"])
def test_a_rare_curve_is_called_so(tmp_path: Path, curve: str) -> None:
    with keyring(curve) as key:
        error = refusal(key.export(tmp_path / "key"))
        assert error.what == f"keys of the curve {curve} are of no use here"
        assert "Ed25519" in error.why
        assert "omnibuild key create" in error.hint
        public = tmp_path / "public"
        public.write_bytes(key.gpg("--export"))
        with pytest.raises(SigningKeyError, match=f"curve {curve} are of no use"):
            load_verifier([public])


def test_what_signs_has_a_rare_curve(tmp_path: Path) -> None:
    with keyring("rsa2048", usage="cert") as key:
        key.gpg("--quick-add-key", key.fingerprint, "secp256k1/sign", "sign", "never")
        assert "secp256k1" in refusal(key.export(tmp_path / "key")).what
        # Another part can sign, and does.
        key.gpg("--quick-add-key", key.fingerprint, "rsa2048", "sign", "never")
        assert load_signer(key.export(tmp_path / "other")).algorithms == {"RSA"}


@pytest.mark.parametrize(
    ("algorithm", "name"), [("nistp256", "ECDSA"), ("ed25519", "EdDSA"), ("rsa2048", "RSA")]
)
def test_what_signs_is_told(tmp_path: Path, algorithm: str, name: str) -> None:
    with keyring(algorithm) as key:
        assert load_signer(key.export(tmp_path / "key")).algorithms == {name}


def test_clients_read_the_primary_key_too(tmp_path: Path) -> None:
    """rpm cannot import a key whose primary part it does not know, whatever signs."""
    with keyring("nistp256", usage="cert") as key:
        key.gpg("--quick-add-key", key.fingerprint, "rsa2048", "sign", "never")
        key.gpg("--quick-add-key", key.fingerprint, "cv25519", "encr", "never")
        signer = load_signer(key.export(tmp_path / "key"))
    assert signer.algorithms == {"RSA", "ECDSA"}
    assert signer.signing != signer.fingerprint


def test_several_keys_in_a_file_are_called_so(tmp_path: Path) -> None:
    with keyring() as key:
        key.gpg("--quick-generate-key", "Other <other@shop.example>", "ed25519", "sign", "never")
        error = refusal(key.export(tmp_path / "key"))
    assert "several keys" in error.what


def test_a_binding_by_sha1_is_called_so(tmp_path: Path) -> None:
    with keyring("rsa2048", options=("--cert-digest-algo", "SHA1")) as key:
        error = refusal(key.export(tmp_path / "key"))
    assert "too weak" in error.what
    assert "SHA1" in error.why


def test_a_key_that_is_made_here_suits_everybody(tmp_path: Path) -> None:
    path = create_key(tmp_path / "key", "Shop packages <ops@shop.example>").path
    assert load_signer(path).algorithms <= RPM_ALGORITHMS
