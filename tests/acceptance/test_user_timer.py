"""A user's own systemd, which lingers, keeps an app below its home current."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from tests.acceptance.hosts import BootedHost, HostPool, eventually, serve
from tests.acceptance.products import Products, omnibuild
from tests.acceptance.test_updates import EACH_SECOND

# What systemd's module of PAM says, which minimal hosts have not.
RUNTIME = "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n"
HOME = "/home/alice smith"


def as_alice(server: BootedHost, script: str) -> str:
    words = (
        "runuser",
        "-u",
        "alice",
        "--",
        "env",
        f"HOME={HOME}",
        "XDG_RUNTIME_DIR=/run/user/1000",
    )
    return server.run(*words, "sh", "-c", script, check=False).stdout


def test_a_user_is_kept_current(hosts: HostPool, products: Products, tmp_path: Path) -> None:
    repository = tmp_path / "repository"

    def publish(directory: Path) -> None:
        (tarball,) = directory.glob("*.tar.zst")
        omnibuild("publish", tarball, "--repo", repository, "--key", products.key)

    publish(products.hello)
    server = hosts.booted("trixie")
    server.write("/etc/systemd/system/user@.service.d/runtime.conf", RUNTIME)
    server.shell(f"useradd --create-home --home-dir {shlex.quote(HOME)} alice")
    # As loginctl enable-linger does, which asks more of a host than this one has.
    server.write("/var/lib/systemd/linger/alice", "")
    server.run("systemctl", "start", "user@1000.service")
    with serve(server, repository) as url:

        def install(*words: str) -> dict[str, Any]:
            script = f"curl -fsSL {url}/install.sh | sh -s -- --url {url} --user --json"
            found: dict[str, Any] = json.loads(
                as_alice(server, f"{script} {' '.join(words)} hello")
            )
            return found

        first = install("--keep-current", "--every", "4h")
        assert (first["exit"], first["way"], first["kept_current"]) == (0, "user", True), first
        again = install("--keep-current", "--every", "4h")
        assert (again["exit"], again["changed"], again["kept_current"]) == (0, False, True), again
        (key,) = repository.glob("keys/*.asc")
        timer = f"{key.stem}-hello.timer"
        assert as_alice(server, f"systemctl --user is-active {timer}") == "active\n"
        assert as_alice(server, f"systemctl --user is-enabled {timer}") == "enabled\n"

        # It is there after a boot, without anybody who logs in.
        server.reboot()
        eventually(
            lambda: as_alice(server, f"systemctl --user is-active {timer}") == "active\n",
            "the timer is there again",
        )
        publish(products.hello_next)
        drop_in = f"{HOME}/.config/systemd/user/{timer}.d/zz-test.conf"
        server.write(drop_in, EACH_SECOND)
        restart = f"systemctl --user daemon-reload; systemctl --user restart {timer}"
        as_alice(server, restart)
        current = 'readlink "$HOME/.local/opt/hello/current"'
        eventually(
            lambda: as_alice(server, current) == "1.1.0\n", "the timer brings 1.1.0", seconds=60
        )
        assert "1.1.0" in as_alice(server, '"$HOME/.local/bin/hello" --version')
        server.run("rm", "-r", drop_in.rpartition("/")[0])
        as_alice(server, restart)

        back = install("--rollback")
        assert (back["exit"], back["action"], back["version"]) == (0, "rollback", "1.0.0"), back
        refused = install("--rollback")
        assert (refused["exit"], refused["changed"]) == (1, False), refused
        service = timer.replace(".timer", ".service")
        as_alice(server, f"systemctl --user start {service}")
        assert as_alice(server, current) == "1.0.0\n"

        gone = install("--uninstall")
        assert (gone["exit"], gone["changed"]) == (0, True), gone
    assert as_alice(server, f"systemctl --user is-active {timer}") == "inactive\n"
    assert as_alice(server, f'find "$HOME" -name "{key.stem}*"') == ""
