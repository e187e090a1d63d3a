"""PostgreSQL: a cluster for the app alone, whose user is told by the kernel, without passwords."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import quote

from omnibuild.host.bundled.service import Bundled
from omnibuild.host.layout import Layout
from omnibuild.host.template import render
from omnibuild.recipe.models import PostgreSQL
from omnibuild.recipe.models.services import megabytes


def _directory(options: PostgreSQL) -> str:
    return f"lib/postgresql-{options.version}"


def _functions(options: PostgreSQL, layout: Layout) -> str:
    return render(
        "postgresql.sh.in",
        {"APP": layout.app, "DIRECTORY": _directory(options), "ROLE": shlex.quote(layout.app)},
    )


def _config(options: PostgreSQL) -> Mapping[str, str]:
    memory = {"MEMORY": f"{megabytes(options.memory)}MB"}
    return {
        "postgresql.conf": render("postgresql.conf.in", memory),
        "pg_hba.conf": render("pg_hba.conf.in", {}),
    }


def _variables(layout: Layout) -> Mapping[str, str]:
    name = quote(layout.app, safe="")
    runtime = layout.variable("RUNTIME")
    return {"DATABASE_URL": f'"postgresql://{name}@/{name}?host=${runtime}"'}


def _commands(options: PostgreSQL, layout: Layout) -> Mapping[str, tuple[str, ...]]:
    told = ("--host={runtime}", f"--username={layout.app}", f"--dbname={layout.app}")
    return {"psql": (f"{_directory(options)}/bin/psql", *told)}


POSTGRESQL = Bundled(
    component=lambda options: f"postgresql-{options.version}",
    title="database",
    functions=_functions,
    config=_config,
    variables=_variables,
    commands=_commands,
    data=lambda options: (options.version, "PG_VERSION"),
    # Ends sessions; by TERM it would wait for them.
    signal="INT",
)
