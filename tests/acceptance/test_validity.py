"""apt of each Debian refuses a state that has ended, and takes the one that was signed again."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from omnibuild.repository.life.settings import resign
from omnibuild.repository.publish import publish
from tests.acceptance.hosts.debians import DEBIANS, Chrooted, copies
from tests.unit.repository.samples import PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

DAY = 24 * 3600
KEYRING = Path("/etc/apt/keyrings/shop.gpg")


def test_a_state_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, now = tmp_path / "repository", time.time()
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now - 20 * DAY)
        publish([package(tmp_path)], root, signer(), platforms=PLATFORMS)
        resign(root, signer(), 14)
    hosts = {}
    for suite, tree in copies(tmp_path / "trees").items():
        (tree / "etc/apt/keyrings").mkdir(exist_ok=True)
        shutil.copy(next((root / "keys").glob("*.gpg")), tree / KEYRING.relative_to("/"))
        hosts[suite] = Chrooted(tree / "host", tree, root)
        hosts[suite].follow("file:/srv", KEYRING)
        done = hosts[suite].run("update")
        assert done.returncode != 0, (DEBIANS[suite], done.stdout)
        assert "expired" in done.stdout, (DEBIANS[suite], done.stdout)
    resign(root, signer())
    for suite, apt in hosts.items():
        done = apt.run("update")
        assert done.returncode == 0, (DEBIANS[suite], done.stdout)
        assert "hello_1.0-1_amd64.deb" in apt.run("--print-uris", "download", "hello").stdout
    shutil.rmtree(tmp_path / "trees")
