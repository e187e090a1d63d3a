"""No option is taken and then passed over."""

import argparse
import re
from pathlib import Path

import pytest

from omnibuild.cli.commands import plan
from omnibuild.cli.common import settings_from
from omnibuild.cli.parser import COMMANDS, make_parser
from omnibuild.errors import UsageError

ROOM = Path(plan.__file__).parent
# Options that all commands share, and where they are read.
SHARED = (ROOM.parent / "common.py").read_text()


def options(command: object) -> set[str]:
    parser = argparse.ArgumentParser(add_help=False)
    command.fill(parser)  # type: ignore[attr-defined]
    return {action.dest for action in parser._actions}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_option_of_a_command_is_read(command: object) -> None:
    name = command.name  # type: ignore[attr-defined]
    text = (ROOM / f"{name.partition(' ')[0]}.py").read_text()
    if "settings_from(" in text:
        text += SHARED
    if "showing(" in text:
        text += SHARED
    unread = {
        option
        for option in options(command)
        if not re.search(rf"arguments\.{option}\b|\"{option.replace('_', '[-_]')}\"", text)
    }
    assert not unread


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_store_and_cores_are_options_of_who_uses_them(command: object) -> None:
    name = command.name  # type: ignore[attr-defined]
    keys = {f"key {word}" for word in ("create", "announce", "switch", "drop", "list")}
    without = {"audit", "publish", "remove", *keys, "root lock", "schema"}
    without |= {"software list", "software show", "artifact diff", "artifact inspect"}
    without |= {"repo list", "repo log", "repo promote", "repo demote", "repo yank", "repo check"}
    without |= {
        "repo gc",
        "repo repair",
        "repo resign",
        "repo contents",
        "repo pointers",
        "repo import",
    }
    assert ("cache_dir" in options(command)) is (name not in without)
    cores = {"init", "build", "fetch", "lock", "shell", "artifact rebuild", "cache verify"}
    assert ("jobs" in options(command)) is (name in cores)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build", "hello", "--trust", "key"], "--trust needs a remote cache"),
        (["build", "hello", "--push"], "--push needs a remote cache"),
        (["build", "hello", "--sign-with", "key"], "--sign-with signs what is pushed"),
        (["build", "hello", "--remote", "/r", "--sign-with", "key"], "--sign-with signs what is"),
        (["plan", "hello", "--trust", "key"], "--trust needs a remote cache"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMNIBUILD_REMOTE", raising=False)
    with pytest.raises(UsageError, match=said):
        settings_from(make_parser().parse_args(words))


def test_a_plan_is_shown_in_one_way() -> None:
    parsed = make_parser().parse_args(["plan", "hello", "--json", "--graph", "svg"])
    with pytest.raises(UsageError, match="two ways"):
        plan.run(parsed)


def test_a_second_recipe_is_refused_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["build", "one", "two"])
    said = capsys.readouterr().err
    assert "unrecognized arguments: two\n  hint: that is more than the command takes" in said
    with pytest.raises(SystemExit):
        make_parser().parse_args(["build", "--nonesuch"])
    assert "hint" not in capsys.readouterr().err
