"""Rules about ``[bundle]``."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.models.services import megabytes
from omnibuild.recipe.validate import quoted

# What PostgreSQL itself calls a role or a database.
_ROLES = {"postgres", "public", "none", "template0", "template1"}
# Megabytes with which each starts: PostgreSQL counts its pages by 30 bits, memcached wants twice
# its largest item.
_LEAST = {"memcached": 2}
_MOST = 4 << 20


def bundle_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield what is wrong with the servers that an app brings for itself."""
    names = recipe.bundle.names if recipe.bundle else ()
    if not names and recipe.bundle:
        hint = "write which: [bundle.postgresql], [bundle.valkey], [bundle.memcached]"
        yield Fault(("bundle",), "[bundle] is empty", hint)
    for name in names:
        yield from _memory_faults(name, getattr(recipe.bundle, name).memory)
    if {"valkey", "redis"} <= {*names}:
        what = "[bundle.valkey] and [bundle.redis] would both be told to the app as REDIS_URL"
        yield Fault(("bundle", "redis"), what, "take one of them: they speak one protocol")
    if "postgresql" in names and recipe.app.name in _ROLES:
        what = f"the database would be called {quoted(recipe.app.name)}, as one of PostgreSQL's own"
        yield Fault(("app", "name"), what, "give the app another name")


def _memory_faults(name: str, memory: str) -> Iterator[Fault]:
    least, size = _LEAST.get(name, 1), megabytes(memory)
    if not least <= size <= _MOST:
        what = f"{name} does not start with {memory} of memory"
        yield Fault(("bundle", name, "memory"), what, f"it takes {least}MB to {_MOST >> 10}GB")
