"""Secrets are whole, or not there: the program that makes them, run for real."""

import os
import subprocess
from pathlib import Path

import pytest

from .apps import integrated, recipe

HEX = 64


@pytest.fixture
def program(tmp_path: Path) -> Path:
    host = integrated(
        recipe(
            secrets={"key": {}, "token": {"generated": False}},
            services={"work": {"command": "worker"}},
        )
    )
    path = tmp_path / "secrets-program"
    path.write_bytes(host.files["/opt/shop/libexec/secrets"].content)
    return path


def run(program: Path, directory: Path, **variables: str) -> tuple[int, str]:
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **variables}
    done = subprocess.run(
        ["/bin/sh", program, directory], env=path, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_they_are_made_once(program: Path, tmp_path: Path) -> None:
    directory = tmp_path / "etc/shop/secrets"
    status, said = run(program, directory)
    assert status == 3
    assert f"{directory}/token" in said
    key = (directory / "key").read_text()
    assert len(key) == HEX
    assert run(program, directory)[0] == 3
    assert (directory / "key").read_text() == key
    assert os.listdir(directory) == ["key"]
    assert os.listdir(directory.parent) == ["secrets"]


def test_empty_ones_are_none(program: Path, tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir()
    for name in ("key", "token"):
        (directory / name).touch()
    status, said = run(program, directory)
    assert status == 3
    assert f"{directory}/token" in said
    assert len((directory / "key").read_text()) == HEX


def test_too_few_random_bytes_are_no_secret(program: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "od").write_text("#!/bin/sh\necho ' 12 34 56'\n")
    (tools / "od").chmod(0o755)
    status, said = run(program, tmp_path / "secrets", PATH=f"{tools}:/usr/bin:/bin")
    assert status == 1
    assert said.startswith("shop: /dev/urandom gives no random bytes")
    assert os.listdir(tmp_path / "secrets") == []


def test_a_symlink_that_leads_nowhere_is_said(program: Path, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").symlink_to("/nowhere/at/all")
    status, said = run(program, tmp_path / "secrets")
    assert (status, said) == (
        1,
        f"shop: {tmp_path}/secrets/key is a symlink that leads to nothing\n",
    )
