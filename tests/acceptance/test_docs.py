"""README, tour and guides are true: every `console` block runs, and prints what it says.

A line that begins with `$ ` is a command; the lines below it must occur in its output, in that
order, `…` standing for anything. A block below a line with nothing but the name of a file in code
is written into that file before.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.products import CHECKOUT

DOCUMENTS = (
    "README.md",
    "docs/tour.md",
    "docs/guides/your-own-app.md",
    "docs/guides/services.md",
)
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Command:
    line: int
    text: str
    expected: list[str] = field(default_factory=list)


def commands(path: Path) -> Iterator[Command]:
    inside = False
    current: Command | None = None
    text = path.read_text()
    written = {text.count("\n", 0, found.start()) + 1: found for found in FILE.finditer(text)}
    for number, line in enumerate(text.splitlines(), start=1):
        if found := written.get(number):
            yield Command(number, f"cat > {found[1]} <<'END OF FILE'\n{found[2]}END OF FILE\n")
        if line.startswith("```"):
            inside = line == "```console"
            if current:
                yield current
            current = None
        elif inside and line.startswith("$ "):
            if current:
                yield current
            current = Command(number, line[2:])
        elif inside and current and current.text.endswith("\\"):
            current.text += f"\n{line}"
        elif inside and current and line.strip():
            current.expected.append(line)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_does_what_it_says(document: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # Where keys of the reader would be.
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    ran = 0
    for command in commands(CHECKOUT / document):
        done = subprocess.run(
            ["bash", "-euc", command.text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        place = f"{document}:{command.line}: $ {command.text}"
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{place}\n{output}"
        position = 0
        for line in command.expected:
            pattern = ".*?".join(re.escape(part) for part in line.strip().split("…"))
            found = re.compile(pattern).search(output, position)
            assert found, f"{place}\nsays {line!r}, prints:\n{output}"
            position = found.end()
        ran += 1
    assert ran


def test_documents_link_to_what_exists() -> None:
    for path in [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
