"""Small real programs and libraries for tests, made by the real gcc once per session."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.tools import Tool

GCC = Tool("gcc", "gcc")
HARDENED = ("-O2", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,now")
RUNPATH = f"-Wl,-rpath,{LOGICAL_PREFIX}/lib"

LIBRARY = 'const char *greeting(void) { return "hello"; }\n'
PROGRAM = """\
#include <stdio.h>
const char *greeting(void);
const char *data = "PREFIX/share/data";
int main(void) { printf("%s from %s\\n", greeting(), data); return 0; }
""".replace("PREFIX", LOGICAL_PREFIX)


@cache
def compiled(source: str, *flags: str) -> bytes:
    """Return what gcc makes of ``source``; ``-lgreet`` finds :func:`greet_library`."""
    return linked(
        source, *flags, beside={"libgreet.so": greet_library()} if "-lgreet" in flags else {}
    )


def linked(source: str, *flags: str, beside: Mapping[str, bytes]) -> bytes:
    """Return what gcc makes of ``source`` in a directory with other files."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        for name, content in {**beside, "source.c": source.encode()}.items():
            (directory / name).write_bytes(content)
        GCC.run("source.c", "-w", "-L.", "-o", "result", *HARDENED, *flags, directory=directory)
        return (directory / "result").read_bytes()


def greet_library() -> bytes:
    return compiled(LIBRARY, "-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", RUNPATH)


def greet_program(*flags: str) -> bytes:
    """Return a program that needs libgreet.so.1 and finds it below the logical prefix."""
    return compiled(PROGRAM, "-lgreet", RUNPATH, "-Wl,--enable-new-dtags", *flags)
