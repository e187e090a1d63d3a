"""Which files of a wheel are programs, and who runs those that are written in Python.

Archives say of many files that they can be executed, and few of them are programs: modules with a
first line for their author, templates of other people's scripts, examples in documentation. See
``docs/decisions/0031-programs-of-wheels.md``.
"""

from __future__ import annotations

import posixpath
import shlex

from omnibuild.patterns import regex

ELF, FIRST_LINE = b"\x7fELF", b"#!"
# Bytes. What is longer is data behind a few lines of shell.
LARGEST_SCRIPT = 1 << 20

# Below the prefix: whatever is called as it likes there is meant to be started.
PROGRAM_DIRECTORIES = ("bin", "sbin", "libexec")

# Nobody starts on hosts what is in these.
AROUND = frozenset(
    ("doc", "docs", "example", "examples", "sample", "samples", "test", "testing", "tests")
)

MODULES = (".py", ".pyi", ".pyw", ".pyx", ".pxd")
TEXTS = (".adoc", ".htm", ".html", ".ipynb", ".json", ".md", ".rst", ".tex", ".txt", ".xml")
# Also before another suffix and after a hyphen, as in manage.py-tpl.
_TEMPLATE = regex(
    r"[-_.](dist|example|in|j2|jinja2?|mako|mustache|sample|skel|templ|template|tmpl|tpl)\Z"
)

# Python 2 is another language.
_PYTHON = regex(
    rb"#![ \t]*(?:[^\s]*/env[ \t]+(?:-S[ \t]*)?)?(?:[^\s]*/)?pythonw?(?:3(?:\.[0-9]+)?)?"
    rb"(?P<options>(?:[ \t]+[A-Za-z0-9_=.:-]+)*)[ \t]*\r?\Z"
)
_COMMENTS = regex(rb"(?:[ \t]*(?:#[^\n]*)?\r?\n)*")
_DOCSTRING = regex(rb"[rRuU]?[\"']")


def is_program(path: str, start: bytes) -> bool:
    """Tell whether a file that can be executed is meant to be.

    Args:
        path: relative to the prefix.
        start: its first bytes, four at least, if it has so many.
    """
    if start.startswith(ELF):
        return True
    if not start.startswith(FIRST_LINE):
        return False
    directory, _, name = path.partition("/")
    if directory in PROGRAM_DIRECTORIES and "/" not in name:
        return True
    if path.endswith((*MODULES, *TEXTS)) or _TEMPLATE.search(path):
        return False
    return AROUND.isdisjoint(path.split("/")[:-1])


def for_own_python(path: str, content: bytes, interpreter: str) -> bytes:
    """Let a Python script be run by the app's own interpreter; return other programs as they are.

    The result is shell as well as Python, so that it finds the interpreter wherever the app is
    moved to. To Python what is shell is the beginning of the docstring, so that nothing comes
    before imports from ``__future__``.

    Args:
        path: where the script will be.
        content: what it says.
        interpreter: the interpreter; both paths are relative to the same directory.
    """
    line, _, rest = content.partition(b"\n")
    named = _PYTHON.match(line)
    if named is None:
        return content
    way = posixpath.relpath(interpreter, posixpath.dirname(path) or ".")
    options = ["-E", "-s", "-B", *(named["options"].decode().split())]
    call = (
        f"""'''exec' "$(dirname -- "$(readlink -f -- "$0")")/{way}" """
        f"""{shlex.join(options)} "$0" "$@"\n' '''"""
    )
    # A comment may say how the file is encoded, in its second line.
    comments = _COMMENTS.match(rest)
    after = comments.end() if comments else 0
    joint = b" " if _DOCSTRING.match(rest, after) else b"\n"
    return b"#!/bin/sh\n" + rest[:after] + call.encode() + joint + rest[after:]
