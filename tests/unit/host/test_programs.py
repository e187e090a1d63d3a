import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.errors import DefinitionError
from omnibuild.host.layout import Layout
from omnibuild.host.programs import Call, EntryPoint, Installed, Module, Program, shell, started

LAYOUT = Layout("shop", "shop", "python3.13")
INSTALLED = Installed(
    entry_points={"shop": "shop.cli:main", "valkey-cli": "wrapper:main"},
    modules={"shop.__init__", "shop", "shop.__main__", "shop.tool", "bare.__init__", "bare"},
    programs={"bin/valkey-server", "bin/valkey-cli", "sbin/exim", "libexec/tool"},
    recipe="shop",
)


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("shop --fast 'a b'", Call(EntryPoint("shop.cli:main"), ("--fast", "a b"))),
        ("python -m shop run", Call(Module("shop"), ("run",))),
        ("python3.13 -m shop.tool", Call(Module("shop.tool"))),
        ("valkey-server --port 1", Call(Program("bin/valkey-server"), ("--port", "1"))),
        ("bin/valkey-cli", Call(Program("bin/valkey-cli"))),
        # Console scripts come first: a package's is what its author means.
        ("valkey-cli", Call(EntryPoint("wrapper:main"))),
        ("exim", Call(Program("sbin/exim"))),
        ("libexec/tool", Call(Program("libexec/tool"))),
    ],
)
def test_a_command_is_a_script_a_module_or_a_program(command: str, call: Call) -> None:
    assert INSTALLED.call(command) == call


@pytest.mark.parametrize(
    ("command", "said", "hint"),
    [
        ("shp", "no program called 'shp'", "'shop'"),
        ("tool", "no program called 'tool'", "project.scripts"),
        ("bin/valkey-serve", "no program 'bin/valkey-serve'", "'bin/valkey-server'"),
        ("/usr/bin/env shop", "no program '/usr/bin/env'", "bin/tool"),
        ("../../bin/sh", "no program '../../bin/sh'", "bin/tool"),
        ("python shop.py", "is not `python -m MODULE`", "at no known place"),
        ("python -c 'import shop'", "is not `python -m MODULE`", "at no known place"),
        ("python -m", "is not `python -m MODULE`", "at no known place"),
        ("python -m shop.tol", "`python -m shop.tol` is the module shop.tol", "'shop.tool'"),
        # A package without a main module: those of others are no closer for their names.
        ("python -m bare", "is the module bare.__main__", "bare is there, and has no such module"),
        ("python -m celery worker", "is the module celery", "lock shop --require celery"),
        ("celery -A x", "no program called 'celery'", "omnibuild lock shop --require celery; a"),
    ],
)
def test_what_is_not_there_is_refused(command: str, said: str, hint: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        INSTALLED.call(command)
    assert said in caught.value.what
    assert hint in caught.value.hint


def test_what_the_app_brings_is_meant_before_what_every_interpreter_has() -> None:
    installed = Installed(modules={"shelf", "shlex"})
    assert installed.advice("shlef") == "did you mean 'shelf'?"
    assert installed.advice("shlx") == "did you mean 'shlex'?"


WORDS = st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1), max_size=4)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(WORDS, st.sampled_from(["bin/a b", "sbin/it's"]))
def test_arguments_arrive_as_they_are(tmp_path: Path, words: list[str], path: str) -> None:
    program = tmp_path / path
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\nprintf \'%s\\0\' "$PYTHONUNBUFFERED" "$@"\n')
    program.chmod(0o755)
    call = Installed(programs={path}).call(shlex.join([path, *words, "--at={host}:{port}"]))
    text = started(LAYOUT, call, {"host": "$where", "port": "${listen##*:}"})
    done = subprocess.run(
        ["/bin/sh", "-euc", text, "sh", "more"],
        env={"root": str(tmp_path), "where": "a $b", "listen": "x:80"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().split("\0")[:-1] == ["1", *words, "--at=a $b:80", "more"]


def test_braces_of_ordinary_commands_stand_for_themselves() -> None:
    call = INSTALLED.call("""shop '{"host": 1}' {host}""")
    assert shlex.split(shell(LAYOUT, call))[-3:] == ['{"host": 1}', "{host}", "$@"]
