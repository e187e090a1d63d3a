"""Rules about ``[bundle]``."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.validate import quoted

# What PostgreSQL itself calls a role.
_ROLES = {"postgres", "public", "none"}


def bundle_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield what is wrong with the servers that an app brings for itself."""
    names = recipe.bundle.names if recipe.bundle else ()
    if not names and recipe.bundle:
        hint = "write which: [bundle.postgresql], [bundle.valkey], [bundle.memcached]"
        yield Fault(("bundle",), "[bundle] is empty", hint)
    if {"valkey", "redis"} <= {*names}:
        what = "[bundle.valkey] and [bundle.redis] would both be told to the app as REDIS_URL"
        yield Fault(("bundle", "redis"), what, "take one of them: they speak one protocol")
    if "postgresql" in names and recipe.app.name in _ROLES:
        what = f"the database would be called {quoted(recipe.app.name)}, as one of PostgreSQL's own"
        yield Fault(("app", "name"), what, "give the app another name")
