"""The text of what keeps packages current: every shell can parse it, and its functions of words."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from functools import cmp_to_key
from pathlib import Path

import pytest

from omnibuild.package.versions import compare_debs
from omnibuild.repository.clients.updater import files, program
from tests.unit.repository.samples import assert_golden
from tests.unit.repository.test_installer import SHELLS, run

NAME = "shop-packages-1a2b3c4d"
FAMILIES = pytest.mark.parametrize("family", ["apt", "dnf", "tarball"])
SHELL = pytest.mark.parametrize("shell", SHELLS, ids=" ".join)


def text(family: str = "apt") -> str:
    return program(NAME, "Shop packages", family)


def functions(
    shell: list[str], script: str, family: str = "apt"
) -> subprocess.CompletedProcess[str]:
    """Run a script that has the functions of the program."""
    return run(shell, text(family).replace('{ main "$@"; }', script))


@FAMILIES
def test_golden(family: str) -> None:
    assert_golden(f"update-{family}.sh", text(family))


def test_golden_units() -> None:
    made = files(NAME, "100% Shop", "apt")
    units = {path.rpartition(".")[2]: made[path] for path in made if "@" in path}
    assert units.keys() == {"service", "timer"}
    assert "Description=Keep %i current from 100%% Shop\n" in units["service"]
    for kind, unit in units.items():
        assert_golden(f"update.{kind}", unit)


@FAMILIES
@SHELL
def test_shells_parse_it(family: str, shell: list[str], tmp_path: Path) -> None:
    path = tmp_path / "update.sh"
    path.write_text(text(family))
    done = subprocess.run([*shell, "-n", path], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@SHELL
def test_help(shell: list[str]) -> None:
    done = run(shell, text(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {NAME}-update COMMAND PACKAGE")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ([], "a command is missing"),
        (["update"], "unknown command update"),
        (["run"], "which package?"),
        (["run", "a", "b"], "one package at a time"),
        (["run", "../a"], "no package can be called"),
        (["run", "--bogus", "a"], "unknown option --bogus"),
        (["run", "a", "--every", "1h"], "--every is for enable"),
        (["enable", "a", "--every"], "--every needs a value"),
        (
            ["enable", "a", "--url", "https://x"],
            "unknown option --url",
        ),
        (["enable", "a", "--window", "x\ny"], "it must be one line"),
    ],
)
def test_mistakes_have_exact_causes(arguments: list[str], cause: str) -> None:
    for shell in SHELLS:
        done = run(shell, text(), *arguments)
        assert done.returncode == 2
        assert cause in done.stderr
        assert done.stdout == ""


def calendar(every: str, window: str) -> list[str]:
    """Return what the timer says, which all shells agree on."""
    script = f"every={every} window={shlex.quote(window)}; check_schedule; calendar"
    said = {functions(shell, script).stdout for shell in SHELLS}
    assert len(said) == 1, said
    return said.pop().replace("OnCalendar=", "").splitlines()


@pytest.mark.parametrize(
    ("every", "window", "expected"),
    [
        ("15m", "", ["*:00/15"]),
        ("4h", "", ["00/4:00"]),
        ("1d", "", ["00:00"]),
        ("1h", "02:00-05:00", ["02:00", "03:00", "04:00"]),
        ("1d", "Mon..Fri 02:30-05:00", ["Mon..Fri 02:30"]),
        # After midnight it is another day; that it is the right one the program sees to.
        ("1h", "Sat,Sun 22:00-01:00", ["Sat,Sun 22:00", "Sat,Sun 23:00", "00:00"]),
    ],
)
def test_the_timer_fires_in_the_window(every: str, window: str, expected: list[str]) -> None:
    found = calendar(every, window)
    assert found == expected
    for each in found:
        done = subprocess.run(
            ["systemd-analyze", "calendar", each], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("every", "window"),
    [
        *((every, "") for every in ("", "7m", "60m", "5h", "2d", "hourly", "0h", "08m", "1h;id")),
        *(
            ("1h", window)
            for window in (
                *("2:00-5:00", "02:00", "25:00-26:00", "Mon", "Mon-Fri 02:00-05:00", "02:00-"),
                *("Mon..Xyz 02:00-05:00", "mon 02:00-05:00", "Mon 02:00-05:00 x", "02:60-03:00"),
            )
        ),
    ],
)
def test_other_schedules_are_refused(every: str, window: str) -> None:
    quoted = f"every={shlex.quote(every)} window={shlex.quote(window)}"
    for shell in SHELLS:
        done = functions(shell, f"{quoted}; check_schedule; echo taken")
        assert (done.returncode, done.stdout) == (2, ""), done.stderr


@pytest.mark.parametrize(
    ("window", "moment", "inside"),
    [
        ("", "7 12:00", True),
        ("02:00-05:00", "3 02:00", True),
        ("02:00-05:00", "3 04:59", True),
        ("02:00-05:00", "3 05:00", False),
        ("02:00-05:00", "3 01:59", False),
        ("Mon..Fri 02:00-05:00", "5 03:00", True),
        ("Mon..Fri 02:00-05:00", "6 03:00", False),
        ("Fri..Mon 02:00-05:00", "7 03:00", True),
        ("Mon,Wed 08:09-09:08", "3 08:30", True),
        # The window that began on Friday.
        ("Mon..Fri 22:00-04:00", "6 03:59", True),
        ("Mon..Fri 22:00-04:00", "1 03:00", False),
        ("Sun 22:00-04:00", "1 03:00", True),
        ("20:00-24:00", "1 23:59", True),
        ("20:00-24:00", "1 00:00", False),
    ],
)
def test_the_window_holds(window: str, moment: str, inside: bool) -> None:
    script = (
        f"every=1h window={shlex.quote(window)}; check_schedule\n"
        f"if in_window {moment}; then echo in; else echo out; fi"
    )
    for shell in SHELLS:
        assert functions(shell, script).stdout == ("in\n" if inside else "out\n")


@pytest.mark.parametrize(
    ("before", "versions", "failed", "target"),
    [
        ("1.0-1", "1.0-1", "", "1.0-1"),
        ("1.0-1", "1.0-1 2.0-1 10.0-1", "", "10.0-1"),
        # The channel went back.
        ("3.0-1", "1.0-1 2.0-1", "", "2.0-1"),
        ("2.0-1", "3.0-1 2.0-1 1.0-1", "3.0-1", "2.0-1"),
        ("2.0-1", "4.0-1 3.0-1 2.0-1", "3.0-1", "4.0-1"),
        # 2.0 was yanked, 3.0 failed here.
        ("2.0-1", "3.0-1 1.0-1", "3.0-1", "1.0-1"),
        # What the channel went back to failed: nothing before that is tried.
        ("3.0-1", "2.0-1 1.0-1", "2.0-1", "3.0-1"),
        ("3.0-1", "2.0-1", "2.0-1", "3.0-1"),
        # What failed is installed, as the way back was barred.
        ("2.0-1", "2.0-1 1.0-1", "2.0-1", "1.0-1"),
        ("1:1.0-1", "2.0-1 1:1.0-1", "", "1:1.0-1"),
        ("2.0-1", "2.0~rc1-1 2.0-1", "", "2.0-1"),
    ],
)
@FAMILIES
def test_what_is_to_be_installed(
    family: str, before: str, versions: str, failed: str, target: str, tmp_path: Path
) -> None:
    (tmp_path / "failed").write_text("".join(f"{each}\n" for each in failed.split()))
    script = f'records={tmp_path} before={before}\nchoose {versions}\necho "$target"'
    done = functions(["dash"], script.replace("\n", "; PATH=/usr/bin:/bin; ", 1), family)
    assert done.stdout == f"{target}\n", done.stderr


@SHELL
def test_versions_are_in_the_order_of_dpkg(shell: list[str]) -> None:
    """Also on hosts of tarballs, which have no dpkg."""
    parts = ["1.0", "1.0-1", "1.0-2", "1.0.1-1", "1.0~rc1-1", "1.0~~dev3-1", "1.0+post1-1", "2:0.1"]
    parts += [
        "10.0-1",
        "1.9-1",
        "1.0a-1",
        "1.0-1~deb11",
        "1:1.0-1",
        "1.0.a-1",
        "1.0-a-1",
        "01.00-3",
    ]
    parts.sort(key=cmp_to_key(compare_debs))
    pairs = [*itertools.pairwise(parts), *itertools.pairwise(reversed(parts))]
    lines = (f"if newer '{a}' '{b}'; then echo yes; else echo no; fi" for a, b in pairs)
    said = functions(
        shell, "PATH=/usr/bin:/bin\n" + "\n".join(lines), "tarball"
    ).stdout.splitlines()
    expected = ["yes" if compare_debs(a, b) > 0 else "no" for a, b in pairs]
    assert [x for x in zip(pairs, said, expected, strict=True) if x[1] != x[2]] == []


def test_settings_are_read_and_never_run(tmp_path: Path) -> None:
    file = tmp_path / "shop.conf"
    file.write_text(
        "# every = 4h\nevery = 15m  \nwindow=$(touch hurt)\nhealth-command =\n"
        "health-command = twice\nreport-command = a = b `id`\n"
    )
    script = (
        f"settings={file}\n"
        "for name in every window health-command report-command health-seconds; do\n"
        '    echo "$(setting $name)|"\ndone'
    )
    for shell in SHELLS:
        said = functions(shell, script).stdout.splitlines()
        assert said == ["15m|", "$(touch hurt)|", "|", "a = b `id`|", "|"]


def test_settings_that_others_may_write_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "shop.conf"
    file.write_text("every = 1h\nhealth-seconds = 1\nhealth-limit = 1\n")
    script = f"wanted=shop settings={file}; PATH=/usr/bin:/bin; read_settings; echo read"
    file.chmod(0o644)
    assert functions(["dash"], script).stdout in ("read\n", "")
    file.chmod(0o664)
    done = functions(["dash"], script)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"must be root's, and nobody else may write it", done.stderr)
