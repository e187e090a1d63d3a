from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

from omnibuild.package.tar.host import HOST_ARCHIVE
from omnibuild.package.tar.writer import write_tar
from tests.unit.package.samples import TAR, sample_payload, unzstd


def test_what_lies_elsewhere_on_hosts_is_one_archive_for_root(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    scripts = {**payload.scripts, "tar": {"pre-install": "#!/bin/sh\nexit 0\n"}}
    payload = replace(payload, scripts=scripts)
    first = write_tar(payload, TAR, tmp_path / "out")
    assert write_tar(payload, TAR, tmp_path / "again").digest == first.digest
    with tarfile.open(fileobj=io.BytesIO(unzstd(first.path.read_bytes()))) as tarball:
        member = tarball.getmember(f"hello-1.4.2/{HOST_ARCHIVE}")
        assert member.mode == 0o600
        stream = tarball.extractfile(member)
        assert stream
        data = stream.read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {each.name: each for each in archive if not each.isdir()}
        config = archive.extractfile("./config")
        assert config
        assert config.read() == b"/etc/hello/hello.conf\n"
    assert set(found) == {
        *("./config", "./scripts/pre-install", "./files/etc/hello/hello.conf"),
        *("./files/usr/bin/hello", "./files/usr/lib/systemd/system/hello.service"),
    }
    assert found["./files/etc/hello/hello.conf"].mode == 0o640
    assert found["./files/usr/bin/hello"].linkname == "/opt/hello/bin/hello"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [first.path.name]


def test_what_is_no_app_has_none(tmp_path: Path) -> None:
    made = write_tar(sample_payload(tmp_path / "root"), TAR, tmp_path / "out")
    assert HOST_ARCHIVE.encode() not in unzstd(made.path.read_bytes())
