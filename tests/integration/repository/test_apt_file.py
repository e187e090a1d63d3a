"""apt-file finds packages by their files, also those that were published later."""

from __future__ import annotations

import shutil
from pathlib import Path

from omnibuild.repository.life.settings import set_contents
from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Apt, Done, run
from tests.unit.repository.samples import PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer


def configuration(apt: Apt) -> str:
    """Return apt's options as a file says them: apt-file takes them from no command line."""
    words = list(map(str, apt.command(apt.root)))
    options = [words[place + 1] for place, word in enumerate(words) if word == "-o"]
    pairs = (each.partition("=") for each in options)
    return "".join(f'{name} "{value}";\n' for name, _, value in pairs)


def test_files_are_found(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, signer(), platforms=PLATFORMS)
    set_contents(root, signer(), wanted=True)
    publish([package(tmp_path, "extra")], root, signer(), platforms=PLATFORMS, component="contrib")
    apt, config = Apt(tmp_path / "apt"), tmp_path / "apt.conf"
    keyring = next((root / "keys").glob("*.asc"))
    apt.follow(f"file:{root}", keyring, components="main contrib")
    shutil.copy("/etc/apt/apt.conf.d/50apt-file.conf", apt.root / "conf.d")
    config.write_text(configuration(apt))

    def on_host(*command: str) -> Done:
        done = run("env", f"APT_CONFIG={config}", *command)
        assert done.returncode == 0, done.stdout
        return done

    names = ["hello", "extra"]
    for name in ("shop", "third"):
        updated = on_host("apt-get", "update").stdout
        assert not [line for line in updated.splitlines() if line.startswith(("W:", "E:"))]
        for known in names:
            found = on_host("apt-file", "search", f"opt/{known}/bin/{known}").stdout
            assert found == f"{known}: /opt/{known}/bin/{known}\n"
            held = on_host("apt-file", "list", "--fixed-string", known).stdout
            assert f"{known}: /opt/{known}/bin/{known}\n" in held
        publish([package(tmp_path, name)], root, signer(), platforms=PLATFORMS)
        names.append(name)
