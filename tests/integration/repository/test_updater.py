"""What keeps packages current, by the real package managers of a copy of this host."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from omnibuild.repository.life.demotion import demote
from omnibuild.repository.publish import publish
from tests.integration.repository.test_install_sh import ALMA, DEBIAN, REPOSITORY, URL, on_host
from tests.unit.repository.samples import DEBIAN_12, EL9, LINUX, package
from tests.unit.repository.samples import created_signer as signer

NAME = "omnibuild-probe"
FAMILIES = pytest.mark.parametrize("release", [DEBIAN.format(12), ALMA], ids=["apt", "dnf"])
# Published one after the other; 3.0 is not well.
VERSIONS = ("1.0", "2.0", "3.0", "4.0")

# What the tests say on the host: states of the repository, and what a run ends with.
WORDS = f"""
shows() {{ rm -rf {REPOSITORY}/apt {REPOSITORY}/yum
    cp -a {REPOSITORY}/states/$1/* {REPOSITORY}/; }}
runs() {{
    code=0; said=$(/usr/sbin/shop-packages-*-update run {NAME} --json 2>/tmp/err) || code=$?
    echo "RUN $code $said"
    [ -n "$said" ] || cat /tmp/err
}}
"""


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what it was after each publishing, and after the channel went back."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    base = tmp_path_factory.mktemp("states")
    root = base / "repository"

    def keep(name: str) -> None:
        for part in ("apt", "yum"):
            shutil.copytree(root / part, base / "states" / name / part)

    for version in VERSIONS:
        files = [package(base, NAME, version, platform=p) for p in (DEBIAN_12, EL9)]
        publish(files, root, signer(), platforms=(DEBIAN_12, EL9), base_url=URL)
        keep(version)
        if version == "2.0":
            demote(root, signer(), reason="tried")
            keep("demoted")
            publish(files, root, signer(), platforms=(DEBIAN_12, EL9))
            keep("again")
    for part in ("apt", "yum"):
        shutil.rmtree(root / part)
        shutil.copytree(base / "states/1.0" / part, root / part)
    (base / "states").rename(root / "states")
    return root


def runs(said: str) -> list[dict[str, object]]:
    """Return what each run ended with, and said."""
    lines = [line.split(" ", 2) for line in said.splitlines() if line.startswith("RUN ")]
    found = [json.loads(text) for _, _, text in lines]
    assert [str(each["exit"]) for each in found] == [code for _, code, _ in lines]
    return found


@FAMILIES
def test_a_host_follows_its_channel(states: Path, release: str) -> None:
    script = (
        f"{WORDS}shows 1.0\n"
        f"sh {REPOSITORY}/install.sh --keep-current --health-command '! /opt/{NAME}/bin/{NAME} |"
        f" grep -q 3.0' {NAME} || exit 9\n"
        "sed -i 's/^health-limit.*/health-limit = 1/' /etc/shop-packages-*/*.conf\n"
        "runs; shows 2.0; runs; shows 1.0; runs; shows demoted; runs; shows again; runs\n"
        "shows 3.0; runs; runs; shows 4.0; runs; ls /var/lib/shop-packages-*/*/packages"
    )
    done = on_host(states, script, release)
    found = runs(done.stdout)
    assert len(found) == 8, done.stdout
    v = [f"{version}-1" for version in VERSIONS]
    told = [(each["outcome"], each["exit"], each["version"]) for each in found]
    assert told == [
        ("current", 0, v[0]),
        ("updated", 0, v[1]),
        # What was true before 2.0 is shown once more: by its date it is no demotion.
        ("replayed", 5, v[1]),
        ("returned", 0, v[0]),
        ("updated", 0, v[1]),
        ("rolled-back", 10, v[1]),
        ("current", 0, v[1]),
        ("updated", 0, v[3]),
    ], done.stdout
    assert "older than the one of" in str(found[2]["error"])
    assert [each["failed_versions"] for each in found[5:]] == [[v[2]]] * 3
    assert done.stdout.splitlines()[-1] == v[3]


def test_a_user_without_root_follows_too(tmp_path: Path) -> None:
    """No systemd of a user runs here: what its timer would call is called."""
    root = tmp_path / "repository"
    files = [package(tmp_path, NAME, version, platform=LINUX) for version in ("1.0", "2.0")]
    publish(files[:1], root, signer(), platforms=(LINUX,), base_url=URL)
    shutil.copytree(root / "downloads", tmp_path / "before")
    publish(files[1:], root, signer(), platforms=(LINUX,))
    (root / "downloads").rename(root / "after")
    (tmp_path / "before").rename(root / "downloads")
    (root / "signed").mkdir()
    for file in root.glob("install.sh*"):
        shutil.copy(file, root / "signed")
    script = (
        "export HOME=/tmp/home; mkdir $HOME\n"
        f'ours() {{ sh {REPOSITORY}/install.sh --user "$@" {NAME}; }}\n'
        "ours --keep-current --every 4h --window ''; cd $HOME/.config/systemd/user\n"
        "systemd-analyze --user verify ./*.timer ./*.service 2>&1 | grep -F shop-packages\n"
        f"cp {REPOSITORY}/after/* {REPOSITORY}/downloads\n"
        "sed -n '/^ExecStart=/,$p' *.service | sed \"s,^ExecStart=,,;s,%h,$HOME,\" >/tmp/called\n"
        f"sh /tmp/called; $HOME/.local/bin/{NAME}; cat *.timer\n"
        # Who went back is not brought forward again by the timer.
        f"ours --rollback; sh /tmp/called; echo left at; $HOME/.local/bin/{NAME}\n"
        # A script that another key has signed is not taken.
        f"cd {REPOSITORY}; echo >>install.sh; sha256sum install.sh >install.sh.sha256\n"
        "sh /tmp/called; echo status $?\n"
        # Nor one of before, which may have keys that were dropped: neither than that which runs,
        # nor than that which is kept.
        f"cp {REPOSITORY}/signed/install.sh* {REPOSITORY}\n"
        "kept=$(echo $HOME/.local/share/*/install.sh); sed -i 's/^SERIAL=.*/SERIAL=7/' $kept\n"
        "sh /tmp/called; echo status $?; ours --keep-current; echo status $?; grep -c =7 $kept\n"
        "ours --uninstall; echo left: $(find $HOME/.config $HOME/.local/share -type f)"
    )
    done = on_host(root, script)
    said = done.stdout
    assert "no systemd of this user runs here: have something else call" in said
    assert f"\n{NAME} 2.0\n" in said
    assert f"\nleft at\n{NAME} 1.0\n" in said
    assert "OnCalendar=00/4:00\nRandomizedDelaySec=240min\nPersistent=yes\n" in said
    assert "no key of this script has signed file:///mnt/repository/install.sh; nothing" in said
    assert said.count("shows an older install.sh than it did before; it is not taken") == 2, said
    assert f"status 5\n1\n{NAME} is not installed\nleft:\n" in said, said
