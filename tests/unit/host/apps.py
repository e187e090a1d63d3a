"""Recipes to integrate in tests: the examples, and small ones of odd shape."""

import os
from pathlib import Path
from typing import Any

import msgspec

from omnibuild.host.hooks import load_hooks
from omnibuild.host.integration import HostFiles, integrate
from omnibuild.host.programs import Installed
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Recipe

CHECKOUT = Path(__file__).parents[3]
RECIPES = CHECKOUT / "recipes"
GOLDEN = CHECKOUT / "tests" / "unit" / "golden" / "host"
INSTALLED = Installed(
    entry_points={
        "hello": "hello.cli:main",
        "worker": "shop.work:Worker.run [extra]",
        "gunicorn": "gunicorn.app.wsgiapp:run",
    },
    modules={
        *("gunicorn", "uvicorn", "waitress", "hypercorn", "twisted.web.wsgi", "mod_wsgi"),
        *("shop", "shop.work", "hello.web", "httpbin", "http.server"),
    },
    programs={
        *(
            "bin/uwsgi",
            "sbin/httpd",
            "bin/valkey-server",
            "bin/valkey-cli",
            "sbin/exim",
            "libexec/tool",
        ),
        "lib/postgresql-18/bin/psql",
    },
    directories={"share/static", "app/logos"},
)


def example(name: str) -> HostFiles:
    recipe = load(RECIPES / f"{name}.toml", Recipe)
    scripts = recipe.package.scripts
    hooks = load_hooks(RECIPES / scripts) if scripts else {}
    config = {path: (RECIPES / f.source).read_bytes() for path, f in recipe.config_files.items()}
    return integrate(recipe, hooks, config, INSTALLED)


def recipe(name: str = "shop", **tables: Any) -> Recipe:
    """Return a recipe with a web server, unless ``tables`` says otherwise."""
    app = {
        "name": name,
        "version": "1",
        "summary": "The shop",
        "license": "MIT",
        "maintainer": "Shop <shop@example.com>",
    }
    data = {
        "app": app | tables.pop("app", {}),
        "python": {"version": "3.13", "lock": "pylock.toml"},
        "web": {"server": "gunicorn", "app": "shop:app"},
        **tables,
    }
    return msgspec.convert({key: value for key, value in data.items() if value}, Recipe)


