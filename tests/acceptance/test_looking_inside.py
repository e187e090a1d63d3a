"""plan, why, log, shell, and what a failure on a terminal offers: with real builds."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.products import omnibuild, replace
from tests.acceptance.workspaces import STEPS, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    # New in every session, whatever is in the store.
    return Workspace(tmp_path / "workspace", steps=(f": {tmp_path}", *STEPS))


def words(workspace: Workspace, command: str, *more: str) -> list[str]:
    subject = "tiny" if command in ("build", "plan", "fetch") else "tiny-c"
    chosen = [command, subject, "-C", str(workspace.base), *more]
    if command in ("build", "plan"):
        chosen += ["-p", "debian-12"]
    if command == "build":
        chosen += ["-o", str(workspace.base / "dist")]
    return chosen


def verdicts(workspace: Workspace) -> dict[str, str]:
    lines = omnibuild(*words(workspace, "plan", "--json")).stdout.splitlines()
    return {decision["action"]: decision["verdict"] for decision in map(json.loads, lines)}


def test_a_plan_says_what_a_build_then_does(workspace: Workspace) -> None:
    workspace.write()
    before = verdicts(workspace)
    assert before["component:tiny-c@bullseye/amd64"] == "run"
    assert before["payload:tiny@bullseye/amd64"] == "pending"
    omnibuild(*words(workspace, "build"))
    assert set(verdicts(workspace).values()) == {"hit"}
    said = omnibuild(*words(workspace, "plan")).stdout
    assert said.splitlines()[-1].startswith(f"{len(before)} actions: {len(before)} hit, 0 run")


def test_why_names_the_changed_value_before_and_after_the_build(workspace: Workspace) -> None:
    directory = workspace.write()
    omnibuild(*words(workspace, "build"))
    replace(directory / "software/tiny-c.toml", "tiny.c -o", "tiny.c -Wall -o")
    expected = "    - $CC $CFLAGS tiny.c -o", "    + $CC $CFLAGS tiny.c -Wall -o"
    for built in (False, True):
        said = omnibuild(*words(workspace, "why")).stdout
        assert "component:tiny-c@bullseye/amd64" in said
        assert "up to date" in said if built else "will run" in said
        assert "parameters.steps[3]" in said
        assert all(line in said for line in expected)
        omnibuild(*words(workspace, "build"))


def test_why_of_what_nobody_has_is_an_error(workspace: Workspace) -> None:
    workspace.write()
    done = omnibuild("why", "nonesuch", "-C", workspace.base, check=False)
    assert done.returncode == 2
    assert "nonesuch" in done.stderr


def test_the_plan_can_be_drawn(workspace: Workspace) -> None:
    workspace.write()
    assert (
        '"component:tiny-c@bullseye/amd64" -> '
        in omnibuild(*words(workspace, "plan", "--graph", "dot")).stdout
    )
    assert (
        "component:tiny-c@bullseye/amd64</text>"
        in omnibuild(*words(workspace, "plan", "--graph", "svg")).stdout
    )


def test_a_failed_step_keeps_its_sandbox_and_its_log(workspace: Workspace) -> None:
    workspace.steps = (*workspace.steps, "echo half-done > half; export X=1; false")
    workspace.write()
    done = omnibuild(*words(workspace, "build"), check=False)
    assert done.returncode == 5
    assert "+ echo half-done" in omnibuild(*words(workspace, "log")).stdout
    inside = inside_shell(workspace, 'cat half; pwd; "$PREFIX/bin/tiny"; env; exit 7')
    assert inside.returncode == 7
    assert inside.stdout.startswith("half-done\n/build/src\ntiny\n")
    assert "SOURCE_DATE_EPOCH=" in inside.stdout
    assert "OMNIBUILD" not in inside.stdout
    assert "as it failed" in inside.stderr
    # It can be entered again; corrected, the build goes on and nothing is kept any more.
    assert inside_shell(workspace, "exit 0").returncode == 0
    workspace.steps = workspace.steps[:-1]
    workspace.write()
    omnibuild(*words(workspace, "build"))
    assert "before its first step" in inside_shell(workspace, "ls tiny.c").stderr


def test_a_shell_says_that_patches_come_before_the_first_step(workspace: Workspace) -> None:
    directory = workspace.write()
    replace(directory / "software/tiny-c.toml", "[source]", 'patches = ["new.patch"]\n\n[source]')
    patch = "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+made\n"
    (directory / "software/new.patch").write_text(patch)
    inside = inside_shell(workspace, "patch -p1 < /build/1.patch; cat new")
    assert "before its first step" in inside.stderr
    assert "patch -p1 takes /build/*.patch" in inside.stderr
    assert inside.stdout.splitlines() == ["patching file new", "made"]


def test_a_patch_that_does_not_apply_is_named_where_it_is_listed(workspace: Workspace) -> None:
    directory = workspace.write()
    listed = 'patches = ["new.patch", "wrong.patch"]\n\n[source]'
    replace(directory / "software/tiny-c.toml", "[source]", listed)
    patch = "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+made\n"
    (directory / "software/new.patch").write_text(patch)
    wrong = "--- a/tiny.c\n+++ b/tiny.c\n@@ -1 +1 @@\n-never there\n+there\n"
    (directory / "software/wrong.patch").write_text(wrong)
    done = omnibuild(*words(workspace, "build"), check=False)
    assert done.returncode == 5
    assert "the patch `wrong.patch` of tiny-c does not apply" in done.stderr
    lines = (directory / "software/tiny-c.toml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.startswith("patches"))
    assert f"software/tiny-c.toml:{line}:25" in done.stderr
    assert "whole log: " in done.stderr


def inside_shell(workspace: Workspace, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "omnibuild", *words(workspace, "shell")],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_failure_on_a_terminal_offers_shell_log_and_retry(workspace: Workspace) -> None:
    workspace.steps = ("test -e /build/src/repaired", *workspace.steps)
    directory = workspace.write()
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "omnibuild", *words(workspace, "build")],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(terminal)
    drawn = until(main, "[q]uit? ")
    assert "component component:" not in drawn
    os.write(main, b"l\n")
    assert "+ test -e" in until(main, "[q]uit? ")
    os.write(main, b"s\n")
    until(main, "# ")
    os.write(main, b"echo in-$((6 * 7)); exit\n")
    assert "in-42" in until(main, "[q]uit? ")
    replace(directory / "software/tiny-c.toml", "test -e /build/src/repaired", "true")
    os.write(main, b"r\n")
    assert "tiny_1.0-1_amd64.deb" in until(main, "(debian-12)")
    assert process.wait(60) == 0
    os.close(main)


def until(main: int, wanted: str) -> str:
    drawn = ""
    while wanted not in drawn:
        readable, _, _ = select.select([main], [], [], 60)
        assert readable, f"no {wanted!r} in:\n{drawn}"
        drawn += os.read(main, 65536).decode("utf-8", "replace")
    return drawn


MAKEFILE = """\
all: 1 2 3 4 5 6
1 2 3 4 5 6:
\tmkdir run-$@; ls -d run-* | wc -l >> /build/count; sleep 0.3; rmdir run-$@
"""


@pytest.mark.parametrize("cores", [1, 2])
def test_a_plain_make_uses_all_cores_and_no_more(workspace: Workspace, cores: int) -> None:
    """The real make of the root, with descriptors that the sandbox passes on."""
    step = (
        f"cat > m <<'END'\n{MAKEFILE}END\nmake -f m; sort -n /build/count | tail -1 > /build/most"
    )
    check = f'test "$(cat /build/most)" = {cores}'
    workspace.steps = (*workspace.steps, step, check)
    workspace.write()
    omnibuild(*words(workspace, "build", "-j", str(cores)))
