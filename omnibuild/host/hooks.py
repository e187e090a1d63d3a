"""Hooks: what an app adds to its generated maintainer scripts, at named points.

A hook is a file of ``package-scripts/<app>/`` called after its point. It is POSIX shell and runs
in a subshell with ``set -eu``; the point decides who runs it and when.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from omnibuild.errors import DefinitionError, Where
from omnibuild.recipe.checks import AS_USER
from omnibuild.regular import read_regular
from omnibuild.tools import Tool

# It only reads what it is given.
SHELL = Tool("sh", "dash")

PRE_INSTALL = "pre-install"
# What the app's user does before services start, in this order.
PREPARING = PREPARE, MIGRATE = AS_USER
POST_CONFIGURE = "post-configure"
PRE_REMOVE = "pre-remove"
PURGE = "purge"

# What each point is for, in the words of the reference page.
POINTS: Mapping[str, str] = {
    PRE_INSTALL: "As root, before the files of a new version arrive; $1 is `install` or `upgrade`,"
    " $2 the old version (empty on a first installation, and with rpm).",
    PREPARE: "As the app's user, with the app's environment and commands on PATH, before services"
    " start: at each installation and upgrade, and at each start of `<app>-run`, for commands and"
    " timers once for each version. What `[bundle]` brings answers meanwhile.",
    MIGRATE: "As the app's user, after `prepare` and like it, but once for each version and host:"
    " when it is installed, and after an upgrade or downgrade. `$<APP>_MIGRATED_FROM` is the"
    " version that did it before, empty at first. When it fails, what ran before runs on, and it is"
    " tried again the next time.",
    POST_CONFIGURE: "As root, after `prepare` and before services start; arguments as for"
    " `pre-install`; the function `as_user COMMAND` runs a command as the app's user.",
    PRE_REMOVE: "As root, before services stop and files leave.",
    PURGE: "As root, when a deb is purged, before state and logs are removed; the files of the app"
    " are gone.",
}

_SHELLS = ("#!/bin/sh", "#! /bin/sh")


def load_hooks(directory: Path) -> dict[str, str]:
    """Read the hooks of ``directory`` by their point.

    Raises:
        DefinitionError: a file is not called after a point, or is not shell text.
    """
    hooks = {}
    for path in sorted(directory.iterdir()):
        try:
            hooks[path.name] = read_regular(path).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise DefinitionError(
                "a hook cannot be read", where=Where(str(path)), why=str(error)
            ) from error
    check_hooks(hooks, str(directory))
    for name, text in hooks.items():
        _check_syntax(name, text, Where(f"{directory}/{name}"))
    return hooks


def check_hooks(hooks: Mapping[str, str], directory: str = "package-scripts") -> None:
    """Refuse hooks with an unknown point or for another interpreter than sh."""
    for name, text in hooks.items():
        where = Where(f"{directory}/{name}")
        if name not in POINTS:
            near = difflib.get_close_matches(name, POINTS, 1, 0.4)
            raise DefinitionError(
                f"there is no hook called {name!r}",
                where=where,
                why=f"hooks are: {', '.join(POINTS)}",
                hint=f"did you mean {near[0]!r}?" if near else "name the file after its point",
            )
        first = text.partition("\n")[0].rstrip()
        if first.startswith("#!") and not first.startswith(_SHELLS):
            raise DefinitionError(
                f"the hook {name!r} is not written for /bin/sh",
                where=Where(where.file, 1),
                why=first,
                hint="write POSIX shell; it may call a command of the app",
            )
        if "\0" in text:
            raise DefinitionError(f"the hook {name!r} is not text", where=where)


def _check_syntax(name: str, text: str, where: Where) -> None:
    """Refuse what no shell reads: a package with it could be neither installed nor removed."""
    done = SHELL.run("-n", data=text.encode(), check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        line = re.search(r"(?:line )?([0-9]+): ", said)
        raise DefinitionError(
            f"the hook {name!r} is not shell",
            where=Where(where.file, int(line[1])) if line else where,
            why=said.rpartition(": ")[2] or said,
            hint="try it: sh -n FILE",
        )
