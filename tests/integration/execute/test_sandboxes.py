"""Every sandbox does the same: bubblewrap, docker, podman; all real."""

import contextlib
import os
import pty
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.errors import StepError
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.docker import Docker
from omnibuild.execute.sandbox.step import Sandbox, Step, Usage
from omnibuild.plan.graph import Limits
from tests.integration.execute.conftest import PREFIX


def run(box: Sandbox, sandbox: Step, script: str, tmp_path: Path) -> str:
    log = tmp_path / "log"
    log.unlink(missing_ok=True)
    box.run(replace(sandbox, script=script), log, Processes(), Limits())
    return log.read_text()


def layer(tmp_path: Path, name: str, files: dict[str, str]) -> Path:
    for path, text in files.items():
        target = tmp_path / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return tmp_path / name


def test_the_environment_is_only_what_was_given(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    output = run(box, sandbox, "env", tmp_path).split()
    assert {line for line in output if not line.startswith(("PWD=", "SHLVL=", "_="))} == {
        "PATH=/bin",
        "GREETING=hello",
    }


def test_a_step_is_uid_0_on_a_machine_called_build(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    assert run(box, sandbox, "id -u; hostname; pwd", tmp_path).split() == ["0", "build", "/build"]


def test_what_is_written_below_the_prefix_lies_in_the_upper_layer(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    layers = (layer(tmp_path, "one", {"lib/a": "1"}), layer(tmp_path, "two", {"lib/b": "2"}))
    layered = replace(sandbox, layers=layers)
    output = run(
        box, layered, f"cat {PREFIX}/lib/a {PREFIX}/lib/b; echo 3 > {PREFIX}/lib/c", tmp_path
    )
    assert output == "12"
    assert os.listdir(tmp_path / "upper/lib") == ["c"]
    assert sorted(os.listdir(tmp_path / "one/lib")) == ["a"]


def test_layers_can_be_seen_without_being_written(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    layers = (layer(tmp_path, "one", {"a": "1"}), layer(tmp_path, "two", {"b": "2"}))
    for seen in (layers[:1], layers):
        read_only = replace(sandbox, layers=seen, upper=None)
        assert run(box, read_only, f"cat {PREFIX}/a", tmp_path) == "1"
        with pytest.raises(StepError):
            run(box, read_only, f"echo x > {PREFIX}/x", tmp_path)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("wget -T 5 -O - http://127.0.0.1:1/", id="loopback network"),
        pytest.param("ping -c 1 -W 2 192.0.2.1", id="outside network"),
        pytest.param("echo x > /etc/passwd", id="the root"),
        pytest.param("echo x > /new", id="beside the root"),
        pytest.param("mknod /build/device b 8 0", id="a device"),
        pytest.param("kill -9 1; sleep 1; kill -0 2 && exit 1; exit 3", id="its own init"),
        pytest.param("mount -t tmpfs none /bin && echo x > /etc/x", id="remounting"),
    ],
)
def test_a_hostile_step_is_refused(
    box: Sandbox, sandbox: Step, tmp_path: Path, script: str
) -> None:
    with pytest.raises(StepError) as caught:
        run(box, sandbox, script, tmp_path)
    assert "whole log" in caught.value.why


def test_a_root_leads_to_nothing_of_the_host(engine: Docker, sandbox: Step, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for path in ("tmp/secret", "hosts"):
        (outside / path).parent.mkdir(parents=True, exist_ok=True)
        (outside / path).write_text("precious")
    (sandbox.root / "var").symlink_to(outside)
    if engine.name == "docker":  # podman starts nothing without a directory /etc
        (sandbox.root / "etc").rmdir()
        (sandbox.root / "etc").symlink_to(outside)
    script = "cat /var/tmp/secret /etc/hosts || :; find / -name secret || :"
    seen = run(engine, sandbox, script, tmp_path)
    assert "precious" not in seen
    assert "\n/" not in seen


def test_a_step_sees_no_process_of_the_host(box: Sandbox, sandbox: Step, tmp_path: Path) -> None:
    seen = run(box, sandbox, "ps -o pid", tmp_path).split()[1:]
    assert len(seen) <= 4
    assert str(os.getpid()) not in seen or os.getpid() < 10


def test_nothing_outlives_its_sandbox(box: Sandbox, sandbox: Step, tmp_path: Path) -> None:
    run(box, sandbox, "(sleep 3; echo alive > /build/alive) & exit 0", tmp_path)
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        assert not (tmp_path / "build/alive").exists()
        time.sleep(0.2)


def test_a_failing_step_shows_the_end_of_its_log(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    with pytest.raises(StepError) as caught:
        run(box, sandbox, "echo the compiler is unhappy; exit 7", tmp_path)
    assert "exit status 7" in caught.value.what
    assert "the compiler is unhappy" in caught.value.why


def test_cancelling_ends_a_step_at_once(box: Sandbox, sandbox: Step, tmp_path: Path) -> None:
    processes = Processes()
    timer = threading.Timer(0.5, processes.cancel)
    timer.start()
    with pytest.raises(StepError) as caught:
        box.run(replace(sandbox, script="sleep 600"), tmp_path / "log", processes, Limits())
    timer.join()
    assert "SIGKILL" in caught.value.what


def limited(box: Sandbox, sandbox: Step, tmp_path: Path, script: str, limits: Limits) -> Usage:
    return box.run(replace(sandbox, script=script), tmp_path / "log", Processes(), limits)


def test_a_step_that_takes_too_long_is_ended(box: Sandbox, sandbox: Step, tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught:
        limited(box, sandbox, tmp_path, "sleep 600 & sleep 600", Limits(seconds=0.5))
    assert "took longer than 0.5 s" in caught.value.what


def test_a_step_that_takes_too_much_memory_is_ended(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    script = "head -c 400000000 /dev/zero | sort > /dev/null & sleep 5; wait"
    with pytest.raises(StepError) as caught:
        limited(box, sandbox, tmp_path, script, Limits(memory=100_000_000))
    assert "more than 0.1 GB of memory" in caught.value.what


def test_a_step_is_charged_for_all_its_processes(
    box: Sandbox, sandbox: Step, tmp_path: Path
) -> None:
    loop = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    usage = limited(box, sandbox, tmp_path, f"({loop}) & ({loop}) & wait", Limits())
    alone = limited(box, sandbox, tmp_path, f"({loop})", Limits())
    assert usage.cpu > alone.cpu > 0


ENTER = """
import sys
from pathlib import Path
from omnibuild.execute.sandbox.choose import choose_sandbox
from omnibuild.execute.sandbox.step import Step
name, root, base, prefix = sys.argv[1:]
places = {key: Path(base, key) for key in ("build", "upper", "work")}
step = Step("it", "", Path(root), "0" * 64, prefix=prefix, environment={"PATH": "/bin"}, **places)
sys.exit(choose_sandbox(name).enter(step))
"""


def test_a_user_can_enter_on_a_terminal(box: Sandbox, sandbox: Step, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [sys.executable, "-c", ENTER, box.name, str(sandbox.root), str(tmp_path), PREFIX]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(
        ours, f"echo shell-$((40+2)) > {PREFIX}/seen; hostname > /build/name; exit 7\n".encode()
    )
    output = b""
    with contextlib.suppress(OSError):  # a terminal that nobody holds any more
        while text := os.read(ours, 4096):
            output += text
    os.close(ours)
    assert process.wait() == 7, output.decode()
    assert (tmp_path / "build/name").read_text() == "build\n"
    assert (tmp_path / "upper/seen").read_text() == "shell-42\n"