# A recipe for each shape of an app.
SHAPES = {
    "asgi": recipe(
        web={"server": "uvicorn", "app": "shop:create()", "proxy": "nginx", "workers": 4},
    ),
    "asgi-alone": recipe(web={"server": "uvicorn", "app": "shop:app", "listen": "[::]:443"}),
    "own-socket": recipe(
        web={"server": "own", "command": "worker --fd 3 -w {workers}", "socket": True},
    ),
    "own-address": recipe(
        web={"server": "own", "command": "worker --host={host} --port {port}", "listen": "[::1]:80"}
    ),
    "own-proxied": recipe(
        web={"server": "own", "command": "worker --unix {path}", "proxy": "nginx"},
    ),
    "waitress": recipe(
        web={
            "server": "waitress",
            "app": "shop:app",
            "threads": 8,
            "limits": {"body": 5, "keep-alive": 20, "graceful": 90},
            "options": ["--ident", "the shop"],
            "access-log": "file",
        }
    ),
    "hypercorn": recipe(
        web={
            "server": "hypercorn",
            "app": "shop:app",
            "proxy": "nginx",
            "limits": {"body": 100, "request": 300, "keep-alive": 20, "graceful": 50},
            "media": {"/media/": "uploads"},
            "access-log": "file",
        }
    ),
    "apache": recipe(
        web={
            "server": "apache",
            "app": "shop:app",
            "workers": 3,
            "threads": 8,
            "limits": {"body": 5, "request": 60, "keep-alive": 20, "graceful": 50},
            "options": ["-c", "HostnameLookups off"],
            "access-log": "file",
        }
    ),
    "apache-proxied": recipe(web={"server": "apache", "app": "shop:create()", "proxy": "nginx"}),
    "twisted": recipe(web={"server": "twisted", "app": "shop:app", "access-log": "off"}),
    "gunicorn-told": recipe(
        web={
            "server": "gunicorn",
            "app": "shop:app",
            "threads": 4,
            "limits": {"request": 60, "keep-alive": 5, "graceful": 10},
            "options": ["--max-requests", "1000"],
        }
    ),
    "tls": recipe(
        web={
            "server": "waitress",
            "app": "shop:app",
            "proxy": "nginx",
            "listen": "0.0.0.0:443",
            "tls": {
                "certificate": "/etc/letsencrypt/live/shop/fullchain.pem",
                "key": "/etc/letsencrypt/live/shop/privkey.pem",
                "redirect": "0.0.0.0:80",
            },
        }
    ),
    "uwsgi": recipe(
        web={
            "server": "uwsgi",
            "app": "shop:app",
            "proxy": "nginx",
            "threads": 4,
            "limits": {"request": 60, "body": 8},
        },
    ),
    "uwsgi-alone": recipe(
        web={
            "server": "uwsgi",
            "app": "shop:app",
            "limits": {"body": 8, "graceful": 5},
            "access-log": "off",
            "options": ["--max-requests", "1000"],
        },
    ),
    "static": recipe(
        web={
            "server": "gunicorn",
            "app": "shop:app",
            "proxy": "nginx",
            "static": {"/static/": "share/static", "/media/logos/": "app/logos"},
        },
        build={"steps": ["python -m django collectstatic --noinput"]},
    ),
    "timers": recipe(
        web=None,
        timers={
            "tidy.up": {"command": "worker --tidy", "calendar": "daily", "persistent": True},
            "poll": {"command": "python -m shop.work", "calendar": "*:0/5 UTC"},
        },
    ),
    "secrets": recipe(
        web={"server": "gunicorn", "app": "hello.web:application", "resources": {"tasks": 99}},
        services={
            "worker": {
                "command": "worker",
                "instances": 3,
                "notify": True,
                "watchdog": 30,
                "resources": {"memory": "1GB", "cpu": 150, "files": 4096, "nice": 5},
            }
        },
        secrets={"session-key": {}, "api-token": {"generated": False}},
    ),
    "additions": recipe(python={"version": "3.13", "additions": True}),
    "bundle": recipe(
        services={"worker": {"command": "worker"}},
        timers={"poll": {"command": "worker --once", "calendar": "daily"}},
        bundle={"postgresql": {"memory": "1GB"}, "valkey": {}, "memcached": {}},
    ),
    "no-python": recipe(
        python=None,
        software={"valkey": "8"},
        web=None,
        services={"server": {"command": "valkey-server --port 7000"}},
        commands={"valkey-cli": "bin/valkey-cli -p 7000"},
    ),
}


def integrated(
    wanted: Recipe, hooks: dict[str, str] | None = None, config: dict[str, bytes] | None = None
) -> HostFiles:
    return integrate(wanted, hooks or {}, config or {}, INSTALLED)


def text(host: HostFiles, path: str) -> str:
    return host.files[path].content.decode()


def scripts(host: HostFiles) -> dict[str, str]:
    """Return every shell text of a host integration by a name."""
    found = {
        path: file.content.decode()
        for path, file in host.files.items()
        if ("/bin/" in path or "/libexec/" in path) and not path.endswith(".py")
    }
    for form, texts in host.scripts.items():
        found |= {f"{form}/{name}": body for name, body in texts.items()}
    return found


def write_scripts(host: HostFiles, directory: Path) -> list[Path]:
    """Write every shell text of a host integration to a file of its own."""
    written = []
    for name, body in scripts(host).items():
        path = directory / name.strip("/").replace("/", "-")
        path.write_text(body)
        written.append(path)
    return written


def assert_golden(path: Path, content: str) -> None:
    """Compare with a golden file; OMNIBUILD_WRITE_GOLDEN=1 writes it, for review in the diff."""
    if os.environ.get("OMNIBUILD_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert path.is_file(), f"{path} is new: write it with OMNIBUILD_WRITE_GOLDEN=1"
    assert content == path.read_text()
