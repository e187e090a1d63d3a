"""shellcheck has nothing to say of any shell text that hosts and servers are given."""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path

import pytest

from omnibuild.repository.clients.updater import scripts
from tests.unit.host.apps import write_scripts
from tests.unit.host.test_shell import APPS
from tests.unit.repository.test_installer import script
from tests.unit.repository.test_updater import NAME
from tests.unit.repository.test_updater import text as updater


def shellcheck(*words: str | Path) -> None:
    done = subprocess.run(["shellcheck", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("app", APPS)
def test_texts_of_an_app(app: str, tmp_path: Path) -> None:
    paths = write_scripts(APPS[app](), tmp_path)
    # The odd app's paths hold quotes on purpose, which is what SC2089 and SC2090 wonder about.
    words = ["--shell=sh", "--severity=warning", "--exclude=SC2089,SC2090"]
    # What is sourced has neither a first line nor all of its variables.
    sourced = [path for path in paths if path.name.endswith("-environment")]
    assert sourced
    shellcheck(*words, *(path for path in paths if path not in sourced))
    shellcheck(*words, "--exclude=SC2154", *sourced)


def test_install_sh(tmp_path: Path) -> None:
    (tmp_path / "install.sh").write_text(script())
    shellcheck(tmp_path / "install.sh")


def test_the_updater(tmp_path: Path) -> None:
    for family in ("apt", "dnf", "tarball"):
        (tmp_path / f"{family}.sh").write_text(updater(family))
    for name, each in scripts(NAME)["deb"].items():
        (tmp_path / name).write_text(each)
    shellcheck(*tmp_path.iterdir())


def test_what_serves_ssh(tmp_path: Path) -> None:
    text = resources.files("omnibuild.repository.targets.ssh").joinpath("agent.sh").read_text()
    (tmp_path / "agent.sh").write_text(text)
    shellcheck("--shell=sh", tmp_path / "agent.sh")
