"""Commands that messages tell people to type exist."""

from __future__ import annotations

import re
from pathlib import Path

import omnibuild
from omnibuild.cli import parser

# After what a message is: in backticks, after a colon, after "run".
COMMAND = re.compile(r"(?:`|: |run )omnibuild ([a-z]+)")


def test_commands_in_messages_exist() -> None:
    words = {command.name.split()[0] for command in parser.COMMANDS}
    room = Path(omnibuild.__file__).parent
    found = {
        (word, path.name)
        for path in room.rglob("*.py")
        for word in COMMAND.findall(path.read_text())
    }
    assert len(found) > 10
    assert [(word, file) for word, file in sorted(found) if word not in words] == []
