"""Steps that reach for what namespaces do not cover: keys, terminals, memory, logs."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pty
import select
import signal
import stat
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.errors import StepError
from omnibuild.execute import processes
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.bubblewrap import Bubblewrap
from omnibuild.execute.sandbox.step import Sandbox, Step
from omnibuild.plan.graph import Limits
from tests.integration.execute.conftest import PREFIX

LIMIT = 100_000_000

KEYRING_ADD, KEYRING_JOIN, KEYRING_CLEAR = 248, 250, 7
SESSION = -3


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of `attempts.c`, which needs nothing of a root."""
    program = tmp_path_factory.mktemp("attempts") / "attempts"
    source = Path(__file__).with_name("attempts.c")
    subprocess.run(["gcc", "-static", "-O1", source, "-o", program], check=True)
    return program


@pytest.fixture
def hostile(sandbox: Step, attempts: Path) -> Step:
    """A step whose root has that program, and so is another one for engines, too."""
    (sandbox.root / "bin/attempts").write_bytes(attempts.read_bytes())
    (sandbox.root / "bin/attempts").chmod(0o755)
    return replace(sandbox, root_identity="a" * 64)


NONE, PATIENT = Limits(), Limits(seconds=60)


def run(box: Sandbox, step: Step, script: str, tmp_path: Path, limits: Limits = NONE) -> str:
    box.run(replace(step, script=script), tmp_path / "log", Processes(), limits)
    return (tmp_path / "log").read_text()


@pytest.fixture
def secret_key() -> Iterator[None]:
    """A key in this process's session keyring, and in its user's."""
    libc = ctypes.CDLL(None, use_errno=True)
    added = [
        libc.syscall(KEYRING_ADD, b"user", b"secret", b"hidden", 6, ctypes.c_int(ring))
        for ring in (SESSION, -4)
    ]
    if min(added) < 0:
        pytest.skip("this machine has no keyrings")
    yield
    for key in added:
        libc.syscall(KEYRING_JOIN, 3, key)  # KEYCTL_REVOKE


@pytest.mark.usefixtures("secret_key")
def test_no_step_gets_at_the_callers_keys(box: Sandbox, hostile: Step, tmp_path: Path) -> None:
    said = run(box, hostile, "attempts keys", tmp_path).splitlines()
    assert said[:4] == ["search: EPERM", "user: EPERM", "request: EPERM", "add: EPERM"]
    assert said[-1] == "listed: nothing"


def test_no_step_makes_namespaces_of_its_own(box: Sandbox, hostile: Step, tmp_path: Path) -> None:
    said = dict(
        line.split(": ") for line in run(box, hostile, "attempts namespaces", tmp_path).splitlines()
    )
    assert said["unshare"] == said["clone"] == "EPERM"
    assert said.pop("inet") == "as usual"
    assert said["clone3"] in ("ENOSYS", "EPERM")
    if box.name != "docker":  # whose own filter knows of them since versions 25 and 23
        assert said["io_uring"] == said["vsock"] == "EPERM"
    del said["io_uring"], said["vsock"]
    assert "done" not in said.values()


def test_no_disguise_of_a_system_call_helps(box: Sandbox, hostile: Step, tmp_path: Path) -> None:
    # Engines end who tries.
    said = run(box, hostile, "attempts disguised || :", tmp_path)
    assert "done" not in said


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("head -c 300000000 /dev/zero > /tmp/x || sleep 60", id="a file in /tmp"),
        pytest.param("head -c 300000000 /dev/zero > /dev/shm/x || sleep 60", id="in /dev/shm"),
        pytest.param("attempts unnamed 300000000", id="a file without a name"),
        pytest.param("attempts shared 300000000 & attempts shared 1 & wait", id="shared pages"),
    ],
)
def test_all_that_is_in_memory_counts(hostile: Step, tmp_path: Path, script: str) -> None:
    with pytest.raises(StepError) as caught:
        run(Bubblewrap(), hostile, script, tmp_path, Limits(seconds=50, memory=LIMIT))
    assert "more than 0.1 GB of memory" in caught.value.what


