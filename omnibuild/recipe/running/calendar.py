"""Calendar expressions of timers, as systemd reads them in ``OnCalendar=``.

What is understood is what every systemd from Debian 11's on understands: shorthands, days of the
week, dates, times, lists, ranges and repetitions, and ``UTC``. Other time zones are refused: hosts
need not have their data, and then no timer starts.
"""

from __future__ import annotations

import calendar
import contextlib
from dataclasses import dataclass
from datetime import date

from omnibuild.patterns import regex

_SHORTHANDS = {"minutely", "hourly", "daily", "weekly", "monthly"}
_SHORTHANDS |= {"quarterly", "semiannually", "yearly", "annually"}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = r"(?:\*|[0-9./,]+)"
_EXPRESSION = regex(
    r"(?:(?P<days>[a-z.,]+)(?:\s+|$))?"
    rf"(?:(?:(?P<year>{_NUMBERS})-)?(?P<month>{_NUMBERS})(?P<from_end>[-~])(?P<day>{_NUMBERS})"
    r"(?:\s+|$))?"
    rf"(?:(?P<hour>{_NUMBERS}):(?P<minute>{_NUMBERS})(?::(?P<second>{_NUMBERS}))?)?"
)
_ZONE = regex(r"\s[a-z]+[/_+-]?[a-z0-9/_+-]*$")
_ITEM = regex(r"([0-9]{1,4})(?:\.\.([0-9]{1,4}))?(?:/([0-9]{1,4}))?")
_LONGEST = 200
_MOST_ITEMS = 60
_ABBREVIATED = 3
# Nothing is built for the time before.
_FIRST_YEAR, _LAST_YEAR = 2025, 2199


class NoCalendarError(ValueError):
    """A text is no calendar expression that all hosts understand."""


@dataclass(frozen=True)
class _Part:
    """A part of a date or time, and the values it can have."""

    name: str
    lowest: int
    highest: int


_PARTS = (
    _Part("year", 1970, _LAST_YEAR),
    _Part("month", 1, 12),
    _Part("hour", 0, 23),
    _Part("minute", 0, 59),
    _Part("second", 0, 59),
)
_DAYS_OF_MONTH = _Part("day", 1, 31)
# As systemd counts them from the last one, which is 1.
_DAYS_FROM_END = _Part("day", 1, 28)


def check(text: str) -> None:
    """Raise :class:`NoCalendarError` unless ``text`` says when, and that time comes.

    >>> check("Mon..Fri 04:30")
    >>> check("*-02-30")
    Traceback (most recent call last):
    NoCalendarError: that day never comes
    """
    if len(text) > _LONGEST:
        raise NoCalendarError(f"it is longer than {_LONGEST} characters")
    words = text.lower()
    if words.endswith(" utc"):
        words = words.removesuffix("utc").rstrip()
    if words in _SHORTHANDS:
        return
    found = _EXPRESSION.fullmatch(words)
    # "every monday" ends with no zone.
    zone = _ZONE.search(words)
    if zone and _is_known(words[: zone.start()]):
        raise NoCalendarError("hosts need not know that time zone: say none, or UTC")
    if not words or not found:
        raise NoCalendarError("it is not like `daily`, `Mon..Fri 04:30` or `*-*-01 00:00:00`")
    days = _days(found["days"]) if found["days"] else set(range(len(_WEEKDAYS)))
    from_end = found["from_end"] == "~"
    values = {
        part.name: _values(found[part.name] or "*", part)
        for part in (*_PARTS, _DAYS_FROM_END if from_end else _DAYS_OF_MONTH)
    }
    if not _comes(days, values["year"], values["month"], values["day"], from_end=from_end):
        raise NoCalendarError("that day never comes")


def _is_known(words: str) -> bool:
    found = _EXPRESSION.fullmatch(words)
    if words in _SHORTHANDS or not found:
        return words in _SHORTHANDS
    with contextlib.suppress(NoCalendarError):
        return not found["days"] or bool(_days(found["days"]))
    return False


def _days(text: str) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        first, dots, last = item.partition("..")
        start, end = _day(first), _day(last if dots else first)
        if start > end:
            raise NoCalendarError(f"{item!r} ends before it begins")
        found |= set(range(start, end + 1))
    return found


def _day(name: str) -> int:
    for number, day in enumerate(_WEEKDAYS):
        if name in (day, day[:_ABBREVIATED]):
            return number
    raise NoCalendarError(f"{name!r} is no day of the week")


def _values(text: str, part: _Part) -> set[int]:
    """Return the values that a list stands for."""
    if text == "*":
        return set(range(part.lowest, part.highest + 1))
    items = text.split(",")
    if len(items) > _MOST_ITEMS:
        raise NoCalendarError(f"there are more than {_MOST_ITEMS} values of the {part.name}")
    return {value for item in items for value in _item(item, part)}


def _item(text: str, part: _Part) -> range:
    found = _ITEM.fullmatch(text)
    if not found:
        raise NoCalendarError(f"{text!r} is no {part.name}")
    first = int(found[1])
    last = int(found[2] or (first if found[3] is None else part.highest))
    step = int(found[3] or 1)
    for value in (first, last):
        if not part.lowest <= value <= part.highest:
            raise NoCalendarError(
                f"{value} is no {part.name}, they are {part.lowest} to {part.highest}"
            )
    if last < first or (found[2] and last == first):
        raise NoCalendarError(f"{text!r} does not end after it begins")
    # As systemd refuses it; of days that are counted from the end, it does so differently.
    if found[3] is not None and (step == 0 or first + step > last or part is _DAYS_FROM_END):
        raise NoCalendarError(f"{text!r} does not repeat within the range of the {part.name}")
    return range(first, last + 1, step)


def _comes(
    weekdays: set[int], years: set[int], months: set[int], days: set[int], *, from_end: bool
) -> bool:
    """Tell whether one of the days is in a calendar."""
    for year in sorted(years):
        if year < _FIRST_YEAR:
            continue
        for month in months:
            length = calendar.monthrange(year, month)[1]
            numbers = {length + 1 - day for day in days} if from_end else days
            if any(
                1 <= day <= length and date(year, month, day).weekday() in weekdays
                for day in numbers
            ):
                return True
    return False
