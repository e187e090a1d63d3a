"""What only the real bubblewrap does."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.errors import SandboxError, StepError
from omnibuild.execute import processes as watching
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox import bubblewrap
from omnibuild.execute.sandbox.bubblewrap import Bubblewrap
from omnibuild.execute.sandbox.step import Step
from omnibuild.plan.graph import Limits
from omnibuild.tools import Tool


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
    step = replace(sandbox, script="true")
    with pytest.raises(SandboxError) as caught:
        Bubblewrap().run(step, tmp_path / "log", Processes(), Limits())
    assert "sysctl" in caught.value.hint


def test_a_step_that_forks_without_end_is_ended(
    sandbox: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PROCESSES_AT_MOST", 20)
    script = "i=0; while [ $i -lt 60 ]; do sleep 60 & i=$((i+1)); done; wait"
    with pytest.raises(StepError) as caught:
        Bubblewrap().run(replace(sandbox, script=script), tmp_path / "log", Processes(), Limits())
    assert "more than 20 processes" in caught.value.what


def test_nothing_is_left_of_what_was_only_tried() -> None:
    code = (
        "import os\n"
        "from omnibuild.execute.sandbox.bubblewrap import adopt_orphans\n"
        "from omnibuild.execute.sandbox.bubblewrap import require_namespaces\n"
        "adopt_orphans()\n"
        "require_namespaces()\n"
        "try:\n    print(os.waitpid(-1, os.WNOHANG))\n"
        "except ChildProcessError:\n    print('no child')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "no child\n"
