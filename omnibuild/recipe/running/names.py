"""Names that two things of an app would have: each process and each command has a launcher."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Python, Recipe, Web
from omnibuild.recipe.positions import Path as Keys

# What servers of the app's own bring for operators.
_PROGRAMS = {"postgresql": "psql", "valkey": "valkey-cli", "redis": "redis-cli"}


def name_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield services, timers and commands that are called like something else of the app."""
    app = recipe.app.name
    taken = {f"{app}-run": "what starts all of the app"}
    if isinstance(recipe.python, Python) and recipe.python.additions:
        taken[f"{app}-pip"] = "what installs additions"
    named: list[tuple[Keys, str, str]] = []
    for table, names in (("service", recipe.services), ("timer", recipe.timers)):
        for name in names:
            named.append(((f"{table}s", name), f"{app}-{name}", f"the {table} `{name}`"))
    for name in recipe.commands:
        named.append((("commands", name), name, f"the command `{name}`"))
    taken, units = _taken(recipe), dict[str, str]()
    for place, launcher, what in named:
        other = taken.setdefault(launcher, what)
        if other == what and place[0] != "commands":
            # Units have no plus sign in their names.
            other = units.setdefault(launcher.replace("+", "plus"), what)
        if other != what:
            said = f"{what} would be {launcher} on hosts, and so is {other}"
            yield Fault(place, said, "give one of them another name", in_key=True)


def _taken(recipe: Recipe) -> dict[str, str]:
    """Return the launchers that an app has besides, and what each of them is."""
    app = recipe.app.name
    taken = {f"{app}-run": "what starts all of the app"}
    if isinstance(recipe.web, Web):
        taken[f"{app}-web"] = "[web]"
        if recipe.web.tls:
            taken[f"{app}-tls"] = "what renews the certificate of [web.tls]"
        if recipe.web.proxy:
            taken[f"{app}-{recipe.web.proxy}"] = "the proxy of [web]"
    for name in recipe.bundle.names if recipe.bundle else ():
        taken[f"{app}-{name}"] = taken[f"{app}-{_PROGRAMS.get(name, name)}"] = f"[bundle.{name}]"
    if isinstance(recipe.python, Python) and recipe.python.additions:
        taken[f"{app}-pip"] = "what installs additions"
    return taken
