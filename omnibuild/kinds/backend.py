"""The kind ``backend``: what builds an app's wheels, as a layer below the prefix."""

from __future__ import annotations

import os
import re
from importlib.metadata import distributions
from pathlib import Path

from omnibuild.execute.job import Job
from omnibuild.kinds.install import compiled
from omnibuild.kinds.wheel import BACKEND
from omnibuild.sources.archive import at_most
from omnibuild.sources.python.size import check_size
from omnibuild.sources.python.wheels import install_wheel, settle_modes
from omnibuild.store.results import Output

_COMMAND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_OBJECT = re.compile(r"[\w.]+\s*:\s*[\w.]+")


def write_commands(packages: Path, commands: Path) -> None:
    """Write the console scripts of installed wheels: backends call ninja, cmake and others.

    An entry point that nobody could call is left out, and missed by whoever calls it.

    Args:
        packages: the directory that they are installed in.
        commands: takes the scripts; what is there already stays.
    """
    # Of two that bring the same command it is always the same that counts.
    for installed in sorted(distributions(path=[str(packages)]), key=lambda each: each.name):
        for entry in installed.entry_points.select(group="console_scripts"):
            if not (_COMMAND.fullmatch(entry.name) and _OBJECT.fullmatch(entry.value)):
                continue
            command = commands / entry.name
            if os.path.lexists(command):
                continue
            command.parent.mkdir(exist_ok=True)
            # On PATH there is no other interpreter before the app's.
            command.write_text(
                "#!/usr/bin/env python3\nimport sys\n"
                f"from {entry.module} import {entry.attr.partition('.')[0]}\n"
                f"sys.exit({entry.attr}())\n"
            )
            command.chmod(0o755)


def run(job: Job) -> Output:
    """Unpack what builds wheels, with bytecode: an app is built often, its backend changes rarely.

    Inputs: ``root``, ``layer:NAME`` (the interpreter and what it needs), ``backend:FILE``
    (wheels of the build backend and its requirements).
    """
    job.log.unlink(missing_ok=True)
    upper = job.scratch / "tree" / "files"
    interpreter = os.path.relpath("bin/python3", BACKEND)
    for file_name, output in job.roles("backend").items():
        wheel = job.store.blob(output.digest)
        check_size(wheel, file_name, at_most(job.limits.unpacked))
        install_wheel(wheel, file_name, upper / BACKEND, ".", job.scratch, interpreter)
    write_commands(upper / BACKEND, upper / BACKEND / "bin")
    settle_modes(upper)
    return compiled(job, "the build backend", BACKEND)
