"""Mirror programs know only the plain names of indexes, and get all by them, state after state."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.repository.publish import publish
from tests.integration.repository.clients import web_server
from tests.integration.repository.mirrors import Aptly, Debmirror
from tests.unit.repository.samples import PLATFORMS, package, signer


@pytest.mark.parametrize("program", [Aptly, Debmirror])
def test_mirror_programs_get_all(tmp_path: Path, program: type[Aptly] | type[Debmirror]) -> None:
    root, mirror = tmp_path / "repository", program(tmp_path)
    published: dict[str, str] = {}
    with web_server(root) as url:
        for name in ("first", "second", "third"):
            deb = package(tmp_path, name)
            publish([deb], root, signer(), platforms=PLATFORMS)
            published[deb.name] = digests.of_file(deb)
            for brought in root.glob("apt/pool/main/s/*-archive-keyring/*.deb"):
                published[brought.name] = digests.of_file(brought)
            keyring = next((root / "keys").glob("*.gpg"))
            done = mirror.update(url, keyring)
            assert done.returncode == 0, done.stdout
            assert mirror.debs() == published
    if isinstance(mirror, Debmirror):
        (tmp_path / "downstream").mkdir()
        done = mirror.as_a_host(tmp_path / "downstream", keyring, "first", "third")
        assert done.returncode == 0, done.stdout
