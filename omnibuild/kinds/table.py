"""The table of kinds: the serial of each is part of its keys.

Raise a serial whenever the kind's function produces other bytes for the same inputs; a golden
test notices when that was forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping

from omnibuild.execute.job import Kind
from omnibuild.kinds.assemble import run_audit, run_payload, run_place
from omnibuild.kinds.component import run_component
from omnibuild.kinds.inputs import Fetching, run_root, run_snapshot
from omnibuild.kinds.package import run_package
from omnibuild.kinds.wheel import run_install, run_wheel


def all_kinds() -> Mapping[str, Kind]:
    """Return the table for one run."""
    return {
        "fetch": Kind(serial=1, run=Fetching().run, network=True),
        "snapshot": Kind(serial=1, run=run_snapshot),
        "root": Kind(serial=1, run=run_root),
        "component": Kind(serial=1, run=run_component),
        "wheel": Kind(serial=1, run=run_wheel),
        "install": Kind(serial=1, run=run_install),
        "place": Kind(serial=1, run=run_place),
        "payload": Kind(serial=3, run=run_payload),
        "audit": Kind(serial=1, run=run_audit),
        "package": Kind(serial=1, run=run_package),
    }
