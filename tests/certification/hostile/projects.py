"""Boundaries of other people's projects: their locks, and all that `init` and `check` read."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from contextlib import suppress

from omnibuild import events
from omnibuild.discovery.distribution import declared_by
from omnibuild.discovery.findings import Findings
from omnibuild.discovery.recipe_text import hook_of, text_of
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Recipe
from omnibuild.settings import Settings
from omnibuild.sources.python.pins.finding import choices, pins_record, read_pins
from omnibuild.workbench.checking import check
from omnibuild.workbench.starting import start
from tests.certification.hostile.archives import WHEEL
from tests.certification.hostile.harness import SECRET, Boundary, Place, nothing
from tests.certification.hostile.mutate import NASTY, damaged, json_text, revalued, reworded

DIGEST = "0" * 64
PYLOCK = f"""\
lock-version = "1.0"
created-by = "somebody"
requires-python = ">=3.11"
extras = ["postgres"]

[[packages]]
name = "flask"
version = "3.0.1"
marker = "python_version >= '3.8' or 'postgres' in extras"
index = "https://index.example.com/simple"
wheels = [
    {{ name = "flask-3.0.1-py3-none-any.whl", size = 1, hashes = {{ sha256 = "{DIGEST}" }} }},
]

[[packages]]
name = "six"
version = "1.17.0"
sdist = {{ name = "six-1.17.0.tar.gz", hashes = {{ sha256 = "{DIGEST}" }} }}
"""
POETRY = f"""\
[[package]]
name = "Flask"
version = "3.0.1"
optional = false
groups = ["main", "dev"]
markers = {{ main = "python_version >= '3.12'", dev = "python_version > '3'" }}
files = [{{ file = "flask-3.0.1-py3-none-any.whl", hash = "sha256:{DIGEST}" }}]

[[package]]
name = "six"
version = "1.17.0"
markers = "python_version < '4'"
files = []

[package.source]
type = "legacy"
url = "https://index.example.com/simple"

[extras]
postgres = ["psycopg (>=3)", "six"]

[metadata]
lock-version = "2.1"
"""
PIPFILE = {
    "_meta": {"sources": [{"name": "own", "url": "https://index.example.com/simple"}]},
    "default": {
        "Flask": {"version": "==3.0.1", "hashes": [f"sha256:{DIGEST}"], "markers": "os_name!='nt'"},
        "six": {"version": "==1.17.0", "index": "own"},
    },
    "docs": {"sphinx": {"version": "==8.0"}},
}
REQUIREMENTS = f"""\
# comment
-r more.txt
--index-url https://index.example.com/simple
Flask==3.0.1 ; python_version >= "3.8" \\
    --hash=sha256:{DIGEST}
six>=1.17
-e .
other @ https://example.com/other-1.0-py3-none-any.whl
"""
PINS = {
    "pylock.toml": PYLOCK,
    "poetry.lock": POETRY,
    "Pipfile.lock": json.dumps(PIPFILE),
    "requirements.txt": REQUIREMENTS,
}


def _other(text: str, dice: random.Random) -> bytes:
    if dice.randrange(4):
        return reworded(text, dice).encode("utf-8", "surrogateescape")
    return damaged(text.encode(), dice)


def _make_pins(place: Place, _: None, dice: random.Random) -> None:
    name = dice.choice(list(PINS))
    data = _other(PINS[name], dice)
    if name == "Pipfile.lock" and dice.randrange(2):
        data = json_text(revalued(PIPFILE, dice))
    (place.inbox / name).write_bytes(data)
    if name == "requirements.txt":
        (place.inbox / "more.txt").write_bytes(_other("-r requirements.txt\nsix==1.17.0\n", dice))


def _take_pins(place: Place, _: None) -> str:
    (path,) = (place.inbox / name for name in PINS if (place.inbox / name).exists())
    if path.suffix == ".txt":
        pins_record(path)
    pins = read_pins(path, "3.13", place.inbox, choices(path))
    for name, pin in pins.versions.items():
        assert name == name.lower(), name
        assert not set(pin.version) & set("\n\0 "), pin
    return "taken"


# Projects -------------------------------------------------------------------------------------

PROJECT = {
    "pyproject.toml": """\
