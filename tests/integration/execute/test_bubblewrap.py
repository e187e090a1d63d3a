"""The real bubblewrap, with a root that holds nothing but busybox."""

import os
import re
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.errors import SandboxError, StepError
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox import bubblewrap
from omnibuild.execute.sandbox.bubblewrap import Bubblewrap
from omnibuild.execute.sandbox.step import Step, Usage
from omnibuild.plan.graph import Limits
from omnibuild.tools import Tool

PREFIX = "/omb/omb"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "root"
    for name in ("bin", "build", "proc", "dev", "tmp", "etc", PREFIX.lstrip("/")):
        (base / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox, "busybox is needed"
    shutil.copy(busybox, base / "bin/busybox")
    listed = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+\.so\S*)", listed):
        copied = base / library.lstrip("/")
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, copied)
    subprocess.run([busybox, "--install", "-s", str(base / "bin")], check=True)
    for link in (base / "bin").iterdir():
        if link.is_symlink():
            link.unlink()
            link.symlink_to("busybox")
    return base


@pytest.fixture
def sandbox(tmp_path: Path, root: Path) -> Step:
    for name in ("build", "upper", "work"):
        (tmp_path / name).mkdir()
    return Step(
        what="the step",
        script="",
        root=root,
        root_identity="0" * 64,
        build=tmp_path / "build",
        prefix=PREFIX,
        upper=tmp_path / "upper",
        work=tmp_path / "work",
        environment={"PATH": "/bin", "GREETING": "hello"},
    )


def run(sandbox: Step, script: str, tmp_path: Path) -> str:
    log = tmp_path / "log"
    log.unlink(missing_ok=True)
    Bubblewrap().run(replace(sandbox, script=script), log, Processes(), Limits())
    return log.read_text()


def layer(tmp_path: Path, name: str, files: dict[str, str]) -> Path:
    for path, text in files.items():
        target = tmp_path / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return tmp_path / name


def test_the_environment_is_only_what_was_given(sandbox: Step, tmp_path: Path) -> None:
    output = run(sandbox, "env", tmp_path).split()
    assert {line for line in output if not line.startswith(("PWD=", "SHLVL=", "_="))} == {
        "PATH=/bin",
        "GREETING=hello",
    }


def test_a_step_is_uid_0_on_a_machine_called_build(sandbox: Step, tmp_path: Path) -> None:
    assert run(sandbox, "id -u; hostname; pwd", tmp_path).split() == ["0", "build", "/build"]


def test_what_is_written_below_the_prefix_lies_in_the_upper_layer(
    sandbox: Step, tmp_path: Path
) -> None:
    layers = (layer(tmp_path, "one", {"lib/a": "1"}), layer(tmp_path, "two", {"lib/b": "2"}))
    layered = replace(sandbox, layers=layers)
    output = run(layered, f"cat {PREFIX}/lib/a {PREFIX}/lib/b; echo 3 > {PREFIX}/lib/c", tmp_path)
    assert output == "12"
    assert os.listdir(tmp_path / "upper/lib") == ["c"]
    assert sorted(os.listdir(tmp_path / "one/lib")) == ["a"]


def test_layers_can_be_seen_without_being_written(sandbox: Step, tmp_path: Path) -> None:
    layers = (layer(tmp_path, "one", {"a": "1"}), layer(tmp_path, "two", {"b": "2"}))
    for seen in (layers[:1], layers):
        read_only = replace(sandbox, layers=seen, upper=None)
        assert run(read_only, f"cat {PREFIX}/a", tmp_path) == "1"
        with pytest.raises(StepError):
            run(read_only, f"echo x > {PREFIX}/x", tmp_path)


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
def test_a_hostile_step_is_refused(sandbox: Step, tmp_path: Path, script: str) -> None:
    with pytest.raises(StepError) as caught:
        run(sandbox, script, tmp_path)
    assert "whole log" in caught.value.why


def test_a_step_sees_no_process_of_the_host(sandbox: Step, tmp_path: Path) -> None:
    seen = run(sandbox, "ps -o pid", tmp_path).split()[1:]
    assert len(seen) <= 4
    assert str(os.getpid()) not in seen or os.getpid() < 10


def test_nothing_outlives_its_sandbox(sandbox: Step, tmp_path: Path) -> None:
    run(sandbox, "(sleep 3; echo alive > /build/alive) & exit 0", tmp_path)
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        assert not (tmp_path / "build/alive").exists()
        time.sleep(0.2)


def test_a_failing_step_shows_the_end_of_its_log(sandbox: Step, tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught:
        run(sandbox, "echo the compiler is unhappy; exit 7", tmp_path)
    assert "exit status 7" in caught.value.what
    assert "the compiler is unhappy" in caught.value.why


def test_cancelling_ends_a_step_at_once(sandbox: Step, tmp_path: Path) -> None:
    processes = Processes()
    timer = threading.Timer(0.5, processes.cancel)
    timer.start()
    with pytest.raises(StepError) as caught:
        Bubblewrap().run(
            replace(sandbox, script="sleep 600"), tmp_path / "log", processes, Limits()
        )
    timer.join()
    assert "SIGKILL" in caught.value.what


def test_refused_namespaces_say_what_to_do(
    sandbox: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real bubblewrap where the kernel's limit of user namespaces is used up.
    script = tmp_path / "limited"
    real = bubblewrap._bwrap().path()
    script.write_text(
        "#!/bin/sh\n"
        "exec unshare --user --map-root-user sh -c '\n"
        "echo 0 > /proc/sys/user/max_user_namespaces\n"
        f'exec {real} "$@"\' sh "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "_bwrap", lambda: Tool(str(script), "bubblewrap"))
    with pytest.raises(SandboxError) as caught:
        run(sandbox, "true", tmp_path)
    assert "sysctl" in caught.value.hint


def limited(sandbox: Step, tmp_path: Path, script: str, limits: Limits) -> Usage:
    return Bubblewrap().run(replace(sandbox, script=script), tmp_path / "log", Processes(), limits)


def test_a_step_that_takes_too_long_is_ended(sandbox: Step, tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught:
        limited(sandbox, tmp_path, "sleep 600 & sleep 600", Limits(seconds=0.5))
    assert "took longer than 0.5 s" in caught.value.what


def test_a_step_that_takes_too_much_memory_is_ended(sandbox: Step, tmp_path: Path) -> None:
    script = "head -c 400000000 /dev/zero | sort > /dev/null & sleep 60; wait"
    with pytest.raises(StepError) as caught:
        limited(sandbox, tmp_path, script, Limits(memory=100_000_000))
    assert "more than 0.1 GB of memory" in caught.value.what


def test_a_step_is_charged_for_all_its_processes(sandbox: Step, tmp_path: Path) -> None:
    loop = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    usage = limited(sandbox, tmp_path, f"({loop}) & ({loop}) & wait", Limits())
    alone = limited(sandbox, tmp_path, f"({loop})", Limits())
    assert usage.cpu > alone.cpu > 0
