"""Mirror programs know only the plain names of indexes, and get all by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Done, run, web_server
from tests.unit.repository.samples import PLATFORMS, package, signer


def aptly(work: Path, url: str, keyring: Path, *words: str) -> Done:
    config = work / "aptly.json"
    config.write_text(json.dumps({"rootDir": str(work / "aptly"), "gpgProvider": "internal"}))
    options = ("-config", config, f"-keyring={keyring}", *words)
    if not (work / "aptly").exists():
        create = ("aptly", "mirror", "create", *options, "shop", f"{url}/apt", "stable", "main")
        done = run(*create)
        assert done.returncode == 0, done.stdout
    return run("aptly", "mirror", "update", *options, "shop")


def debmirror(work: Path, url: str, keyring: Path) -> Done:
    host = url.removeprefix("http://")
    return run(
        *("debmirror", "--method=http", f"--host={host}", "--root=apt", "--dist=stable"),
        *("--section=main", "--arch=amd64", "--nosource", "--i18n", "--diff=none"),
        *("--rsync-extra=none", f"--keyring={keyring}", work / "debmirror"),
    )


@pytest.mark.parametrize("mirror", [aptly, debmirror])
def test_mirror_programs_get_all(tmp_path: Path, mirror: Callable[[Path, str, Path], Done]) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path, "first")], root, signer(), platforms=PLATFORMS)
    keyring = next((root / "keys").glob("*.gpg"))
    with web_server(root) as url:
        done = mirror(tmp_path, url, keyring)
        assert done.returncode == 0, done.stdout
        publish([package(tmp_path, "second")], root, signer(), platforms=PLATFORMS)
        done = mirror(tmp_path, url, keyring)
        assert done.returncode == 0, done.stdout
    mirrored = [path.name for path in (tmp_path / mirror.__name__).rglob("*.deb")]
    assert len(mirrored) == 2
