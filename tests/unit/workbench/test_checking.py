"""What ``omnibuild check`` finds without building, and where it knows that it knows too little."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.store.store import Store
from tests.unit.sources.python.samples import wheel

RECIPE = """\
[app]
name = "{name}"
version = "1"
summary = "x"
license = "MIT"
maintainer = "T <t@example.com>"

[source]
path = "../project"

[python]
version = "3.13"
lock = "pylock.toml"

[web]
server = "gunicorn"
app = "{app}"
listen = "127.0.0.1:{port}"

[services.worker]
command = "{worker}"

[timers.nightly]
command = "{nightly}"
calendar = "daily"

[commands]
stall = "stall"
serve = "python -m http.server"
"""
SHOP = """\
from flask import Flask
if True:
    app = Flask(__name__)
class Admin:
    hidden = 1
"""


class Bench:
    """A workspace whose lock has one wheel, of ``gunicorn``, with a console script ``stall``."""

    def __init__(self, base: Path) -> None:
        self.base = base
        members = {"gunicorn-1.dist-info/entry_points.txt": b"[console_scripts]\nstall = a:b\n"}
        self.wheel = wheel("gunicorn", members=members)
        digest = hashlib.sha256(self.wheel).hexdigest()
        for name in ("recipes", "project/shop"):
            (base / name).mkdir(parents=True)
        (base / "recipes/pylock.toml").write_text(
            'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "gunicorn"\n'
            'version = "1"\n[[packages.wheels]]\nname = "gunicorn-1-py3-none-any.whl"\n'
            f'hashes = {{ sha256 = "{digest}" }}\n'
        )
        (base / "project/shop/__init__.py").write_text(SHOP)
        (base / "project/pyproject.toml").write_text("[project]\nname = 'shop'\n[tool.uv]\n")

    def recipe(
        self,
        name: str,
        app: str = "shop:app",
        worker: str = "stall",
        nightly: str = "stall",
        port: int = 80,
    ) -> None:
        text = RECIPE.format(name=name, app=app, worker=worker, nightly=nightly, port=port)
        (self.base / f"recipes/{name}.toml").write_text(text)

    def fetch(self) -> None:
        Store(self.base / "store").add_blob(self.wheel)

    def check(self, *words: str) -> int:
        return main(
            ["check", *words, "-C", str(self.base), "--cache-dir", str(self.base / "store")]
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_all_is_well(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.recipe("shop", worker="python3 -m shop")
    assert bench.check() == 0
    assert "1 packages are not looked into" in capsys.readouterr().out
    bench.fetch()
    (bench.base / "project/shop/__main__.py").touch()
    assert bench.check("shop", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"recipe": "shop", "fine": True, "unread": 0}


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("shop:ap", "`shop` has nothing called `ap`"),
        ("shop:hidden", "has nothing called `hidden`"),
        ("shop.wsgi:app", "the app has no module `shop.wsgi`"),
    ],
)
def test_what_is_served_must_be_there(
    bench: Bench, capsys: pytest.CaptureFixture[str], app: str, said: str
) -> None:
    bench.recipe("shop", app=app)
    assert bench.check() == 3
    error = capsys.readouterr().err
    assert said in error
    assert "shop.toml:17:7:" in error


def test_programs_are_known_once_all_packages_are_there(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.recipe("shop", app="elsewhere:app", worker="stal --all", nightly="python -m flsk")
    assert bench.check() == 0
    bench.fetch()
    assert bench.check() == 3
    error = capsys.readouterr().err
    assert "no module `elsewhere`" in error
    assert "no program called 'stal'" in error
    assert "did you mean 'stall'?" in error
    assert "`python -m flsk` is the module flsk, which the app does not have" in error


@pytest.mark.parametrize("code", ["from x import *", "globals()['app'] = 1", "def broken("])
def test_what_only_running_would_tell_is_not_refused(bench: Bench, code: str) -> None:
    (bench.base / "project/shop/__init__.py").write_text(code)
    bench.recipe("shop")
    assert bench.check() == 0


def test_all_recipes_at_once(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.recipe("alpha", app="shop:nothing")
    bench.recipe("beta")
    (bench.base / "recipes/gamma.toml").write_text("[app]\nname = 3\n")
    assert bench.check() == 3
    error = capsys.readouterr().err
    for said in ("has nothing called `nothing`", "port 80 is taken by alpha", "gamma.toml"):
        assert said in error


def test_nothing_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-C", str(tmp_path)]) == 2
    assert "omnibuild init" in capsys.readouterr().err
