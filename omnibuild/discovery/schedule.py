"""What a project runs by the clock: the key ``cron`` of ``app.json``, as Dokku reads it.

Its schedules are those of crontab(5), and become what systemd reads.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from omnibuild.discovery.code import read_source
from omnibuild.discovery.findings import Findings, Found
from omnibuild.discovery.procfile import as_module, not_of_app, split
from omnibuild.recipe.running.calendar import NoCalendarError, check

_FIELDS = 5
_SHORTHANDS = {"@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"}
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


class NoScheduleError(ValueError):
    """A schedule of crontab that no calendar expression says."""


def read_schedule(directory: Path, found: Findings) -> None:
    """Add the timers of a project's ``app.json``, if it has some."""
    try:
        data = json.loads(read_source(directory / "app.json") or "{}")
    except (ValueError, RecursionError):
        return
    listed = data.get("cron") if isinstance(data, dict) else None
    for number, job in enumerate(listed if isinstance(listed, list) else ()):
        where = f"app.json: cron[{number}]"
        said = job if isinstance(job, dict) else {}
        words = split(str(said.get("command", "")))
        try:
            when = calendar_of(str(said.get("schedule", "")))
        except NoScheduleError as error:
            found.notes.append(f"{where}: {error}: it is left out")
            continue
        if not words:
            found.notes.append(f"{where}: its command takes a shell, and is left out")
            continue
        command = as_module(directory, words)
        if why := not_of_app(command):
            found.notes.append(f"{where}: it {why}, and is left out")
            continue
        name = _name(command, found)
        found.timers[name] = Found(shlex.join(command), where), Found(when, said["schedule"])


def _name(command: list[str], found: Findings) -> str:
    """Return a name for a job: its last word that is one, and none that is taken."""
    usable = [word for word in command if re.fullmatch(r"[a-z][a-z0-9_-]*", word.lower())]
    name = usable[-1].lower().replace("_", "-").strip("-") if usable else "job"
    taken = {*found.services, *found.timers, "web", "nginx"}
    return next(n for n in (name, *(f"{name}-{i}" for i in range(2, 1000))) if n not in taken)


def calendar_of(schedule: str) -> str:
    """Return a schedule of crontab as systemd's OnCalendar= has it.

    >>> calendar_of("*/15 8-18 * * 1-5")
    'Mon..Fri *-*-* 8..18:0/15'

    Raises :class:`NoScheduleError`.
    """
    if schedule in _SHORTHANDS:
        return schedule[1:].replace("annually", "yearly")
    fields = schedule.split()
    if len(fields) != _FIELDS:
        raise NoScheduleError(f"{schedule!r} is no schedule of crontab")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise NoScheduleError("no timer runs on days of the week and other days of the month")
    text = f"*-{_numbers(month, 1, _MONTHS)}-{_numbers(day, 1)} {_numbers(hour)}:{_numbers(minute)}"
    text = text if weekday == "*" else f"{_weekdays(weekday)} {text}"
    try:
        check(text)
    except NoCalendarError as error:
        raise NoScheduleError(f"{schedule!r} is no schedule of crontab") from error
    return text


def _numbers(field: str, first: int = 0, names: list[str] | None = None) -> str:
    for number, name in enumerate(names or (), 1):
        field = re.sub(rf"\b{name}\b", str(number), field.lower())
    return re.sub(r"\*/", f"{first}/", field.replace("-", "..")) if field != "*/1" else "*"


def _weekdays(field: str) -> str:
    named = re.sub(r"\b[0-7]\b", lambda day: _DAYS[int(day[0])], field).title()
    # In crontab a week begins on Sunday, here on Monday.
    if not re.fullmatch(r"[A-Z][a-z]{2}([,-][A-Z][a-z]{2})*", named) or "Sun-" in named:
        raise NoScheduleError(f"{field!r} does not name days of the week one by one")
    return named.replace("-", "..")