def test_no_step_uses_up_what_a_user_has_so_many_of(
    box: Sandbox, hostile: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run(box, hostile, "attempts watches", tmp_path).splitlines()
    assert len(said) >= 2
    if box.name != "docker":  # whose own filter lets them pass
        assert {line.partition(": ")[2] for line in said} == {"EPERM"}
    monkeypatch.setattr(processes, "DESCRIPTORS_AT_MOST", 3000)
    run(box, hostile, "timeout 1 attempts descriptors 5 500 || :", tmp_path, PATIENT)
    with pytest.raises(StepError, match="more than 3000 files open at a time"):
        run(box, hostile, "attempts descriptors 8 500", tmp_path, PATIENT)


def test_files_in_memory_are_limited_in_every_sandbox(
    box: Sandbox, hostile: Step, tmp_path: Path
) -> None:
    script = "for d in /tmp /dev/shm; do head -c 300000000 /dev/zero > $d/x && exit 0; done; exit 3"
    with pytest.raises(StepError):
        run(box, hostile, script, tmp_path, Limits(seconds=50, memory=LIMIT))


def test_shared_pages_count_once(hostile: Step, tmp_path: Path) -> None:
    many = " & ".join(["head -c 1000 /dev/zero > /dev/null; sleep 1"] * 20)
    script = f"head -c 40000000 /dev/zero > /tmp/x; {many} & wait"
    assert run(Bubblewrap(), hostile, script, tmp_path, Limits(memory=LIMIT)) == ""


def test_a_log_without_end_is_ended_and_cut(box: Sandbox, sandbox: Step, tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught:
        run(box, sandbox, "echo begin; yes", tmp_path, Limits(log=8_000_000))
    assert "printed more than 8 MB" in caught.value.what
    assert caught.value.code == "step-failed"
    log = (tmp_path / "log").read_bytes()
    assert log.startswith(b"begin\n")
    assert len(log) < 2_000_000
    assert log.endswith(b"[it printed more than 8 MB: the rest was thrown away]\n")


def test_a_log_can_be_followed(box: Sandbox, sandbox: Step, tmp_path: Path) -> None:
    # The step ends when somebody has read in the log that it began.
    followed = threading.Thread(target=follow, args=(tmp_path,), daemon=True)
    followed.start()
    run(box, sandbox, "echo began; until [ -e read ]; do sleep 0.1; done", tmp_path, PATIENT)
    followed.join()


def follow(tmp_path: Path) -> None:
    while "began" not in ((tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""):
        time.sleep(0.05)
    (tmp_path / "build/read").touch()


def test_a_log_is_private_and_no_step_has_it_open(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    # Two steps of one action: the second finds the log, also one that somebody opened wide.
    script = "for n in 0 1 2; do readlink /proc/self/fd/$n; done; chmod 4777 /proc/self/fd/1 || :"
    run(box, sandbox, script, tmp_path)
    log = tmp_path / "log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    log.chmod(0o666)
    said = run(box, sandbox, script, tmp_path)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    descriptors = [line for line in said.splitlines() if line.startswith(("pipe:", "/"))]
    assert [line.partition(":")[0] for line in descriptors if line != "/dev/null"] == ["pipe"] * 4


ENTER = """
import fcntl, os, sys, termios
from pathlib import Path
from omnibuild.execute.sandbox.choose import choose_sandbox
from omnibuild.execute.sandbox.step import Step
root, base, prefix = sys.argv[1:]
places = {key: Path(base, key) for key in ("build", "upper", "work")}
step = Step("it", "", Path(root), "0" * 64, prefix=prefix, environment={"PATH": "/bin"}, **places)
before = termios.tcgetattr(0)
status = choose_sandbox("bubblewrap").enter(step)
same = termios.tcgetattr(0) == before
left = int.from_bytes(fcntl.ioctl(0, termios.FIONREAD, bytes(4)), sys.byteorder)
print(f"mine: {os.major(os.fstat(0).st_rdev)}:{os.minor(os.fstat(0).st_rdev)}")
print(f"left {status} {same} {left}")
"""


class Terminal:
    """The terminal that a shell was entered on, and the process that did it."""

    def __init__(self, step: Step, tmp_path: Path, columns: int) -> None:
        words = [sys.executable, "-c", ENTER, str(step.root), str(tmp_path), PREFIX]
        self.pid, self.main = pty.fork()
        if self.pid == 0:
            os.execv(words[0], words)  # noqa: S606 - on the terminal that is ours by now
        self.resize(columns)
        self._drawn = ""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))

    def write(self, text: str) -> None:
        os.write(self.main, text.encode())

    def until(self, wanted: str) -> str:
        """Read until that is drawn; return all from the last that was waited for."""
        while wanted not in self._drawn:
            readable, _, _ = select.select([self.main], [], [], 60)
            assert readable, f"no {wanted!r} in:\n{self._drawn}"
            try:
                self._drawn += os.read(self.main, 65536).decode("utf-8", "replace")
            except OSError as error:
                raise AssertionError(f"ended without {wanted!r}:\n{self._drawn}") from error
        said, _, self._drawn = self._drawn.partition(wanted)
        return said + wanted


@contextlib.contextmanager
def entered(step: Step, tmp_path: Path, columns: int = 80) -> Iterator[Terminal]:
    terminal = Terminal(step, tmp_path, columns)
    try:
        terminal.until("# ")
        yield terminal
    finally:
        os.close(terminal.main)
        os.waitpid(terminal.pid, 0)


def test_a_shell_has_a_terminal_of_its_own(hostile: Step, tmp_path: Path) -> None:
    with entered(hostile, tmp_path) as terminal:
        terminal.write("attempts terminal; exit 7\n")
        said = terminal.until("left 7 True 0")
    lines = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    assert lines["terminal"] != lines["mine"]
    assert lines["type"] == lines["type high"] == lines["type there"] == "EPERM"


def test_a_shells_terminal_is_as_large_as_the_callers(hostile: Step, tmp_path: Path) -> None:
    with entered(hostile, tmp_path, 91) as terminal:
        terminal.write("while :; do stty size; sleep 0.1; done\n")
        terminal.until("25 91")
        terminal.resize(47)
        terminal.until("25 47")


def test_keys_that_interrupt_go_to_what_runs_inside(hostile: Step, tmp_path: Path) -> None:
    with entered(hostile, tmp_path) as terminal:
        # What says so is in the foreground by then, as its shell need not be yet.
        terminal.write("sh -c \"echo star''ted; exec sleep 600\"\n")
        terminal.until("started\r\n")
        terminal.write("\x03")
        terminal.until("# ")
        terminal.write("echo still-$((40+2)); exit 3\n")
        terminal.until("still-42")
        terminal.until("left 3 True 0")


def test_a_signal_ends_the_shell_and_restores_the_terminal(hostile: Step, tmp_path: Path) -> None:
    with entered(hostile, tmp_path) as terminal:
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.until("left 143 True 0")


def test_without_a_terminal_a_shell_gets_pipes(hostile: Step, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("readlink /proc/self/fd/0; readlink /proc/self/fd/1; attempts terminal\n")
    words = [sys.executable, "-c", ENTER.replace("termios.tcgetattr(0)", "0")]
    words += [str(hostile.root), str(tmp_path), PREFIX]
    output = tmp_path / "output"
    with script.open("rb") as stdin, output.open("wb") as stdout:
        subprocess.run(words, stdin=stdin, stdout=stdout, check=False, start_new_session=True)
    said = output.read_text()
    assert said.count("pipe:[") == 2
    assert "open: ENXIO" in said


# Names that mount options, shells and records split at, and one as long as a path may be.
STORES = [r"with space, comma: colon \ and 'quote'", "é\n", "x" * 254]


@pytest.mark.parametrize("name", STORES, ids=["punctuation", "newline", "long"])
@pytest.mark.parametrize("many", [3, 120])
def test_any_number_of_layers_below_any_path(
    sandbox: Step, tmp_path: Path, name: str, many: int
) -> None:
    store = tmp_path / name
    layers = []
    for number in range(many):
        layers.append(store / f"{number:064}" / "files")
        (layers[-1] / "lib").mkdir(parents=True)
        (layers[-1] / f"lib/{number}").write_text(f"{number}\n")
        (layers[-1] / "last").write_text(f"{number}\n")
        (layers[-1] / "lib").chmod(0o555)
    for place in ("build", "upper", "work"):
        (store / place).mkdir()
    step = replace(
        sandbox,
        layers=tuple(layers),
        **{place: store / place for place in ("build", "upper", "work")},
    )
    script = f"cd {PREFIX}; ls lib | wc -l; cat last; echo new > last; ls -d /build"
    assert run(Bubblewrap(), step, script, tmp_path).split() == [str(many), str(many - 1), "/build"]
    assert os.listdir(store / "upper") == ["last"]
    assert (layers[-1] / "last").read_text() == f"{many - 1}\n"
    assert run(Bubblewrap(), replace(step, upper=None), "exit 0", tmp_path)
    assert sorted(os.listdir(store))[-3:] == ["build", "upper", "work"]
