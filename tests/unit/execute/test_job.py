"""What a step is lent while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.execute.job import Job
from omnibuild.execute.jobserver import FIFO_NAME, JobServer
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.step import Step, Usage
from omnibuild.plan.graph import Action, Limits
from omnibuild.store.store import Store


class Watching:
    """A sandbox that runs nothing, and looks whether another action could start meanwhile."""

    name = "watching"

    def __init__(self, server: JobServer) -> None:
        self.server = server
        self.started: list[int] = []
        self.fifos: list[bool] = []

    def run(self, step: Step, log: Path, processes: Processes, limits: Limits) -> Usage:
        self.fifos.append((step.build / FIFO_NAME).exists())
        # Less urgent than the step.
        self.started.append(self.server.acquire([0.0]))
        for _ in range(self.started[-1]):
            self.server.release()
        return Usage(1.0, 1)


@pytest.mark.parametrize("alone", [True, False])
def test_a_step_that_starts_no_jobs_keeps_no_core_from_others(tmp_path: Path, alone: bool) -> None:
    build = tmp_path / "build"
    build.mkdir()
    server = JobServer(2)
    sandbox = Watching(server)
    job = Job(
        action=Action("install:a", "install"),
        inputs={},
        store=Store(tmp_path / "cache"),
        scratch=tmp_path,
        log=tmp_path / "log",
        cores=2,
        processes=Processes(),
        progress=lambda done, total: None,
        sandbox=sandbox,  # type: ignore[arg-type]
        jobserver=server,
        priority=9.0,
    )
    step = Step(
        what="compiling",
        script="true",
        root=tmp_path,
        root_identity="",
        build=build,
        prefix="/p",
        layers=(),
        upper=None,
        work=tmp_path,
        environment={},
        directory="/build",
    )
    with server:
        assert server.acquire([9.0]) == 1  # the job's own
        job.run(step, alone=alone)
    assert sandbox.fifos == [not alone]
    if alone:
        assert sandbox.started == [1]
    assert job.usage.cpu == 1.0
