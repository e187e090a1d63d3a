"""memcached: a cache that keeps nothing."""

from __future__ import annotations

from omnibuild.host.bundled.service import Bundled
from omnibuild.host.template import render
from omnibuild.recipe.models.services import megabytes

MEMCACHED = Bundled(
    component=lambda _: "memcached",
    title="cache",
    functions=lambda _, __: render("memcached.sh.in", {}),
    config=lambda options: {
        "memcached.conf": render("memcached.conf.in", {"MEMORY": str(megabytes(options.memory))})
    },
    variables=lambda layout: {
        "MEMCACHED_SERVER": f'"unix:${layout.variable("RUNTIME")}/memcached.sock"'
    },
)
