"""``omnibuild why``: what it says does not contradict itself."""

from __future__ import annotations

import pytest

from omnibuild.cli.commands.why import _lines
from omnibuild.plan.decisions import Decision, Verdict
from omnibuild.plan.reasons import FIRST, GONE, Reason
from omnibuild.store.history import LastRun
from omnibuild.workbench.examine import Explanation

NAME = "component:zlib@bullseye/amd64"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (FIRST, "it was built here for the first time 20"),
        (GONE, ", and the reason was: its output is gone from the store"),
        (Reason("changed: flags"), ", and the reason was: changed: flags"),
    ],
)
def test_what_is_up_to_date_was_built(reason: Reason, said: str) -> None:
    last = LastRun("ab" * 32, 1.0, 1_700_000_000.0, reason.to_data())
    (line,) = _lines(Explanation(Decision(NAME, "component", Verdict.HIT), last))
    assert line.startswith(f"{NAME} is up to date; it ")
    assert said in line
    assert "never built" not in line
