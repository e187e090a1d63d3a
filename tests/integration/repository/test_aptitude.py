"""aptitude takes a repository without a warning."""

from __future__ import annotations

from pathlib import Path

from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Apt, run
from tests.unit.repository.samples import PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer


def test_it_finds_and_installs(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, signer(), platforms=PLATFORMS)
    publish([package(tmp_path, "extra")], root, signer(), platforms=PLATFORMS, component="contrib")
    apt = Apt(tmp_path / "apt")
    apt.follow(f"file:{root}", next((root / "keys").glob("*.asc")), components="main contrib")
    *words, _ = apt.command(apt.root, "")
    aptitude = ["aptitude" if word == "apt-get" else word for word in words]
    done = run(*aptitude, "update")
    assert done.returncode == 0, done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith(("W:", "E:"))]
    done = run(*aptitude, "--display-format=%p %V", "search", "~n^(hello|extra)$")
    assert done.stdout.split() == ["extra", "1.0-1", "hello", "1.0-1"]
    done = run(*aptitude, "--simulate", "-y", "install", "hello")
    assert done.returncode == 0, done.stdout
