"""What is told of a recipe and its servers before anything is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omnibuild.starts.starts import start_faults
from tests.unit.host.apps import recipe

PROXIED = {"server": "gunicorn", "app": "shop:app", "proxy": "nginx", "access-log": "file"}


@pytest.mark.parametrize(
    ("path", "tables", "other"),
    [
        ("/etc/nginx/nginx.conf", {"web": PROXIED}, "/etc/shop/nginx.conf"),
        ("/etc/valkey.conf", {"bundle": {"valkey": {}}}, "/etc/shop/valkey.conf"),
        # Its own instead.
        ("/etc/shop/nginx.conf", {"web": PROXIED}, ""),
        # No moved tree has the other one, /etc/logrotate.d/shop.
        ("/etc/default/shop", {"web": PROXIED}, ""),
        ("/etc/valkey.conf", {}, ""),
    ],
)
def test_files_that_are_called_like_those_of_a_server(
    path: str, tables: dict[str, Any], other: str, tmp_path: Path
) -> None:
    faults = list(start_faults(recipe(config={path: "x"}, **tables), tmp_path / "recipe.toml"))
    told = f"`{path}` has the name of `{other}`, which a server of the app has"
    assert [fault.what for fault in faults] == ([told] if other else [])
    assert all(fault.path == ("config", path) and fault.in_key for fault in faults)
