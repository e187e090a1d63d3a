"""The wheel built from this checkout carries its definitions and works in an empty environment."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.acceptance.products import CHECKOUT, Products


def run(*command: str | Path, directory: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", base, CHECKOUT, directory=base)
    (wheel,) = base.glob("*.whl")
    venv.create(base / "venv", with_pip=True)
    run(base / "venv/bin/pip", "install", "--quiet", wheel, directory=base)
    return base / "venv/bin"


def test_it_knows_its_version(environment: Path, tmp_path: Path) -> None:
    assert "omnibuild 0." in run(environment / "omnibuild", "--version", directory=tmp_path)


def test_it_builds_the_same_bytes_as_the_checkout(
    environment: Path, tmp_path: Path, products: Products
) -> None:
    words = ("build", "hello", "--platform", "debian-12", "--output", "out")
    run(environment / "omnibuild", *words, directory=tmp_path)
    name = "hello_1.0.0-1_amd64.deb"
    assert (tmp_path / "out" / name).read_bytes() == (products.hello / name).read_bytes()


def test_it_ships_nothing_that_is_not_its_own(environment: Path, tmp_path: Path) -> None:
    listed = run(environment / "pip", "show", "--files", "omnibuild", directory=tmp_path)
    files = listed.split("Files:")[1].split()
    allowed = ("omnibuild/", "omnibuild-", "../../../bin/omnibuild")
    assert [name for name in files if not name.startswith(allowed)] == []
    assert "omnibuild/definitions/recipes/hello.toml" in files
    assert "omnibuild/definitions/roots/bullseye.lock.json" in files
