"""Mirror programs know only the plain names of indexes, and get all by them, state after state."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Proxied, web_server
from tests.integration.repository.mirrors import Aptly, AptMirror, Debmirror, Reprepro, as_a_host
from tests.unit.repository.samples import PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

COMPONENTS = ("main", "contrib")
Mirror = Aptly | Debmirror | AptMirror | Reprepro


@pytest.mark.parametrize("program", [Aptly, Debmirror, AptMirror, Reprepro])
def test_mirror_programs_get_all(tmp_path: Path, program: type[Mirror]) -> None:
    root, mirror = tmp_path / "repository", program(tmp_path, COMPONENTS)
    published: dict[str, str] = {}
    with web_server(root, Proxied) as url:
        for name, component in (("first", "contrib"), ("second", "main"), ("third", "contrib")):
            deb = package(tmp_path, name)
            publish([deb], root, signer(), platforms=PLATFORMS, component=component)
            published[deb.name] = digests.of_file(deb)
            for brought in root.glob("apt/pool/main/s/*-archive-keyring/*.deb"):
                published[brought.name] = digests.of_file(brought)
            keyring = next((root / "keys").glob("*.gpg"))
            done = mirror.update(url, keyring)
            assert done.returncode == 0, done.stdout
            assert mirror.debs() == published
    if isinstance(mirror, Debmirror | AptMirror):
        scratch, names = tmp_path / "downstream", ("first", "second", "third")
        scratch.mkdir()
        done = as_a_host(mirror.copy, scratch, keyring, *names, components=COMPONENTS)
        assert done.returncode == 0, done.stdout
