"""Rules about ``[timers.NAME]``."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Timer
from omnibuild.recipe.running import calendar
from omnibuild.recipe.running.calendar import NoCalendarError
from omnibuild.recipe.running.commands import command_faults
from omnibuild.recipe.validate import quoted


def timer_faults(name: str, timer: Timer, *, python: bool) -> Iterator[Fault]:
    """Yield what is wrong with a timer.

    Args:
        name: the timer's.
        timer: its table.
        python: whether the app has an interpreter.
    """
    yield from command_faults(("timers", name, "command"), timer.command, python=python)
    try:
        calendar.check(timer.calendar)
    except NoCalendarError as error:
        what = f"{quoted(timer.calendar)} is no time that comes: {error}"
        hint = "what it means on a host: systemd-analyze calendar"
        yield Fault(("timers", name, "calendar"), what, hint)
