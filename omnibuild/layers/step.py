"""A step in the root with the layers of components beneath, in an environment of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omnibuild.execute.job import Job
from omnibuild.execute.sandbox.step import Step
from omnibuild.layers.environment import build_environment
from omnibuild.payload.placing import LOGICAL_PREFIX


def layered_step(
    job: Job,
    what: str,
    script: str,
    upper: Path | None,
    above: tuple[Path, ...] = (),
    directory: str = "",
) -> Step:
    """Return a step in the job's root with its layers beneath, and ``above`` on top of them.

    Args:
        job: has inputs ``root`` and ``layer:NAME``.
        what: names the step in an error.
        script: shell text.
        upper: directory that takes what is written below the prefix; none: read-only.
        above: directories that lie over the layers.
        directory: where it runs; in the unpacked source, if there is one, when empty.
    """
    build, work = job.scratch / "build", job.scratch / "work"
    build.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    layers = tuple(
        job.store.tree_directory(output.digest) for output in job.roles("layer").values()
    )
    return Step(
        what=what,
        script=script,
        root=job.tree("root"),
        root_identity=job.inputs["root"].key_digest,
        build=build,
        prefix=LOGICAL_PREFIX,
        layers=(*layers, *above),
        upper=upper,
        work=work,
        environment=build_environment(job.action.parameters["environment"], job.cores),
        directory=directory or ("/build/src" if (build / "src").is_dir() else "/build"),
    )


def in_turn(steps: Sequence[str], build: Path) -> list[str]:
    """Return lines that run steps one after the other, each in a shell of its own.

    Args:
        steps: shell texts.
        build: directory that is ``/build`` inside; the texts are put there, to be looked at.
    """
    build.mkdir(exist_ok=True)
    lines = []
    for number, step in enumerate(steps, start=1):
        (build / f"step-{number}.sh").write_text(step)
        lines.append(f"echo '>>> step {number}'")
        lines.append(f"/bin/sh -eux /build/step-{number}.sh")
    return lines
