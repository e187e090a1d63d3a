"""Build steps that try to get out, or at what is not theirs: refused, told, and nothing changed."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from omnibuild.package.deb.ar import MAGIC
from omnibuild.store.store import Store
from omnibuild.tree import Tree, scan
from tests.acceptance.products import CHECKOUT
from tests.acceptance.test_engine import fresh_store_with_root
from tests.acceptance.workspaces import STEPS, Workspace

SECRET = "a-secret-of-the-caller"

# What the component beneath installs; later steps try to get at it.
DEPENDENCY = (
    'mkdir -p "$PREFIX/dep/inner"; echo original > "$PREFIX/dep/file"',
    'echo inner > "$PREFIX/dep/inner/file"; chmod 755 "$PREFIX/dep"',
)


@dataclass
class Attempt:
    """A workspace whose component ``tiny-c`` is hostile, and things of the host it is after."""

    workspace: Workspace
    cache: Path
    host: Path

    def run(self, *steps: str) -> subprocess.CompletedProcess[str]:
        """Build with these steps after the harmless ones."""
        directory = self.workspace.base
        self.workspace.steps, self.workspace.build_needs = DEPENDENCY, ()
        dependency = self.workspace.software("dep-c", (directory / "tiny.tar.gz").as_uri())
        dependency = replace_test(dependency, self.workspace.test)
        self.workspace.steps = (*STEPS, *steps)
        self.workspace.build_needs = ("dep-c",)
        self.workspace.write()
        (directory / "software/dep-c.toml").write_text(dependency)
        return subprocess.run(
            [
                *(sys.executable, "-m", "omnibuild", "build", "tiny", "-C", directory),
                *("-p", "debian-12", "-o", directory / "dist", "--cache-dir", self.cache),
            ],
            env={**os.environ, "AWS_SECRET_ACCESS_KEY": SECRET},
            capture_output=True,
            text=True,
            check=False,
            cwd=CHECKOUT,
        )

    def refused(self, code: str, *steps: str) -> str:
        """Build; it must fail with that code. Return what it says."""
        before = host_state(self.host)
        done = self.run(*steps)
        assert f"error[{code}]: " in done.stderr, f"{done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        assert host_state(self.host) == before
        return done.stderr[done.stderr.index("error[") :]

    def package(self) -> dict[str, bytes]:
        """Return the regular files of the package that was built."""
        (deb,) = (self.workspace.base / "dist").glob("*.deb")
        return files_of(deb)


def replace_test(text: str, test: str) -> str:
    assert test in text
    return text.replace(test, "true")


def host_state(directory: Path) -> Tree:
    """Return what a directory of the host holds; sockets are left out."""
    (directory / "socket").unlink(missing_ok=True)
    return scan(directory)


def files_of(deb: Path) -> dict[str, bytes]:
    data = deb.read_bytes()
    assert data.startswith(MAGIC)
    start = data.index(zstandard.FRAME_HEADER)
    stream = zstandard.ZstdDecompressor().stream_reader(data[start:])
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        return {
            member.name: tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar
            if member.isfile()
        }


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of these tests' own, with the build root; at the end it holds what it says."""
    cache = fresh_store_with_root(tmp_path_factory.mktemp("hostile") / "cache")
    yield cache
    store = Store(cache)
    for path in sorted(cache.glob("trees/*/*")):
        assert scan(path / "files").digest == store.tree(path.name).digest == path.name


@pytest.fixture
def attempt(tmp_path: Path, cache: Path) -> Attempt:
    (tmp_path / "host/directory").mkdir(parents=True)
    (tmp_path / "host/file").write_text("of the host")
    return Attempt(Workspace(tmp_path / "workspace"), cache, tmp_path / "host")


def perl(text: str) -> str:
    return f"perl -MSocket -e '{text} or die \"refused: $!\\n\"'"


