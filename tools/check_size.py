"""Fail when a module, a function or a room grows too big: no newcomer reads it then."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MODULE_LINES = 300
FUNCTION_LINES = 50
ROOM_MODULES = 12

# Excuses, each with its reason.
EXCUSED: dict[str, str] = {
    "omnibuild/kinds": "one module for each kind of action, called like it",
    "omnibuild/cli/commands": "one module for each command: a list to look up in, not to read",
}


def main() -> int:
    package = Path(__file__).resolve().parent.parent / "omnibuild"
    problems = []
    for path in sorted(package.rglob("*.py")):
        name = str(path.relative_to(package.parent))
        problems += [p for p in _module_problems(path, name) if p.split(":")[0] not in EXCUSED]
    for room in sorted({path.parent for path in package.rglob("*.py")}):
        count = sum(1 for path in room.glob("*.py") if not path.name.startswith("__"))
        name = str(room.relative_to(package.parent))
        if count > ROOM_MODULES and name not in EXCUSED:
            problems.append(f"{name}: {count} modules, at most {ROOM_MODULES}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _module_problems(path: Path, name: str) -> list[str]:
    text = path.read_text()
    lines = len(text.splitlines())
    problems = [f"{name}: {lines} lines, at most {MODULE_LINES}"] if lines > MODULE_LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                problems.append(
                    f"{name}:{node.lineno}: {node.name} has {length} lines, at most"
                    f" {FUNCTION_LINES}"
                )
    return problems


if __name__ == "__main__":
    sys.exit(main())
