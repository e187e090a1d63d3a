"""Valkey, and Redis, from which it descends: the same but for the names of programs."""

from __future__ import annotations

from collections.abc import Mapping

from omnibuild.host.bundled.service import Bundled
from omnibuild.host.layout import Layout
from omnibuild.host.template import render
from omnibuild.recipe.models import KeyValueStore
from omnibuild.recipe.models.services import megabytes

_KEEPS = """\
# Every change is on disk within a second, and what does not fit in memory is refused.
appendonly yes
maxmemory-policy noeviction"""
_FORGETS = """\
# A cache: nothing is on disk, and what was used longest ago makes room.
save ""
appendonly no
maxmemory-policy allkeys-lru"""


def key_value_store(name: str) -> Bundled:
    """Return the row of a server whose programs are called ``NAME-server`` and ``NAME-cli``."""

    def functions(options: KeyValueStore, layout: Layout) -> str:
        return render("valkey.sh.in", {"NAME": name, "KEEPS": "yes" if options.persistent else ""})

    def config(options: KeyValueStore) -> Mapping[str, str]:
        values = {
            "NAME": name,
            "MEMORY": f"{megabytes(options.memory)}mb",
            "PERSISTENCE": _KEEPS if options.persistent else _FORGETS,
        }
        return {f"{name}.conf": render("valkey.conf.in", values)}

    return Bundled(
        component=lambda _: name,
        title="store of keys and values",
        functions=functions,
        config=config,
        # Clients of either know the variable and the scheme by this name.
        variables=lambda layout: {
            "REDIS_URL": f'"unix://${layout.variable("RUNTIME")}/{name}.sock"'
        },
        commands=lambda _, __: {
            f"{name}-cli": (f"bin/{name}-cli", "-s", f"{{runtime}}/{name}.sock")
        },
    )


VALKEY = key_value_store("valkey")
REDIS = key_value_store("redis")
