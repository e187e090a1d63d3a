"""What the quick commands load, rather than how long they take."""

import subprocess
import sys

import pytest

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


def test_every_command_shows_examples() -> None:
    for command in (
        ["build"],
        ["fetch"],
        ["lock"],
        ["publish"],
        ["key", "create"],
        ["root", "lock"],
    ):
        done = run(*command, "--help")
        assert done.returncode == 0, done.stderr
        assert "examples:\n  omnibuild " in done.stdout


def test_a_wrong_flag_is_a_usage_error() -> None:
    done = run("build", "hello", "--platfrom", "x")
    assert done.returncode == 2
    assert "--platfrom" in done.stderr
