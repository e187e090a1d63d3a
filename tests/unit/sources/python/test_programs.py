"""Which files of a wheel are programs, and what becomes of scripts that are written in Python."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.sources.python.programs import for_own_python, is_program

INTERPRETER = "bin/python3.13"
DEEP = "lib/python3.13/site-packages/app/tool"


@pytest.mark.parametrize(
    ("path", "program"),
    [
        ("bin/tool.py", True),
        ("bin/tool-1.2", True),
        ("libexec/hook.tmpl", True),
        ("libexec/app/module.py", False),
        ("lib/app/tool", True),
        ("lib/app/tool.sh", True),
        ("lib/app/tool-3.13", True),
        ("lib/app/dist", True),
        ("lib/app/x.sh.in", False),
        ("lib/app/manage.py-tpl", False),
        ("lib/app/pre_commit_template", False),
        ("lib/app/module.pyw", False),
        ("share/doc/app/example.md", False),
        ("lib/app/js/tests/screenshots/compare.sh", False),
        ("share/doc/app/tool", False),
        ("lib/app/testdata/tool", True),
        ("bin/test", True),
    ],
)
def test_names_decide_about_files_with_a_first_line(path: str, program: bool) -> None:
    assert is_program(path, b"#!/bin/sh\n") == program
    assert is_program(path, b"\x7fELF\2")
    assert not is_program(path, b"MZ\0\0")
    assert not is_program(path, b"")


@pytest.mark.parametrize(
    "line",
    [
        "#!python",
        "#!pythonw",
        "#! /usr/local/bin/python",
        "#!/usr/bin/env python3",
        "#!/usr/bin/env -S python3 -u",
        "#!/opt/x/bin/python3.9 -OO -W ignore",
        "#!/usr/bin/python3\r",
    ],
)
def test_first_lines_that_name_python(line: str) -> None:
    script = for_own_python("bin/x", f"{line}\nx = 1\n".encode(), INTERPRETER).decode()
    assert script.startswith("#!/bin/sh\n'''exec' ")
    options = line.split("python")[1].lstrip("w3.9").split()
    assert f')/python3.13" {" ".join(["-E", "-s", "-B", *options])} "$0" "$@"\n' in script


@pytest.mark.parametrize(
    "line",
    [
        "#!/bin/sh",
        "#!/usr/bin/python2",
        "#!/usr/bin/env perl",
        "#!pythonista",
        "#!<<PYTHON>>",
        "#!/usr/bin/python3 '''",
        "#!/usr/bin/env python3 $x",
        "#!",
    ],
)
def test_other_first_lines_stay(line: str) -> None:
    assert for_own_python("bin/x", line.encode(), INTERPRETER) == line.encode()


SCRIPT = '''\
#!/usr/bin/env python3
# -*- coding: latin-1 -*-

# Comments.
"""What it does."""

from __future__ import annotations

import sys

print(__doc__.split()[-3:], "\xe9", sys.argv[1:], sys.flags.optimize, __file__ == sys.argv[0])
'''


@pytest.mark.parametrize("docstring", [True, False])
@pytest.mark.parametrize("path", ["bin/tool", DEEP])
def test_a_script_runs_by_the_interpreter_beside_it(
    tmp_path: Path, path: str, docstring: bool
) -> None:
    """Wherever the app is, also by a symlink, and whatever the caller has set for other Pythons."""
    text = SCRIPT.replace("python3\n", "python3 -O\n")
    if not docstring:
        text = text.replace('"""What it does."""\n', "").replace("from __future__", "#")
    app = tmp_path / "an app's $home"
    target = app / path
    target.parent.mkdir(parents=True)
    (app / "bin").mkdir(exist_ok=True)
    (app / INTERPRETER).symlink_to(getattr(sys, "_base_executable", sys.executable))
    target.write_bytes(for_own_python(path, text.encode("latin-1"), INTERPRETER))
    target.chmod(0o755)
    (tmp_path / "link").symlink_to(target)
    environment = {**os.environ, "PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"}
    for start in (target, tmp_path / "link"):
        done = subprocess.run([start, "a b"], capture_output=True, text=True, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        said = "['What', 'it', 'does.']" if docstring else ""
        assert done.stdout.endswith("é ['a b'] 1 True\n")
        assert said in done.stdout


@given(st.lists(st.sampled_from(["# c", "", "x = 1", '"""d"""', "\t# t", "'a' 'b'"]), max_size=6))
def test_a_script_stays_the_same_python(lines: list[str]) -> None:
    text = "\n".join(["#!python", *lines, ""])
    before, after = ast.parse(text), ast.parse(for_own_python("bin/x", text.encode(), INTERPRETER))
    doc = ast.get_docstring(before, clean=False)
    assert (ast.get_docstring(after, clean=False) or "").endswith(doc or "' ")
    assert [*map(ast.dump, before.body)][1 if doc is not None else 0 :] == [
        *map(ast.dump, after.body)
    ][1:]