def test_the_network_of_this_machine(attempt: Attempt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        text = (
            "socket(S, PF_INET, SOCK_STREAM, 0);"
            f' connect(S, pack_sockaddr_in({port}, inet_aton("127.0.0.1")))'
        )
        said = attempt.refused("step-failed", perl(text))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "refused: Connection refused" in said


def test_an_address_outside(attempt: Attempt) -> None:
    text = (
        "socket(S, PF_INET, SOCK_DGRAM, 0);"
        ' defined send(S, "x", 0, pack_sockaddr_in(53, inet_aton("192.0.2.1")))'
    )
    assert "refused: Network is unreachable" in attempt.refused("step-failed", perl(text))


@pytest.mark.parametrize("kind", ["abstract", "named"])
def test_a_socket_of_this_machine(attempt: Attempt, kind: str) -> None:
    name = "\0omnibuild-hostile" if kind == "abstract" else str(attempt.host / "socket")
    spelt = name.replace("\0", "\\0")
    text = f'socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un("{spelt}"))'
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(0)
        server.bind(name)
        server.listen()
        done = attempt.run(perl(text))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "error[step-failed]" in done.stderr
    assert re.search("refused: (Connection refused|No such file)", done.stderr)


# Each in a shell of its own, all in one build; any that succeeds is told.
IMPOSSIBLE = {
    "a file of the host": "cat {host}/file",
    "writing a file of the host": "echo x > {host}/file",
    "the store": "ls {cache}/trees",
    "the home directory": "ls {home}/.cache {home}/.ssh",
    "the root of a process of the host": "ls /proc/{pid}/root",
    "the caller's environment": "env | grep SECRET",
    "the environment of other processes": "grep SECRET /proc/[0-9]*/environ",
    "the host's passwords": "grep root:[^*!] /etc/shadow",
    "writing the root": "echo x > /usr/hostile",
    "writing the root's settings": "echo x > /etc/hostile",
    "removing from the root": "rm -f /usr/bin/gcc",
    "remounting": "mount -o remount,bind,rw / && echo x > /usr/hostile",
    "unmounting": 'umount -l "$PREFIX"',
    "mounting": "unshare -m mount -t tmpfs none /mnt",
    "namespaces of its own": "unshare -Um mount -o remount,bind,rw /",
    # What is there is written again: nothing happens to the machine even where it works.
    "settings of the kernel": "p=/proc/sys/kernel/core_pattern; v=$(cat $p) && echo $v > $p",
    "sysfs": "echo x > /sys/kernel/hostile",
    "the kernel's log": "test -c /dev/kmsg",
    "memory": "head -c 1 /dev/mem",
    "a disk": "mknod /build/disk b 254 0",
    "a device below the prefix": 'mknod "$PREFIX/null" c 1 3',
    "a process of the host": "kill -9 {pid}",
    "the terminal": "exec 9<> /dev/tty",
    "the name of the machine": "hostname hostile",
    "changing the root": "chroot / true",
    "capabilities of a file": 'setcap cap_net_raw=ep "$PREFIX/bin/tiny"',
    "gaining privileges": "grep NoNewPrivs.*0 /proc/self/status",
}


def test_what_is_not_there_or_cannot_be_done(attempt: Attempt) -> None:
    places = {
        "host": attempt.host,
        "cache": attempt.cache,
        "home": Path.home(),
        "pid": os.getpid(),
    }
    lines = []
    for name, script in IMPOSSIBLE.items():
        quoted = shlex.quote(script.format(**places))
        lines.append(f"if sh -c {quoted}; then echo {shlex.quote(f'BREACH {name}')} >&3; fi")
    text = "set +x; exec 3>&1\n" + "\n".join(lines) + "\necho all tried; exit 3"
    # The root has no setcap, which one of them is.
    said = attempt.refused("missing-dependency", text)
    log = Path(re.findall(r"whole log: (\S+)", said)[0]).read_text()
    assert "all tried" in log
    assert [line for line in log.splitlines() if line.startswith("BREACH")] == []
    assert SECRET not in log


def test_killing_all_there_is(attempt: Attempt) -> None:
    attempt.refused("step-failed", "kill -9 -1; kill -9 1; exit 3")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param('echo more >> "$PREFIX/dep/file"', id="changing"),
        pytest.param('rm "$PREFIX/dep/file"', id="removing"),
        pytest.param('rm -r "$PREFIX/dep"', id="removing a directory"),
        pytest.param('rm -r "$PREFIX/dep"; mkdir "$PREFIX/dep"', id="emptying a directory"),
        pytest.param('chmod 600 "$PREFIX/dep/file"', id="permissions"),
        pytest.param('chmod 700 "$PREFIX/dep"', id="permissions of a directory"),
        pytest.param('chown 0:0 "$PREFIX/dep/file"', id="owner"),
        pytest.param('ln -sf /build "$PREFIX/dep/file"', id="a symlink in its place"),
        pytest.param('mv "$PREFIX/dep/inner" "$PREFIX/dep/other"', id="renaming a directory"),
        pytest.param('mv "$PREFIX/bin/tiny" "$PREFIX/dep/file"', id="renaming onto it"),
        pytest.param(
            'ln "$PREFIX/dep/file" "$PREFIX/own"; echo x >> "$PREFIX/own"', id="a hard link"
        ),
        pytest.param('ln -s dep/file "$PREFIX/own"; echo x > "$PREFIX/own"', id="a symlink to it"),
        pytest.param('exec 9<> "$PREFIX/dep/file"; echo x >&9', id="an open file"),
    ],
)
def test_files_of_another_component(attempt: Attempt, script: str) -> None:
    said = attempt.refused("capture", script)
    assert re.search("(changed|removed) a file (of dep-c|that is not its own)", said)
    assert "$PREFIX/dep" in said


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        pytest.param('mkfifo "$PREFIX/pipe"', "capture", "$PREFIX/pipe", id="a named pipe"),
        pytest.param(
            perl('socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("$ENV{PREFIX}/s"))'),
            "capture",
            "$PREFIX/s",
            id="a socket",
        ),
        pytest.param('chmod 4755 "$PREFIX/bin/tiny"', "audit", "setuid", id="setuid"),
        pytest.param(
            'cd "$PREFIX"; i=0; while [ $i -lt 600 ]; do mkdir dddddddddd; cd -P dddddddddd;'
            " i=$((i+1)); done",
            "capture",
            "too deep",
            id="a bottomless directory",
        ),
        pytest.param('truncate -s 900G "$PREFIX/big"', "capture", "too large", id="a huge file"),
    ],
)
def test_what_no_package_may_hold(attempt: Attempt, script: str, code: str, told: str) -> None:
    assert told in attempt.refused(code, script)
    # Nothing of it is in the way of the next build.
    assert attempt.run("true").returncode == 0


