"""The text of maintainer scripts: cases of dpkg and rpm, and the functions that a script calls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Steps = tuple[str, ...]

# Nobody answers. And whoever installs may have closed it, and then loops read what others opened.
# There are images without devices.
HEAD = "#!/bin/sh\nset -eu\n[ ! -c /dev/null ] || exec </dev/null\n"

# What dpkg may call a script with; the other format passes a number.
_DEB_CALLS = {
    "preinst": ("install", "upgrade", "abort-upgrade"),
    "postinst": ("configure", "abort-upgrade", "abort-remove", "abort-deconfigure", "triggered"),
    "prerm": ("remove", "upgrade", "deconfigure", "failed-upgrade"),
    "postrm": (
        "remove",
        "purge",
        "upgrade",
        "failed-upgrade",
        "abort-install",
        "abort-upgrade",
        "disappear",
    ),
}


def if_erased(steps: Sequence[str]) -> Steps:
    """Return what rpm does when the last version leaves, and not in an upgrade."""
    return ('if [ "${1:-0}" -eq 0 ]; then', *(f"    {step}" for step in steps), "fi")


def deb_case(name: str, cases: Mapping[str, Steps]) -> Steps:
    """Return the case of what dpkg calls a script with."""
    if not any(cases.values()):
        return ()
    lines = ['case "${1:-}" in']
    for calls, steps in cases.items():
        if steps:
            lines += [f"{calls})", *(f"    {step}" for step in steps), "    ;;"]
    done = {call for calls, steps in cases.items() if steps for call in calls.split("|")}
    idle = [call for call in _DEB_CALLS[name] if call not in done]
    if idle:
        lines.append(f"{' | '.join(idle)}) ;;")
    unknown = f'    echo "{name}: unknown argument: ${{1:-}}" >&2'
    return (*lines, "*)", unknown, "    exit 1", "    ;;", "esac")


def script(steps: Sequence[str], functions: Mapping[str, str]) -> str:
    """Return a script: its steps, after the functions that they call."""
    body = "\n".join(steps)
    names = _needed(body, functions)
    blocks = [text for name, text in functions.items() if name in names]
    return "\n\n".join([HEAD.rstrip("\n"), *blocks, body]) + "\n"


def _needed(text: str, functions: Mapping[str, str]) -> set[str]:
    """Return the functions that ``text`` calls, and those that these call."""
    found: set[str] = set()
    pending = [text]
    while pending:
        words = set(re.findall(r"\w+", pending.pop()))
        new = (words & functions.keys()) - found
        found |= new
        pending += [functions[name] for name in new]
    return found
