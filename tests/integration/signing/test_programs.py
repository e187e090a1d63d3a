"""Programs that sign, as those of key management services: the raw signature is theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from omnibuild.errors import SigningKeyError
from omnibuild.repository.publish import publish
from omnibuild.signing.creation import create_certificate
from omnibuild.signing.signer import Signer, load_signer
from tests.integration.repository.clients import Apt, Dnf, web_server
from tests.integration.signing.programs import signing_program
from tests.unit.repository.samples import EL9, PLATFORMS, USER_ID, package
from tests.unit.signing.test_messages import gpgv

SECRET = "hvs.not-for-anybody"


@pytest.fixture(params=["rsa", "ed25519"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = signing_program(tmp_path, request.param)
    info = create_certificate(made, USER_ID)
    assert info.user_id == USER_ID
    return made


@pytest.fixture
def signer(program: Path) -> Signer:
    return load_signer(f"command:{program}")


def test_gpg_and_rpm_take_the_key_and_what_it_signs(tmp_path: Path, signer: Signer) -> None:
    assert gpgv(tmp_path, signer.sign_cleartext(b"Origin: Shop\n- a  \n"), signer).returncode == 0
    (tmp_path / "data").write_bytes(b"data" * 1_000_000)
    signer.sign_file(tmp_path / "data", tmp_path / "data.asc")
    (tmp_path / "key.asc").write_bytes(signer.public_key_armored)
    for command in (
        ["gpgv", "--keyring", tmp_path / "keyring", "data.asc", "data"],
        ["sqv", "--keyring", "keyring", "data.asc", "data"],
        ["rpm", "--dbpath", tmp_path / "db", "--import", "key.asc"],
    ):
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_apt_and_dnf_take_a_repository_that_a_program_signed(
    tmp_path: Path, signer: Signer
) -> None:
    root = tmp_path / "repository"
    files = [package(tmp_path), package(tmp_path, platform=EL9)]
    (tmp_path / "key.asc").write_bytes(signer.public_key_armored)
    with web_server(root) as url:
        publish(files, root, signer, platforms=PLATFORMS, base_url=url)
        apt, dnf = Apt(tmp_path / "apt"), Dnf(tmp_path / "dnf")
        apt.follow(url, tmp_path / "key.asc")
        for words in (["update"], ["install", "-y", "--download-only", "hello"]):
            done = apt.run(*words)
            assert done.returncode == 0, done.stdout
        dnf.follow(f"mirrorlist={url}/yum/stable/el9/x86_64/mirrorlist", tmp_path / "key.asc")
        done = dnf.run("install", "hello")
        assert done.returncode == 0, done.stdout


def test_a_certificate_is_made_once(program: Path) -> None:
    with pytest.raises(SigningKeyError, match="never overwritten"):
        create_certificate(program, USER_ID)


def test_who_has_another_key_signs_nothing(tmp_path: Path, program: Path) -> None:
    public = program.with_name(f"{program.name}.pub.asc").read_bytes()
    (tmp_path / "other").mkdir()
    other = signing_program(tmp_path / "other", program.name.removeprefix("sign-"))
    other.with_name(f"{other.name}.pub.asc").write_bytes(public)
    with pytest.raises(SigningKeyError, match="the public key does not verify"):
        load_signer(f"command:{other}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"echo 'denied: {SECRET}' >&2; exit 2", "failed (exit status 2)"),
        ("openssl rand -hex 64", "cannot be a signature"),
        ("openssl rand -base64 60", "cannot be a signature"),
        ("true", "gave 0 bytes"),
        ("head -c 100000 /dev/zero", "cannot be a signature"),
        ("kill -9 $$", "killed by SIGKILL"),
        ("head -c 384 /dev/zero", "does not verify"),
    ],
)
def test_what_goes_wrong_is_told_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("BAO_TOKEN", SECRET)
    program = signing_program(tmp_path)
    create_certificate(program, USER_ID)
    program.write_text(f"#!/bin/sh\n{text}\n")
    with pytest.raises(SigningKeyError) as caught:
        load_signer(f"command:{program}")
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_what_is_no_program_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError) as caught:
        load_signer(f"command:{tmp_path}/sign")
    assert "omnibuild key create command:" in caught.value.hint
    (tmp_path / "text").write_text("not started by anybody\n")
    for name in ("missing", "text"):
        with pytest.raises(SigningKeyError, match="no program that could sign"):
            create_certificate(tmp_path / name, USER_ID)
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(SigningKeyError, match="cannot be started: Exec format error"):
        create_certificate(tmp_path / "text", USER_ID)


@pytest.mark.parametrize("answer", ["", "junk", "$(openssl ecparam -name prime256v1 -genkey)"])
def test_what_is_no_key_is_told_so(tmp_path: Path, answer: str) -> None:
    program = tmp_path / "sign"
    program.write_text(f'#!/bin/sh\necho "{answer}" | openssl pkey -pubout || echo "{answer}"\n')
    program.chmod(0o755)
    with pytest.raises(SigningKeyError, match="gave no public key"):
        create_certificate(program, USER_ID)
    assert not (tmp_path / "sign.pub.asc").exists()