[project]
name = "shop"
version = "1.0"
description = "A shop"
license = "MIT"
authors = [{ name = "Ann", email = "ann@example.com" }]
requires-python = ">=3.9"
dependencies = ["flask>=3", "gunicorn"]
readme = "README.md"
dynamic = []

[project.scripts]
shop = "shop.cli:main"

[project.urls]
Homepage = "https://example.com"
""",
    "setup.cfg": """\
[metadata]
name = shop
version = attr: shop.__version__
author = Ann
license = MIT

[options]
install_requires =
    flask
[options.entry_points]
console_scripts =
    shop = shop.cli:main
""",
    "setup.py": """\
from setuptools import setup
setup(name="shop", version="1.0", author="Ann", install_requires=["flask"],
      entry_points={"console_scripts": ["shop = shop.cli:main"]})
""",
    "Procfile": "web: gunicorn shop.web:app --bind 0.0.0.0:$PORT\nrelease: shop migrate\n",
    "app.json": '{"cron": [{"command": "shop tidy", "schedule": "0 4 * * 1-5"}]}',
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
    "README.md": "# Shop\n",
    "LICENSE": "MIT License\n",
    "shop/__init__.py": '__version__ = "1.0"\n',
    "shop/web.py": """\
from flask import Flask
app = Flask(__name__)
@app.route("/health")
def health(): return "ok"
""",
    "shop/cli.py": "def main():\n    return 0\n",
    "shop/settings.py": 'WSGI_APPLICATION = "shop.web.app"\nSTATIC_ROOT = "static"\n',
}
DEEP = (
    lambda: "x = " + "(" * 5000 + ")" * 5000,
    lambda: "x = " + "-" * 50_000 + "1",
    lambda: "a." * 20_000 + "b",
    lambda: "x = [" + "1," * 200_000 + "]",
    lambda: "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 200)),
)


def _make_project(place: Place, _: None, dice: random.Random) -> None:
    project = place.inbox / "project"
    kept = dice.sample(list(PROJECT), dice.randrange(3, len(PROJECT)))
    for name in sorted({*kept, dice.choice(("pyproject.toml", "setup.cfg", "setup.py"))}):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(PROJECT[name])
    for name in dice.sample(kept, dice.choice((1, 1, 2, 3))):
        path = project / name
        match dice.randrange(16):
            case 0 if name.endswith(".py"):
                path.write_text(dice.choice(DEEP)())
            case 1:
                path.unlink()
                path.symlink_to(dice.choice((f"{place.outside}/secret", name, "/dev/zero", ".")))
            case 2:
                path.unlink()
                os.mkfifo(path)
            case 3:
                path.unlink()
                path.mkdir()
            case _:
                path.write_bytes(_other(PROJECT[name], dice))
    with suppress(OSError, ValueError):
        (project / "shop" / f"{dice.choice(NASTY).replace('/', '_')}.py").write_text("app = 1\n")


def _take_project(place: Place, _: None) -> str:
    project = place.inbox / "project"
    settings = Settings(project, place.inbox / "store", 1)
    started = start(settings, str(project), "", events.silent)
    text = text_of(started.draft)
    assert SECRET not in text
    if started.hooks:
        assert hook_of(started.draft)
    started.recipe.parent.mkdir(exist_ok=True)
    started.recipe.write_text(text)
    load(started.recipe, Recipe)
    (checked,) = check(settings, [str(started.recipe)])
    for problem in checked.problems:
        assert len(str(problem)) < 20_000
    return "problems" if checked.problems else "taken"


# Distributions --------------------------------------------------------------------------------


def _make_distribution(place: Place, _: None, dice: random.Random) -> None:
    files = dict(WHEEL)
    for name in dice.sample(list(files), dice.choice((1, 2))):
        files[name] = _other(files[name].decode("latin-1"), dice)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    data = stream.getvalue()
    (place.inbox / "wheel").write_bytes(damaged(data, dice) if not dice.randrange(3) else data)


def _take_distribution(place: Place, _: None) -> str:
    declared_by(place.inbox / "wheel", "app-1.0-py3-none-any.whl", Findings())
    return "taken"


BOUNDARIES = {
    "pins of others": Boundary(nothing, _make_pins, _take_pins),
    "projects": Boundary(nothing, _make_project, _take_project),
    "distributions": Boundary(nothing, _make_distribution, _take_distribution),
}