def test_directories_that_lead_to_the_host(attempt: Attempt) -> None:
    """Licences go where a step may have put a symlink; our own code must not follow it."""
    script = f'ln -s {attempt.host}/directory "$PREFIX/share/licenses/tiny-c"'
    said = attempt.refused("capture", script)
    assert "$PREFIX/share/licenses/tiny-c is not a directory" in said


def test_directories_of_ours_that_lead_to_the_host(attempt: Attempt) -> None:
    """The list of what the app is made of is written below ``share``, by us."""
    script = f'mkdir -p "$PREFIX/share"; ln -s {attempt.host} "$PREFIX/share/omnibuild"'
    said = attempt.refused("capture", script)
    assert "opt/tiny/share/omnibuild" in said


def test_files_that_lead_to_the_host(attempt: Attempt) -> None:
    before = host_state(attempt.host)
    done = attempt.run(
        f"rm -r /build/src; ln -s {attempt.host} /build/src",
        'cd "$PREFIX"; mkdir -p share/licenses/tiny-c; chmod 0 bin',
        f'ln -s {attempt.host}/file "$PREFIX/share/licenses/tiny-c/LICENSE"',
    )
    assert done.returncode == 0, done.stderr
    assert host_state(attempt.host) == before
    content = attempt.package()
    assert content["./opt/tiny/share/licenses/tiny-c/LICENSE"] == b"Do what you like.\n"
    assert not [name for name, data in content.items() if b"of the host" in data]


def test_a_licence_text_that_the_step_replaced(attempt: Attempt) -> None:
    done = attempt.run(f"rm LICENSE; ln -s {attempt.host}/file LICENSE")
    assert done.returncode == 0, done.stderr
    licence = attempt.package()["./opt/tiny/share/licenses/tiny-c/LICENSE"]
    assert licence == b"Do what you like.\n"


def test_nothing_outlives_its_sandbox(attempt: Attempt) -> None:
    mark = f"outlive-{os.getpid()}"
    late = f'sleep 3; echo {mark} > "$PREFIX/late"; sleep 600'
    done = attempt.run(
        f"nohup sh -c '{late}' > /dev/null 2>&1 &",
        f"setsid sh -c '{late}' > /dev/null 2>&1 &",
        f"(setsid sh -c '({late}) &' > /dev/null 2>&1 &)",
    )
    assert done.returncode == 0, done.stderr
    running = [p for p in Path("/proc").glob("[0-9]*/cmdline") if mark in read(p)]
    assert running == []
    assert not [name for name in attempt.package() if name.endswith("/late")]


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_a_terminal_shows_what_a_step_prints_and_does_not_obey(attempt: Attempt) -> None:
    said = attempt.refused("step-failed", r"printf '\033]0;mine\007\033[2J\377\r\n'; exit 3")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", said)
    assert r"\x1b]0;mine\x07\x1b[2J" in said
    said = attempt.refused("capture", r"""mkfifo "$PREFIX/$(printf 'a\033[2Jb')" """)
    assert r"$PREFIX/a\x1b[2Jb" in said


def test_a_flood_of_output_fails_like_any_other(attempt: Attempt) -> None:
    said = attempt.refused("step-failed", "head -c 200000000 /dev/zero | tr '\\0' x; exit 3")
    assert "exit status 3" in said
    assert len(said) < 200_000


def test_its_log_stays_a_log(attempt: Attempt) -> None:
    for mode in ("4777", "0000"):
        said = attempt.refused("step-failed", f"chmod {mode} /proc/self/fd/1; : {mode}; exit 3")
        log = Path(re.findall(r"whole log: (\S+)", said)[0])
        assert log.stat().st_mode & 0o7777 == 0o600


def test_its_own_directories_are_its_own(attempt: Attempt) -> None:
    done = attempt.run(
        "echo x > /tmp/x; cat /tmp/x; mkdir -p /build/mine; rm -r /build/src/*; touch /build/src/y",
        "echo 'int main(void) { return 0; }' > /tmp/t.c; gcc /tmp/t.c -o /tmp/t; /tmp/t",
    )
    assert done.returncode == 0, done.stderr
