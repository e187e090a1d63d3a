"""Fifty publishers at once, some killed, to a directory, to S3 and over ssh: nothing is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.repository import layout
from omnibuild.repository.life.checking import check
from omnibuild.repository.publish import publish
from omnibuild.repository.state.head import load
from omnibuild.repository.targets import open_target
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import load_signer
from tests.integration.remote.servers import running, seaweedfs
from tests.integration.remote.test_s3 import bucket_works, use
from tests.integration.repository.clients import Apt, Dnf
from tests.integration.repository.targets.hosts import host, ssh
from tests.integration.repository.targets.test_bucket import fetched
from tests.unit.repository.samples import EL9, PLATFORMS, USER_ID, package

PUBLISHERS, KILLED = 50, 10
PUBLISHER = """
import sys
from pathlib import Path
from omnibuild.repository import layout
from omnibuild.repository.publish import publish
from omnibuild.signing.signer import load_signer
from tests.unit.repository.samples import PLATFORMS
files = [Path(file) for file in sys.argv[3:]]
publish(files, sys.argv[1], load_signer(Path(sys.argv[2])), platforms=PLATFORMS)
"""


@pytest.fixture(params=["directory", "s3", "ssh"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    if request.param == "directory":
        yield str(tmp_path / "repository")
        return
    if request.param == "ssh":
        with host(tmp_path / "host") as there:
            path = f"{ssh(there.base, tmp_path / 'bin')}:{os.environ['PATH']}"
            monkeypatch.setenv("PATH", path)
            yield there.url(tmp_path / "repository")
        return
    use("builder", monkeypatch, tmp_path)
    with running(seaweedfs(tmp_path / "server", bucket_works)) as server:
        yield f"s3://cache/r?endpoint=http://127.0.0.1:{server.port}&region=us-east-1"


def test_fifty_publishers_at_once(place: str, tmp_path: Path) -> None:
    key = create_key(tmp_path / "key", USER_ID).path
    signer = load_signer(key)
    publish([], place, signer, platforms=PLATFORMS)
    names = [f"app-{number:02}" for number in range(PUBLISHERS)]
    files = {
        name: [package(tmp_path, name), package(tmp_path, name, platform=EL9)] for name in names
    }

    def start(name: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", PUBLISHER, place, str(key), *map(str, files[name])]
        return subprocess.Popen(words)

    started = time.monotonic()
    at_work = {name: start(name) for name in names}
    killed = random.Random(1).sample(names, KILLED)  # noqa: S311
    for name in killed:
        time.sleep(0.5)
        at_work[name].kill()
    ended = {name: process.wait() for name, process in at_work.items()}
    seconds = time.monotonic() - started
    assert {status for name, status in ended.items() if name not in killed} == {0}
    # Whoever was killed is published by the same call again.
    again = [name for name, status in ended.items() if status]
    assert [start(name).wait() for name in again] == [0] * len(again)
    channel = load(open_target(place)).channels["stable"]
    for index in (channel.suites["stable"], channel.trees["el9"]):
        found = [each.name for each in index if not layout.is_keyring_package(each.name)]
        assert found == names
    assert check(place, deep=True).faults == []
    root = fetched(place, tmp_path / "copy") if place.startswith("s3") else tmp_path / "repository"
    trusted = tmp_path / "public.asc"
    trusted.write_bytes(signer.public_key_armored)
    apt, dnf = Apt(tmp_path / "apt"), Dnf(tmp_path / "dnf")
    apt.follow(f"file:{root}", trusted)
    assert apt.run("update").returncode == 0
    assert apt.run("download", *names).returncode == 0
    dnf.follow(f"baseurl=file://{root}/yum/stable/el9/x86_64", trusted)
    assert dnf.run("install", *names).returncode == 0
    kind = place.partition(":")[0] if "://" in place else "directory"
    # What a record shows, beside pytest's dots.
    sys.stdout.write(
        f"\n{kind}: {PUBLISHERS} publishers at once, {len(again)} of {KILLED} killed before they"
        f" were done: all published, {seconds:.0f} s\n"
    )
