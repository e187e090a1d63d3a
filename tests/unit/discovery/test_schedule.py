"""Schedules of crontab, and what of them systemd can be told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from omnibuild.discovery.findings import Findings
from omnibuild.discovery.schedule import NoScheduleError, calendar_of, read_schedule

WHEN = [
    ("@daily", "daily"),
    ("@annually", "yearly"),
    ("30 3 * * *", "*-*-* 3:30"),
    ("*/15 8-18/2 * * 1-5", "Mon..Fri *-*-* 8..18/2:0/15"),
    ("0 0 1,15 jan-Mar *", "*-1..3-1,15 0:0"),
    ("5 4 */2 * *", "*-*-1/2 4:5"),
    ("0 9 * * 0,sat", "Sun,Sat *-*-* 9:0"),
    ("0 9 * * 5-7", "Fri..Sun *-*-* 9:0"),
]


@pytest.mark.parametrize(("schedule", "calendar"), WHEN)
def test_schedules(schedule: str, calendar: str) -> None:
    assert calendar_of(schedule) == calendar
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


@pytest.mark.parametrize(
    "schedule",
    ["", "@reboot", "* * * *", "61 * * * *", "0 0 1 * 1", "0 0 * * 0-3", "0 0 31 2 *", "x y z 1 2"],
)
def test_what_is_no_schedule_is_told(schedule: str, tmp_path: Path) -> None:
    with pytest.raises(NoScheduleError):
        calendar_of(schedule)
    text = f'{{"cron": [{{"command": "tidy", "schedule": "{schedule}"}}, 3]}}'
    (tmp_path / "app.json").write_text(text)
    found = Findings()
    read_schedule(tmp_path, found)
    assert not found.timers
    assert [note.partition(":")[0] for note in found.notes] == ["app.json", "app.json"]


def test_jobs_have_names_of_their_own(tmp_path: Path) -> None:
    jobs = ["flask Send_Mail --all", "flask send_mail", "run it | grep x"]
    listed = ", ".join(f'{{"command": "{job}", "schedule": "@hourly"}}' for job in jobs)
    (tmp_path / "app.json").write_text(f'{{"cron": [{listed}]}}')
    found = Findings()
    read_schedule(tmp_path, found)
    assert {name: command.value for name, (command, _) in found.timers.items()} == {
        "send-mail": jobs[0],
        "send-mail-2": jobs[1],
    }
    assert len(found.notes) == 1
