"""install.sh as orchestrators run it: over ssh, and by Ansible's own modules, again and again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually, serve
from tests.acceptance.products import Products
from tests.acceptance.steps import WEB, answers

URL = "http://127.0.0.1:8000"
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
PLAY = f"""
- hosts: all
  gather_facts: false
  tasks:
    - name: the installer, as its published checksum says
      ansible.builtin.get_url:
        url: {URL}/install.sh
        dest: /usr/local/sbin/install-hello
        mode: "0755"
        checksum: sha256:{URL}/install.sh.sha256
    - name: the newest hello
      ansible.builtin.command: /usr/local/sbin/install-hello --json --url {URL} hello
      register: installed
      changed_when: (installed.stdout | from_json).changed
    - name: no other version than there is
      ansible.builtin.command: /usr/local/sbin/install-hello --json --url {URL} hello=7.0
      register: refused
      changed_when: false
      failed_when: refused.rc != 6
    - name: a script of the controller
      ansible.builtin.script: SCRIPT --url {URL} hello
      changed_when: false
    - name: a pipe
      ansible.builtin.shell: curl -fsS {URL}/install.sh | sh -s -- --url {URL} hello
      changed_when: false
"""


@dataclass(frozen=True)
class Reached:
    """A server that is reached by ssh, whose connection is a pipe into its namespaces."""

    server: BootedHost
    home: Path

    def options(self) -> list[str]:
        inside = f"nsenter --target={self.server.leader} --mount --uts --ipc --net --pid --"
        return [
            *("-F", "none", "-i", str(self.home / "key"), "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"),
            *("-o", f"ProxyCommand={inside} /usr/sbin/sshd -i"),
        ]

    def ssh(self, command: str, data: str = "") -> subprocess.CompletedProcess[str]:
        # Whatever the app's services keep open, the connection ends with the command.
        return subprocess.run(
            ["ssh", *self.options(), "root@server", command],
            input=data,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture(scope="module")
def reached(
    module_hosts: HostPool, products: Products, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reached]:
    server = module_hosts.booted(packages=("openssh-server", "python3"))
    home = tmp_path_factory.mktemp("controller")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "key")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    server.write("/root/.ssh/authorized_keys", (home / "key.pub").read_text(), 0o600)
    server.run("mkdir", "-p", "/run/sshd")
    with serve(server, products.repository):
        yield Reached(server, home)


def test_ssh(reached: Reached, products: Products) -> None:
    words = f"--json --url {URL}"
    script = (products.repository / "install.sh").read_text()
    # The script comes by the connection itself, so nothing may read on.
    done = reached.ssh(f"sh -s -- {words} hello", script)
    first = json.loads(done.stdout)
    assert (done.returncode, first["changed"], first["version"]) == (0, True, "1.0.0-1")
    eventually(lambda: answers(reached.server, WEB), "the page")
    for _ in range(3):
        done = reached.ssh(f"curl -fsS {URL}/install.sh | sh -s -- {words} hello")
        assert json.loads(done.stdout) == {
            **first,
            "changed": False,
            "version_before": "1.0.0-1",
        }
    done = reached.ssh(f"sh -s -- {words} --uninstall hello", script)
    assert (done.returncode, json.loads(done.stdout)["changed"]) == (0, True)
    assert not reached.server.exists("/opt/hello/bin")


def test_ansible(reached: Reached, products: Products) -> None:
    play = reached.home / "play.yml"
    play.write_text(PLAY.replace("SCRIPT", str(products.repository / "install.sh")))
    reached.server.shell("rm -f /usr/local/sbin/install-hello")
    assert run_play(reached, play) == 2
    assert run_play(reached, play) == 0
    eventually(lambda: answers(reached.server, WEB), "the page")


def run_play(reached: Reached, play: Path) -> int:
    """Run it on the server; returns how many of its tasks changed something."""
    arguments = " ".join(
        f"'{word}'" if " " in word or ";" in word else word for word in reached.options()
    )
    done = subprocess.run(
        [ANSIBLE, "--inventory", "server,", "--user", "root", play],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(reached.home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_HOME": str(reached.home / "ansible"),
            "ANSIBLE_SSH_ARGS": arguments,
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
        },
    )
    found = re.search(r"changed=(\d+) .*unreachable=0 +failed=0", done.stdout)
    assert found, f"{done.stdout}\n{done.stderr}"
    return int(found[1])
