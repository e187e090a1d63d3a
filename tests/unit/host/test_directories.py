"""The directories of an app are made by whichever of its services starts first."""

import getpass
import shutil
import subprocess
from pathlib import Path

from hypothesis import settings

from omnibuild.host.layout import Layout
from omnibuild.host.users import directories

# As often as there are examples: many times to certify.
TOGETHER, ROUNDS = 6, settings.default.max_examples


def test_services_that_start_together_all_start(tmp_path: Path) -> None:
    layout = Layout("shop", getpass.getuser(), "")
    program = directories(layout)
    for place in (layout.state, layout.logs, layout.runtime):
        program = program.replace(place, f"{tmp_path}/made{place.replace('/', '-')}")
    (tmp_path / "program").write_text(program)
    for _ in range(ROUNDS):
        call = ["/bin/sh", tmp_path / "program"]
        running = [
            subprocess.Popen(call, stderr=subprocess.PIPE, text=True) for _ in range(TOGETHER)
        ]
        ended = [(each.communicate()[1], each.returncode) for each in running]
        assert ended == [("", 0)] * TOGETHER
        made = list(tmp_path.glob("made*"))
        assert [path.stat().st_mode & 0o777 for path in made] == [0o750] * 3
        for path in made:
            shutil.rmtree(path)
