"""Pages about recipes are true: each of theirs is valid, and becomes units and launchers."""

import re
from pathlib import Path

import pytest

from omnibuild.host.integration import integrate
from omnibuild.host.programs import Installed
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Recipe

from .apps import CHECKOUT

PAGES = [CHECKOUT / "docs" / name for name in ("shapes.md", "guides/django.md")]
APP = """\
[app]
name = "shop"
version = "1.4.2"
summary = "The web shop"
license = "MIT"
maintainer = "Shop team <shop@example.com>"
"""
PYTHON = '[python]\nversion = "3.13"\n'
INSTALLED = Installed(
    entry_points=dict.fromkeys(("shop", "shop-server", "shop-worker"), "shop.cli:main"),
    modules={"gunicorn", "uvicorn", "shop.wsgi", "shop.api", "celery.__init__", "celery.__main__"}
    | {"shop.admin", "django.__init__", "django.__main__"},
    programs={"bin/valkey-server", "bin/valkey-cli"},
    directories={"share/static", "share/frontend", "app/staticfiles"},
)


def blocks() -> list[str]:
    pattern = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [block for page in PAGES for block in pattern.findall(page.read_text())]


@pytest.mark.parametrize("block", blocks())
def test_a_recipe_of_the_page_is_right(block: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    (tmp_path / "package-scripts/shop").mkdir(parents=True)
    project = '[source]\npath = "."\n' if "[build" in block else ""
    path.write_text(f"{APP}{project}{'' if '[software]' in block else PYTHON}\n{block}")
    host = integrate(load(path, Recipe), {}, {}, INSTALLED)
    tables = re.findall(r"^\[(services|timers)\.(\w+)\]", block, re.MULTILINE)
    for table, name in tables:
        kind = "service" if table == "services" else "timer"
        assert f"/usr/lib/systemd/system/shop-{name}.{kind}" in host.files
    assert ("/usr/lib/systemd/system/shop-web.service" in host.files) == ("[web]" in block)
    for command in re.findall(r'^([\w-]+) = "[^"]+"$', block.partition("[commands]")[2], re.M):
        assert f"/usr/bin/{command}" in host.symlinks
    if set(re.findall(r"^\[(\w+)", block, re.MULTILINE)) == {"commands"}:
        assert not [name for name in host.files if "systemd" in name or "sysusers" in name]


def test_every_server_has_its_recipe() -> None:
    assert {re.search(r'server = "(\w+)"', block)[1] for block in blocks() if "[web]" in block} == {  # type: ignore[index]
        "gunicorn",
        "uvicorn",
        "own",
    }
