"""What every deb's scripts do is POSIX, whether the app has scripts of its own or not."""

import shutil
import subprocess
from pathlib import Path

import pytest

from omnibuild.package.deb.configuration import configuration_of, entries_with
from omnibuild.package.deb.scripts import complete_scripts
from omnibuild.package.members import archive_members
from tests.unit.host.test_shell import READERS

from .samples import sample_payload


@pytest.mark.parametrize("reader", READERS)
def test_reads(reader: str, tmp_path: Path) -> None:
    command = READERS[reader].split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    payload = sample_payload(tmp_path / "root")
    configuration = configuration_of(payload)
    members = archive_members(entries_with(payload, configuration))
    scripts = complete_scripts("hello", {}, members, configuration)
    assert sorted(scripts) == ["postinst", "postrm", "preinst"]
    for name, text in scripts.items():
        path = tmp_path / name
        path.write_text(text)
        done = subprocess.run([*command, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}\n{done.stdout}{done.stderr}"


def test_configuration_is_laid_once_by_whoever_knows_when(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    configuration = configuration_of(payload)
    own = "#!/bin/sh\nset -eu\nadduser hello\nlay_configuration\n"
    for scripts in ({}, {"postinst": own}):
        text = complete_scripts("hello", scripts, (), configuration)["postinst"]
        calls = [line.strip() for line in text.splitlines()]
        assert calls.count("lay_configuration") == 1
