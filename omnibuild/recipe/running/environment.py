"""Rules about ``[environment]``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.validate import quoted

# Variables that a recipe would set in vain, or to the harm of the launchers, which are shell.
_NOT_VARIABLES = (
    (
        re.compile(
            "IFS|CDPATH|ENV|PS[0-9]|PPID|OLDPWD|OPT(ARG|ERR|IND)|LINENO|RANDOM|SECONDS|SHLVL|_"
            "|E?UID|GROUPS|FUNCNAME|DIRSTACK|HISTCMD|EPOCH(REALTIME|SECONDS)|SHELLOPTS|BASH.*"
        ),
        "it is the shell's own",
    ),
    (re.compile("PATH|HOME|PWD|USER|LOGNAME|SHELL"), "every host has set it already"),
    (
        re.compile("PYTHON[A-Z0-9]+|LD_(LIBRARY_PATH|PRELOAD|ORIGIN_PATH)"),
        "the interpreter runs isolated, and passes over it",
    ),
    (
        re.compile("NOTIFY_SOCKET|MAINPID|LISTEN_(FDS|PID|FDNAMES)|FDSTORE|WATCHDOG_(USEC|PID)"),
        "it is systemd's word to a process",
    ),
    (
        re.compile(
            "root|self|target|bundle|state|etc|only|number|secrets|listen|command|temporary|runtime|running|stopping|ended"
            "|process|name|value|setting|installed|bind|configuration|omnibuild_host|HTTPD_[A-Z]+"
        ),
        "launchers use it themselves",
    ),
)
# What the app is told of its own directories, which services and commands must find alike.
_OWN = (
    "STATE",
    "RUNTIME",
    "ETC",
    "LOGS",
    "SHARE",
    "ADDITIONS",
    "SECRETS",
    "INSTANCE",
    "MIGRATED_FROM",
)


def own_variable(app: str, what: str) -> str:
    """Return the name of one of an app's own variables.

    >>> own_variable("web-shop", "STATE")
    'WEB_SHOP_STATE'
    """
    name = re.sub(r"[^A-Z0-9]", "_", f"{app}_{what}".upper())
    return f"_{name}" if name[0].isdigit() else name


def environment_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield what is wrong with the variables of all that an app runs."""
    runs = recipe.web or recipe.bundle or recipe.services or recipe.timers or recipe.commands
    if recipe.environment and not (runs or recipe.package.scripts):
        what = "[environment] is for services and commands, and the recipe has none"
        yield Fault(("environment",), what, "take it out, or add [web], [services] or [commands]")
    own = {own_variable(recipe.app.name, what) for what in _OWN}
    for name in recipe.environment:
        if name in own:
            what = f"{quoted(name)} cannot be set: it is how the app is told of its own place"
            yield Fault(("environment", name), what, in_key=True)
        for pattern, owner in _NOT_VARIABLES:
            if pattern.fullmatch(name):
                what = f"{quoted(name)} cannot be set: {owner}"
                yield Fault(("environment", name), what, in_key=True)
