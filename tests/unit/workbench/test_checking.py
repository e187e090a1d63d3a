"""What ``omnibuild check`` finds without building, and where it knows that it knows too little."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from omnibuild import pipeline
from omnibuild.cli.main import main
from omnibuild.errors import DefinitionError
from omnibuild.sources.python.project.fields import check_fields
from omnibuild.store.store import Store
from omnibuild.workbench import foreseeing
from tests.unit.audit.test_audit import PKCS8
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
from gunicorn import Flask
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
    assert "1 package is not looked into" in capsys.readouterr().out
    bench.fetch()
    (bench.base / "project/shop/__main__.py").touch()
    assert bench.check("shop", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"recipe": "shop", "fine": True, "unread": 0, "oddities": []}


def test_what_is_odd_is_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.recipe("shop")
    recipe = bench.base / "recipes/shop.toml"
    recipe.write_text(recipe.read_text().partition("[web]")[0])
    assert bench.check() == 0
    assert "warning shop starts nothing and has no commands; write" in capsys.readouterr().out


def static(bench: Bench, place: str) -> int:
    """Check a recipe whose files nginx answers, from that directory."""
    bench.recipe("shop")
    recipe = bench.base / "recipes/shop.toml"
    words = f'proxy = "nginx"\nstatic = {{ "/static/" = "{place}" }}\n'
    recipe.write_text(recipe.read_text().replace("listen =", f"{words}listen ="))
    return bench.check()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("app = FastAPI()\n", "shop/__init__.py:2 makes shop:app by FastAPI, for ASGI, which"),
        ("app = FastAPI()\napp = wsgi(app)\n", ""),
        ("app = Flask(__name__)\n", ""),
    ],
)
def test_a_server_speaks_what_the_app_is_made_for(
    bench: Bench, capsys: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    bench.recipe("shop")
    framework = "fastapi import FastAPI" if "FastAPI" in source else "flask import Flask"
    (bench.base / "project/shop/__init__.py").write_text(f"from {framework}\n{source}")
    assert bench.check() == 0
    out = capsys.readouterr().out
    assert said in out if said else "makes shop:app" not in out
    if said:
        assert "gunicorn does not speak: take uvicorn or hypercorn" in out


def test_directories_that_nginx_answers_from(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.base / "project/files").mkdir()
    assert static(bench, "app/files") == 0
    assert "warning" not in capsys.readouterr().out
    assert static(bench, "share/files") == 0
    said = capsys.readouterr().out
    assert "`share/files`, which no step of [build] makes" in said
    assert "the project's own is `app/files`" in said
    assert static(bench, "app/file") == 3
    error = capsys.readouterr().err
    assert "shop.toml:19:25: the project has no directory `file`" in error
    assert "did you mean `app/files`?" in error


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("shop:ap", "`shop` has nothing called `ap`"),
        ("shop:application", "did you mean `app`?"),
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


def test_what_cannot_start_is_refused_by_a_build_as_well(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.recipe("shop", app="shop:ap", worker="shop/tick.py", nightly="python shop/tick.py")
    (bench.base / "project/shop/tick.py").touch()
    assert bench.check() == 3
    error = capsys.readouterr().err
    assert "shop.toml:17:7: `shop` has nothing called `ap`" in error
    assert error.count("`shop/tick.py` is a file of the project, and no program") == 2
    assert "hint: write `python -m shop.tick`" in error
    words = ["-C", str(bench.base), "--cache-dir", str(bench.base / "store")]
    assert main(["build", "shop", *words, "--output", str(bench.base / "dist")]) == 3
    assert "shop.toml:17:7: `shop` has nothing called `ap`" in capsys.readouterr().err
    bench.recipe("shop", worker="serve")
    pyproject = bench.base / "project/pyproject.toml"
    pyproject.write_text(
        "[project]\nname = 'shop'\nversion = '1'\n[project.scripts]\nserve = 'shop.clii:main'\n"
    )
    lock = bench.base / "recipes/pylock.toml"
    lock.write_text(lock.read_text().replace("[[", 'dependency-groups = ["build"]\n[[', 1))
    for command in (["check"], ["build", "--output", str(bench.base / "dist")]):
        assert main([*command, "shop", *words]) == 3
        error = capsys.readouterr().err
        assert "pyproject.toml:5:9: the script `serve` cannot start" in error
        assert "no module `shop.clii`" in error


def test_a_lock_that_is_not_there_hides_nothing_else(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.recipe("shop", app="shop:application")
    (bench.base / "recipes/pylock.toml").unlink()
    assert bench.check() == 3
    said = capsys.readouterr().err
    assert "pylock" in said
    assert "application" in said
    scripts = bench.base / "recipes/scripts"
    scripts.mkdir()
    (scripts / "post-remove").touch()
    with (bench.base / "recipes/shop.toml").open("a") as recipe:
        recipe.write('[package]\nscripts = "scripts"\nmanuals = ["shop.txt"]\n')
    assert bench.check() == 3
    said = capsys.readouterr().err
    for each in (
        "no such lock file",
        "called `application`",
        "no hook called 'post-remove'",
        "like a manual page",
    ):
        assert said.count(each) == 1, said


def test_programs_are_known_once_all_packages_are_there(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.recipe("shop", app="elsewhere:app", worker="stal --all", nightly="python -m flsk")
    assert bench.check() == 0
    bench.fetch()
    assert bench.check() == 3
    error = capsys.readouterr().err
    assert "no module `elsewhere`" in error
    assert "omnibuild lock shop --require elsewhere; modules of the project are: shop" in error
    assert "no program called 'stal'" in error
    assert "did you mean 'stall'?" in error
    assert "`python -m flsk` is the module flsk, which the app does not have" in error


def test_an_app_of_files_alone_starts_what_they_are(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.base / "recipes/tools").mkdir()
    for name in ("one", "bell"):
        (bench.base / "recipes/tools" / name).write_bytes(b"#!/bin/sh\n")
    path = bench.base / "recipes/bell.toml"
    head = RECIPE.partition("[source]")[0].format(name="bell")
    files = '[files]\n"/opt/bell/sbin" = "tools"\n"/usr/share/bell/bin/other" = "tools/one"\n'
    commands = '[commands]\nbell = "bell --loud"\n{}[services.one]\ncommand = "{}"\n'
    path.write_text(head + files + commands.format("", "one"))
    assert bench.check() == 0
    path.write_text(head + files + commands.format('other = "other"\n', "on"))
    assert bench.check() == 3
    error = capsys.readouterr().err
    assert "did you mean 'one'?" in error
    assert "a component brings it, or a file of [files], as /opt/…/bin/other" in error


def test_a_script_on_the_command_line_is_refused_before_anything_is_fetched(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.recipe("shop", nightly="python -c 'import shop'")
    assert bench.check() == 3
    assert "is not `python -m MODULE`" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["from x import *", "globals()['app'] = 1"])
def test_what_only_running_would_tell_is_not_refused(bench: Bench, code: str) -> None:
    (bench.base / "project/shop/__init__.py").write_text(code)
    bench.recipe("shop")
    assert bench.check() == 0


def test_imports_that_nothing_brings(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import os, yaml\nfrom . import web\ntry:\n    import fast\nexcept ImportError: ...\n"
    package = bench.base / "project/shop"
    (package / "__init__.py").write_text(f"{code}import gunicorn.app\nimport local\n{SHOP}")
    (package / "__main__.py").write_text("if __name__ == '__main__':\n    import later\n")
    (bench.base / "project/local").mkdir()
    bench.recipe("shop", worker="python -m shop")
    assert bench.check() == 0
    # As long as a package is not there, nobody knows what it brings.
    assert "imports" not in capsys.readouterr().out
    bench.fetch()
    assert bench.check() == 0
    said = capsys.readouterr().out
    assert "warning shop/__init__.py:1 imports yaml, which neither the project nor" in said
    assert "omnibuild lock shop --require yaml" in said
    assert said.count(" imports ") == 1
    with (package / "__main__.py").open("a") as module:
        module.write("import sys\nsys.path.append('/opt')\n")
    assert bench.check() == 0
    assert "imports" not in capsys.readouterr().out


def test_a_build_that_fails_tells_what_check_would(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DefinitionError("the payload lacks a module")

    monkeypatch.setattr(pipeline, "execute", fail)
    words = ["-C", str(bench.base), "--cache-dir", str(bench.base / "store")]
    build = ["build", "shop", *words, "--output", str(bench.base / "dist")]
    bench.recipe("shop", app="shpo:app")
    assert main(build) == 3
    assert "the payload lacks a module" in capsys.readouterr().err
    bench.fetch()
    assert main(build) == 3
    error = capsys.readouterr().err
    assert "shop.toml:17:7: the app has no module `shpo`" in error
    assert "did you mean `shop`?" in error
    bench.recipe("shop")
    assert main(build) == 3
    assert "the payload lacks a module" in capsys.readouterr().err


def test_what_packages_in_directories_bring_is_not_known(bench: Bench) -> None:
    bench.recipe("shop", app="elsewhere:app", worker="other")
    bench.fetch()
    assert bench.check() == 3
    other = bench.base / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text("[project]\nname = 'other'\nversion = '1'\n")
    lock = bench.base / "recipes/pylock.toml"
    tree = '[[packages]]\nname = "other"\n[packages.directory]\npath = "../other"\n'
    text = lock.read_text().replace("[[", 'dependency-groups = ["build", "build-other"]\n[[', 1)
    lock.write_text(f"{text}{tree}")
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
    said = set()
    for command in ("check", "build", "lock", "plan"):
        assert main([command, "-C", str(tmp_path)]) == 3
        said.add(capsys.readouterr().err)
    assert len(said) == 1
    assert "omnibuild init" in said.pop()


def test_what_an_audit_would_refuse_of_the_project(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the interpreter at hand knows of the syntax of the app's is as good as it is new.
    monkeypatch.setattr(foreseeing.sys, "version_info", (3, 13, 0))
    bench.recipe("shop")
    project = bench.base / "project"
    (project / ".env").write_text("SECRET_KEY=s3cr3t-k\n")
    (project / "key.pem").write_text(PKCS8)
    (project / "broken.py").write_text("x = 1\ndef broken(:\n")
    assert bench.check() == 6
    error = capsys.readouterr().err
    assert "credentials: /opt/shop/app/.env (of the project shop 1): " in error
    assert "secrets: /opt/shop/app/key.pem" in error
    assert "syntax: /opt/shop/app/broken.py" in error
    assert ": line 2: invalid syntax" in error
    # What the recipe leaves out or answers is nobody's fault.
    recipe = bench.base / "recipes/shop.toml"
    text = recipe.read_text() + '[python.prune]\nShop = ["app/.env", "app/key.pem"]\n'
    text += '[[audit.waivers]]\ncheck = "syntax"\npath = "/opt/shop/app/*.py"\nreason = "x"\n'
    recipe.write_text(text)
    assert bench.check() == 0
    # A project that is built is another tree, and an older interpreter knows less.
    recipe.write_text(text.partition("[python.prune]")[0])
    monkeypatch.setattr(foreseeing.sys, "version_info", (3, 11, 0))
    assert bench.check() == 6
    assert "syntax" not in capsys.readouterr().err
    (project / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    assert bench.check() == 3
    assert "credentials" not in capsys.readouterr().err


def test_what_an_audit_would_refuse_of_a_wheel(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = bench.base / "recipes/pylock.toml"
    lock.write_text(lock.read_text().replace("[[", 'dependency-groups = ["build"]\n[[', 1))
    project = bench.base / "project"
    (project / "pyproject.toml").write_text("[project]\nname = 'shop'\nversion = '1'\n")
    (project / "shop").rename(bench.base / "shop")
    (project / "src").mkdir()
    (bench.base / "shop").rename(project / "src/shop")
    (project / "src/shop/.env").write_text("AWS_SECRET_ACCESS_KEY=s3cr3t-k\n")
    (project / "src/shop/data").mkdir()
    (project / "src/shop/data/k.pem").write_text(PKCS8)
    # What lies beside the packages is in no wheel.
    (project / "k.pem").write_text(PKCS8)
    bench.recipe("shop")
    assert bench.check() == 0
    said = capsys.readouterr().out
    assert "warning src/shop/.env " in said
    assert "warning src/shop/data/k.pem holds a private key" in said
    assert said.count("warning") == 2
    with (bench.base / "recipes/shop.toml").open("a") as recipe:
        recipe.write('[python.prune]\nshop = ["**/.env", "**/k.pem"]\n')
    assert bench.check() == 0
    assert "warning" not in capsys.readouterr().out


def test_a_key_in_configuration(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.recipe("shop")
    (bench.base / "recipes/key.pem").write_text(PKCS8)
    with (bench.base / "recipes/shop.toml").open("a") as recipe:
        recipe.write('[config]\n"/etc/shop/key.pem" = "key.pem"\n')
    assert bench.check() == 6
    assert "secrets: /etc/shop/key.pem (of the recipe): " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("name = 'shop'\nversion = 1\n", "3:11: `version` must be text"),
        ("name = 'shop'\nversion = '1'\nkeywords = 'x'\n", "`keywords` must be an array"),
        ("name = 'shop'\nscripts = { shop = 1 }\nversion = '1'\n", "`shop` must be text"),
        ("name = 'shop'\n", "`version` is missing"),
        ("version = '1'\n", "`name` is missing"),
    ],
)
def test_what_no_backend_takes(
    bench: Bench, capsys: pytest.CaptureFixture[str], project: str, said: str
) -> None:
    bench.recipe("shop")
    (bench.base / "project/pyproject.toml").write_text(f"[project]\n{project}")
    assert bench.check() == 3
    assert said in capsys.readouterr().err
    # Where the version is the project's own, the error is about its file as well.
    recipe = bench.base / "recipes/shop.toml"
    recipe.write_text(recipe.read_text().replace('"1"', '{ from = "project" }', 1))
    assert bench.check() == 3
    error = capsys.readouterr().err
    assert said in error or "declare no version" in error


def test_a_version_that_the_build_or_poetry_says_is_not_missing(bench: Bench) -> None:
    for text in (
        "[project]\nname = 'shop'\ndynamic = ['version']\n",
        "[project]\nname = 'shop'\n[tool.poetry]\nversion = '1'\n",
        "[project]\nname = 'shop'\n[tool.uv]\n",
    ):
        (bench.base / "project/pyproject.toml").write_text(text)
        check_fields(bench.base / "project", built="uv" not in text)


def test_platforms_that_are_made_on_request_only_are_checked_when_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipes").mkdir()
    text = RECIPE[: RECIPE.index("[source]")].format(name="shop")
    text = text.replace('"1"', '"1.0+here"') + '[software]\nzlib = "1.3"\n'
    (tmp_path / "recipes/shop.toml").write_text(text)
    words = ["check", "shop", "-C", str(tmp_path)]
    assert main(words) == 0
    assert main([*words, "-p", "wolfi", "-p", "arch"]) == DefinitionError.exit_status
    assert "shop.toml:3:11: apk has no words for the version" in capsys.readouterr().err
