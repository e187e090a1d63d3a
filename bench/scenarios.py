"""Six independent components like zlib and one app: what each kind of change rebuilds.

The root is built before anything is measured. Prints wall seconds, CPU seconds of omnibuild and
all steps, and which components ran; ends with an error if a set is not the smallest possible.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from omnibuild.plan.graph import bare_name

CHECKOUT = Path(__file__).resolve().parent.parent
NAMES = [f"zlib-{number}" for number in range(1, 7)]
RECIPE = """\
[app]
name = "six"
version = "1.0"
summary = "Six libraries"
license = "Zlib"
maintainer = "Bench <bench@example.com>"

[package]
platforms = ["debian-12"]

[software]
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name:
        workspace = Path(name)
        build(write(workspace, NAMES[:1], "warm-up"))
        write(workspace, NAMES)
        print("| scenario | wall s | CPU s | components built | other actions |")
        print("|---|---|---|---|---|")
        wrong = [
            title
            for title, change, wanted in SCENARIOS
            if not row(workspace, title, change, wanted)
        ]
    for title in wrong:
        print(f"not the smallest set: {title}", file=sys.stderr)
    return 1 if wrong else 0


def write(workspace: Path, names: list[str], mark: str = "") -> Path:
    """Write a workspace whose components each install one library of their own name."""
    for directory in ("recipes", "software"):
        (workspace / directory).mkdir(exist_ok=True)
    text = (CHECKOUT / "software/zlib.toml").read_text()
    source = text[text.index("[source]") :]
    for name in names:
        library = name.replace("-", "")
        (workspace / f"software/{name}.toml").write_text(
            f'name = "{name}"\nversion = "1.3.1"\nlicense = "Zlib"\nlicense-files = ["LICENSE"]\n'
            "steps = [\n"
            """    './configure --prefix="$PREFIX" --libdir="$PREFIX/lib"',\n"""
            "    'make',\n"
            f"""    'mkdir "$PREFIX/lib"; cp libz.so.1.3.1 "$PREFIX/lib/lib{library}.so"',\n"""
            f"""    'strip --strip-unneeded "$PREFIX/lib/lib{library}.so"; : {mark}',\n"""
            f""" ]\ntest = 'test -s "$PREFIX/lib/lib{library}.so"'\n\n{source}"""
        )
    listed = "".join(f'{name} = "1.3.1"\n' for name in names)
    (workspace / "recipes/six.toml").write_text(RECIPE + listed)
    return workspace


def edit(workspace: Path, path: str, old: str, new: str) -> None:
    file = workspace / path
    text = file.read_text()
    assert old in text, (path, old)
    file.write_text(text.replace(old, new))


SCENARIOS: list[tuple[str, Callable[[Path], None], list[str]]] = [
    ("clean", lambda w: None, NAMES),
    ("no change", lambda w: None, []),
    (
        "description edited",
        lambda w: edit(w, "recipes/six.toml", "Six libraries", "Half a dozen libraries"),
        [],
    ),
    (
        "comment added to component 2",
        lambda w: edit(w, "software/zlib-2.toml", "steps = [", "# a comment\nsteps = ["),
        [],
    ),
    (
        "component 2 rebuilds to the same bytes",
        lambda w: edit(w, "software/zlib-2.toml", "'make',", "'make; true',"),
        ["zlib-2"],
    ),
    (
        "component 2 changed",
        lambda w: edit(w, "software/zlib-2.toml", "strip --strip-unneeded", "strip --strip-debug"),
        ["zlib-2"],
    ),
]


def row(workspace: Path, title: str, change: Callable[[Path], None], wanted: list[str]) -> bool:
    change(workspace)
    before, started = os.times(), time.monotonic()
    ran = build(workspace)
    wall, after = time.monotonic() - started, os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    components = [
        bare_name(name).removeprefix("component:") for name in ran if name.startswith("component:")
    ]
    others = [name for name in ran if not name.startswith(("component:", "fetch:"))]
    shown = ", ".join(sorted(components)) or "none"
    print(f"| {title} | {wall:.2f} | {cpu:.2f} | {shown} | {len(others)} |", flush=True)
    return sorted(components) == wanted


def build(workspace: Path) -> list[str]:
    """Build, and return the actions that ran."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "omnibuild", "build", "six", "--json"),
            *("-C", workspace, "-o", workspace / "dist", "--cache-dir", workspace / "cache"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [e["action"] for e in events if e["event"] == "ActionFinished" and not e["cached"]]


if __name__ == "__main__":
    sys.exit(main())
