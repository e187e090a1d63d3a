"""Calendar expressions: what is accepted is what systemd itself accepts, and comes."""

import random
import shutil
import subprocess

import pytest

from omnibuild.recipe.running.calendar import NoCalendarError, check

GOOD = (
    *("daily", "Weekly", "semiannually", "hourly UTC", "Mon..Fri 04:30", "sat,sunday 1:2:3"),
    *("*:0/15", "*-*-01 00:00:00", "*-02~01", "2028-02-29", "Mon *-*-1..7 06:00 UTC"),
    *("*-*-*  *:*:*", "1..2,4/2:0", "2030..2032-1-1"),
)
BAD = (
    *(
        "",
        " ",
        " daily",
        "UTC",
        "often",
        "24:00",
        "4",
        "*:60",
        "*:0/100",
        "*:0/0",
        "*/2:0",
        "Mon-Fri 4:00",
    ),
    *("Fri..Mon 4:00", "Mon,,Tue 4:00", "Mo 4:00", "*-13-01", "*-02-30", "*-*-0", "*-*~29"),
    *("2030-02-29", "Tue 2028-02-28", "2020-01-01", "1969-01-01", "2200-01-01", "5..5:00"),
    *("daily Europe/Berlin", "@0", "*-*-* 04:30\nPersistent=no", "0" * 300, "1," * 90 + "1:0"),
    *("99999:0", "*-*-* 4:30 4:30", "4:30;rm", "%i"),
)


@pytest.mark.parametrize("text", GOOD)
def test_times_that_come(text: str) -> None:
    check(text)


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_time_or_never_comes(text: str) -> None:
    with pytest.raises(NoCalendarError):
        check(text)


def number(draw: random.Random, low: int, high: int) -> str:
    if draw.random() < 0.25:
        return "*"
    text = str(draw.randint(max(0, low - 1), high + 2))
    if draw.random() < 0.3:
        text += f"..{draw.randint(low, high + 1)}"
    if draw.random() < 0.3:
        text += f"/{draw.randint(0, high)}"
    return text + (f",{draw.randint(low, high)}" if draw.random() < 0.2 else "")


def expression(draw: random.Random) -> str:
    parts = []
    if draw.random() < 0.4:
        parts.append(draw.choice(["Mon", "mon..fri", "Sat,Sun", "Tuesday", "Fri..Mon", "sun,tue"]))
    if draw.random() < 0.6:
        year = draw.choice(["", "*-", "2031-", "2024-", "2030..2032-", "2020/2-"])
        day = number(draw, 1, 31)
        parts.append(f"{year}{number(draw, 1, 12)}{draw.choice('---~')}{day}")
    if draw.random() < 0.6:
        second = draw.choice(["", f":{number(draw, 0, 59)}"])
        parts.append(f"{number(draw, 0, 23)}:{number(draw, 0, 59)}{second}")
    return " ".join(parts)


def is_accepted(text: str) -> bool:
    try:
        check(text)
    except NoCalendarError:
        return False
    return True


def test_systemd_accepts_whatever_is_accepted_here() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze: apt-get install systemd")
    draw = random.Random(7)  # noqa: S311 - the same ones each time
    texts = [text for _ in range(600) if is_accepted(text := expression(draw))]
    assert len(texts) > 100
    done = subprocess.run(
        ["systemd-analyze", "calendar", *texts, *GOOD],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "never" not in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("daily Europe/Berlin", "that time zone"),
        ("Mon 04:30 CET", "that time zone"),
        ("every monday", "it is not like"),
    ],
)
def test_what_is_wrong_with_a_time_is_said(text: str, said: str) -> None:
    with pytest.raises(NoCalendarError, match=said):
        check(text)
