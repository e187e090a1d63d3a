"""What the quick commands load, rather than how long they take."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.cli.outcome import run as outcome
from omnibuild.cli.parser import COMMANDS, make_parser
from omnibuild.signing.creation import create_key
from tests.unit.repository.samples import USER_ID, package

HEAVY = ("msgspec", "rich", "requests", "pysequoia", "zstandard", "installer", "tomllib", "tarfile")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\nfrom omnibuild.cli.main import main\n"
        "try:\n    status = main(sys.argv[1:])\n"
        "except SystemExit as stop:\n    status = stop.code\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)\nsys.exit(status)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["build", "--help"], ["key", "create", "--help"]]
)
def test_quick_commands_load_nothing_heavy(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_publishing_a_deb_loads_what_debs_need(tmp_path: Path) -> None:
    create_key(tmp_path / "key", USER_ID)
    words = ["--repo", str(tmp_path / "repository"), "--key", str(tmp_path / "key")]
    assert run("publish", str(package(tmp_path)), *words).returncode == 0
    code = (
        "import sys\nfrom omnibuild.cli.main import main\nstatus = main(sys.argv[1:])\n"
        "heavy = ('omnibuild.package.formats', 'omnibuild.package.rpm', 'omnibuild.recipe.checks',"
        " 'omnibuild.payload.model', 'email', 'importlib.resources', 'packaging', 'socket')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(status)"
    )
    second = [sys.executable, "-c", code, "publish", str(package(tmp_path, "second")), *words]
    done = subprocess.run(second, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_command_alone_is_parsed_and_helped_as_among_all() -> None:
    every = make_parser()
    for word in COMMANDS:
        texts = []
        for parser in (every, make_parser(word.name.split())):
            with contextlib.redirect_stdout(io.StringIO()) as told, pytest.raises(SystemExit):
                parser.parse_args([*word.name.split(), "--help"])
            texts.append(told.getvalue())
        assert texts[0] == texts[1]


def test_every_command_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        ["build"],
        ["fetch"],
        ["lock"],
        ["publish"],
        ["key", "create"],
        ["root", "lock"],
    ):
        assert main([*command, "--help"]) == 0
        assert "examples:\n  omnibuild " in capsys.readouterr().out


def test_who_mistypes_is_told_what_is_close(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bulid"]) == 2
    assert capsys.readouterr().err.endswith("hint: did you mean 'build'?\n")
    assert main(["artifact", "rebild"]) == 2
    assert capsys.readouterr().err.endswith("hint: did you mean 'rebuild'?\n")
    assert main(["xyz"]) == 2
    assert "hint" not in capsys.readouterr().err


def test_without_a_word_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "omnibuild init" in capsys.readouterr().out


def test_a_wrong_flag_is_a_usage_error() -> None:
    done = run("build", "hello", "--platfrom", "x")
    assert done.returncode == 2
    assert "--platfrom" in done.stderr


OMNIBUILD = f"{sys.executable} -m omnibuild"


def shell(command: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    words = ["sh", "-c", command]
    return subprocess.run(
        words, capture_output=True, text=True, check=False, env=environment, cwd=directory
    )


@pytest.mark.parametrize(
    "words",
    [
        *("--version", "--help", "build --help", "cache --help"),
        *("schema recipe", "cache list --cache-dir store"),
    ],
)
def test_an_answer_that_cannot_be_written_is_one_error(words: str, tmp_path: Path) -> None:
    done = shell(f"{OMNIBUILD} {words} >/dev/full", tmp_path)
    assert done.returncode == 9
    assert done.stderr.startswith("error[host]: ")
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [("schema recipe >/dev/full", 9), ("build nosuch", 3), ("build --nosuch", 2), ("--help", 0)],
)
def test_where_no_error_can_be_told_the_status_tells_it(words: str, status: int) -> None:
    assert shell(f"{OMNIBUILD} {words} 2>/dev/full").returncode == status


@pytest.mark.parametrize(
    "words",
    [
        "cache list --cache-dir /proc/self/store",
        "cache gc --cache-dir /proc/self/fd",
        "plan hello --cache-dir /proc/self/task",
        "key create /proc/self/key",
    ],
)
def test_what_the_kernel_shows_of_itself_takes_nothing(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 9
    assert "nothing can be made there" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["--version", "schema recipe"])
def test_closed_streams_are_nothing_to_write_to(words: str) -> None:
    done = shell(f"{OMNIBUILD} {words} <&- >&- 2>&-")
    assert done.returncode == 0


def test_a_directory_that_is_gone_is_one_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(f"rmdir {gone}; {OMNIBUILD} key create k", gone)
    assert done.returncode == 9
    assert "does not exist any more" in done.stderr


def test_output_shows_and_does_not_obey_what_others_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parsed = make_parser().parse_args(["schema", "recipe"])

    def tell(_: object) -> int:
        sys.stdout.write("\x1b[2J\udce9 name\tof\n a file\n")
        return 0

    parsed.run = tell
    assert outcome(parsed, []) == 0
    assert capsys.readouterr().out == "\\x1b[2J\\udce9 name\tof\n a file\n"
