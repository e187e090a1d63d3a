"""The table of kinds: the serial of each is part of its keys.

Raise a serial whenever the kind's function produces other bytes for the same inputs; a golden
test notices when that was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

from omnibuild.execute.job import Job, Kind
from omnibuild.store.results import Output


def serials() -> Mapping[str, int]:
    """Return each kind's serial."""
    return {name: kind.serial for name, kind in all_kinds().items()}


def all_kinds() -> Mapping[str, Kind]:
    """Return the table for one run."""
    return {
        "fetch": Kind(serial=1, run=_fetching(), network=True),
        "snapshot": Kind(serial=1, run=_later("inputs", "run_snapshot")),
        "root": Kind(serial=1, run=_later("inputs", "run_root")),
        "image": Kind(serial=1, run=_later("inputs", "run_image"), network=True),
        "component": Kind(serial=1, run=_later("component", "run_component")),
        "backend": Kind(serial=1, run=_later("wheel", "run_backend")),
        "wheel": Kind(serial=1, run=_later("wheel", "run_wheel")),
        "install": Kind(serial=1, run=_later("wheel", "run_install")),
        "place": Kind(serial=3, run=_later("place", "run_place")),
        "payload": Kind(serial=7, run=_later("assemble", "run_payload")),
        "audit": Kind(serial=1, run=_later("assemble", "run_audit")),
        "package": Kind(serial=1, run=_later("package", "run_package")),
    }


def _later(module: str, function: str) -> Callable[[Job], Output]:
    """Return a function of ``omnibuild.kinds`` that is imported when it is first called.

    What is in the store already runs nothing: then HTTP, archives and packages need not be loaded.
    """

    def run(job: Job) -> Output:
        output: Output = getattr(import_module(f"omnibuild.kinds.{module}"), function)(job)
        return output

    return run


def _fetching() -> Callable[[Job], Output]:
    """Return the kind ``fetch`` of one run, which remembers hosts that do not answer."""

    @cache
    def fetching() -> Callable[[Job], Output]:
        run: Callable[[Job], Output] = import_module("omnibuild.kinds.inputs").Fetching().run
        return run

    return lambda job: fetching()(job)
