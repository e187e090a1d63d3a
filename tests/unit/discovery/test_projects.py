"""Projects as people have them, and the recipe that each gets."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from omnibuild.discovery.built import built
from omnibuild.discovery.draft import PLEASE, app_name, draft_of, series_for
from omnibuild.discovery.findings import Findings, Found
from omnibuild.discovery.metadata import declared, note_choices
from omnibuild.discovery.recipe_text import text_of
from omnibuild.discovery.scripts import add_inline, add_scripts
from omnibuild.discovery.served import served

ACCOUNT = Found("Jo <jo@example.com>", "git")


def recipe_of(directory: Path, files: dict[str, str], table: str = "") -> dict[str, Any]:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    found = Findings()
    declared(directory, found)
    served(directory, found)
    built(directory, found)
    add_scripts(directory, found)
    assert found.name
    draft = draft_of(found, app_name(found.name.value), ACCOUNT, ["3.11", "3.13"], ("path", "."))
    return tomllib.loads(text_of(draft, table))


def test_pep_621(tmp_path: Path) -> None:
    recipe = recipe_of(
        tmp_path,
        {
            "pyproject.toml": """
            [project]
            name = "Web_Shop"
            version = "1.4"
            description = "Sells \\"things\\""
            license = "mit"
            maintainers = [{ name = "Ann" }, { email = "ops@shop.example" }]
            requires-python = ">=3.9,<3.13"
            dependencies = ["flask>=3", "psycopg[binary]; python_version > '3'"]
            urls = { Homepage = "https://shop.example" }
            scripts = { shop-admin = "shop.cli:main", "bad name" = "x:y" }
            """,
            "shop/__init__.py": "from flask import Flask as F\napp: F = F(__name__)\n"
            "@app.route('/healthz')\ndef ok():\n    return 'ok'\n",
        },
    )
    assert recipe["app"] == {
        "name": "web-shop",
        "version": {"from": "project"},
        "summary": 'Sells "things"',
        "license": "MIT",
        "maintainer": "ops <ops@shop.example>",
        "homepage": "https://shop.example",
    }
    assert recipe["python"] == {"version": "3.11"}
    assert recipe["web"]["app"] == "shop:app"
    assert recipe["web"]["server"] == "gunicorn"
    assert recipe["web"]["health"] == "/healthz"
    assert recipe["commands"] == {"shop-admin": "shop-admin"}


def test_poetry(tmp_path: Path) -> None:
    recipe = recipe_of(
        tmp_path,
        {
            "pyproject.toml": """
            [tool.poetry]
            name = "stall"
            version = "2.0.1"
            description = "A stall"
            license = "BSD"
            authors = ["Ann Other <ann@example.com>"]
            repository = "https://example.com/stall"
            [tool.poetry.dependencies]
            python = "^3.11"
            fastapi = "*"
            [tool.poetry.scripts]
            stall = "stall:main"
            """,
            "src/stall/main.py": "import fastapi\nservice = fastapi.FastAPI()\n",
        },
    )
    assert recipe["app"]["license"] == "BSD-3-Clause"
    assert recipe["app"]["maintainer"] == "Ann Other <ann@example.com>"
    assert recipe["app"]["homepage"] == "https://example.com/stall"
    assert recipe["web"]["server"] == "uvicorn"
    assert recipe["web"]["app"] == "stall.main:service"
    # It has no page of its own at /, and none for its health.
    assert recipe["web"]["health"] == "/openapi.json"


def test_setup_cfg_and_setup_py(tmp_path: Path) -> None:
    setup_cfg = (
        "[metadata]\nname = old\nversion = attr: old.__version__\nauthor = A\n"
        "author-email = a@example.com\nclassifiers =\n    License :: OSI Approved :: MIT License\n"
        "[options.entry_points]\nconsole_scripts =\n    old = old:main\n"
    )
    recipe = recipe_of(
        tmp_path,
        {
            "setup.cfg": setup_cfg,
            "setup.py": "import os\nos.system('touch ran')\nfrom setuptools import setup\n"
            "setup(name='other', description='An old one', install_requires=['flask'],\n"
            "      entry_points={'console_scripts': ['older = old:main']}, version=computed())\n",
            "old/__init__.py": "__version__ = '0.3'\n",
        },
    )
    assert recipe["app"]["name"] == "old"
    assert recipe["app"]["version"] == {"from": "project"}
    assert recipe["app"]["summary"] == "An old one"
    assert recipe["app"]["license"] == "MIT"
    assert recipe["commands"] == {"old": "old", "older": "older"}
    assert not (tmp_path / "ran").exists()


def test_django(tmp_path: Path) -> None:
    recipe = recipe_of(
        tmp_path,
        {
            "requirements.txt": "-r more.txt\nDjango>=5  # web\nredis==5.0 --hash=sha256:00\n",
            "manage.py": "#!/usr/bin/env python\nimport os\n"
            "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n",
            "mysite/settings.py": "DEBUG = False\n",
            "mysite/wsgi.py": "from django.core.wsgi import get_wsgi_application\n"
            "application = get_wsgi_application()\n",
            "mysite/asgi.py": "from django.core.asgi import get_asgi_application\n"
            "application = get_asgi_application()\n",
        },
    )
    assert recipe["app"]["name"] == app_name(tmp_path.name)
    assert recipe["web"]["app"] == "mysite.wsgi:application"
    assert recipe["web"]["server"] == "gunicorn"


DJANGO = {
    "requirements.txt": "django\n",
    "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n",
    "site1/wsgi.py": "from django.core.wsgi import get_wsgi_application\n"
    "application = get_wsgi_application()\n",
}


@pytest.mark.parametrize(
    ("root", "directory"),
    [
        ('BASE_DIR / "static" / "all"', "static/all"),
        ('os.path.join(BASE_DIR, "staticfiles")', "staticfiles"),
        ('str(BASE_DIR / "s")', "s"),
        ('BASE_DIR / ".." / "s"', ""),
        ('"/srv/static"', ""),
    ],
)
def test_static_files_of_django(tmp_path: Path, root: str, directory: str) -> None:
    files = {**DJANGO, "site1/settings.py": f"import os\nSTATIC_ROOT = {root}\n"}
    files["site1/locale/de/LC_MESSAGES/django.po"] = ""
    recipe = recipe_of(tmp_path, files)
    if not directory:
        assert "build" not in recipe
        assert "static" not in recipe["web"]
        return
    assert recipe["web"]["static"] == {"/static/": f"app/{directory}"}
    assert recipe["build"] == {
        "steps": ["python manage.py collectstatic --noinput", "python -m django compilemessages"],
        "needs": ["gettext"],
    }


@pytest.mark.parametrize("version", ["1.4", "1!2.0rc1"])
def test_versions_are_asked_for_at_each_build(tmp_path: Path, version: str) -> None:
    pyproject = f"[project]\nname = 'abc'\nversion = '{version}'\n"
    recipe = recipe_of(tmp_path, {"pyproject.toml": pyproject})
    assert recipe["app"]["version"] == {"from": "project"}


def test_static_files_of_a_project_that_is_built_are_nobodys_guess(tmp_path: Path) -> None:
    pyproject = "[build-system]\nrequires = []\n[project]\nname = 'abc'\nversion = '1'\n"
    settings = "STATIC_ROOT = BASE_DIR / 'static'\n"
    recipe = recipe_of(
        tmp_path, {**DJANGO, "pyproject.toml": pyproject, "site1/settings.py": settings}
    )
    assert "build" not in recipe


@pytest.mark.parametrize(
    ("url", "served"),
    [("'assets/'", "/assets/"), ("'/a/b'", "/a/b/"), ("'https://cdn.example.com/'", "")],
)
def test_where_static_files_are_served(tmp_path: Path, url: str, served: str) -> None:
    settings = f"STATIC_ROOT = BASE_DIR / 'static'\nSTATIC_URL = {url}\n"
    recipe = recipe_of(tmp_path, {**DJANGO, "site1/settings.py": settings})
    assert recipe["web"].get("static", {}) == ({served: "app/static"} if served else {})
    assert "collectstatic" in recipe["build"]["steps"][0]


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("esbuild a.js --bundle --outdir=out/js", "out/js"),
        ("vite build --outDir public", "public"),
        ("react-scripts build", "build"),
        ("esbuild a.js --outdir=../x", "dist"),
        ("next build", "out"),
    ],
)
def test_where_a_front_end_is_put(tmp_path: Path, script: str, output: str) -> None:
    files = {
        "requirements.txt": "flask\n",
        "package.json": json.dumps({"scripts": {"build": script}}),
        "package-lock.json": "{}",
    }
    assert recipe_of(tmp_path, files)["build"]["node"] == {"directory": ".", "output": output}


@pytest.mark.parametrize(
    ("config", "node"),
    [
        ("build: { outDir: 'build/web' }", {"output": "build/web"}),
        ("// outDir: 'x'\nbuild: {}", {"output": "dist"}),
        ("root: './src', build: {\n outDir: '../made' }", {"output": "made"}),
        ("outDir: path.resolve(__dirname, 'made')", {"output": "made"}),
        # Nothing beside the front end is seen by its build.
        ("outDir: '../shop/static'", {"output": "dist", "run": "npm run build -- --outDir dist"}),
    ],
)
def test_where_the_configuration_of_vite_puts_a_front_end(
    tmp_path: Path, config: str, node: dict[str, str]
) -> None:
    files = {
        "requirements.txt": "flask\n",
        "ui/package.json": '{"scripts": {"build": "tsc && vite build"}}',
        "ui/package-lock.json": "{}",
        "ui/vite.config.ts": f"export default defineConfig({{\n{config}\n}})\n",
    }
    assert recipe_of(tmp_path, files)["build"]["node"] == {"directory": "ui", **node}


def test_a_front_end(tmp_path: Path) -> None:
    package = '{"scripts": {"build": "tsc && vite build"}}'
    files = {
        "requirements.txt": "flask\n",
        "ui/package.json": package,
        "ui/package-lock.json": "{}",
        "old/package.json": package,
        "tool/package.json": '{"scripts": {"test": "jest"}}',
        "bad/package.json": "[" * 10_000,
        "bad/package-lock.json": "{}",
    }
    assert recipe_of(tmp_path, files)["build"] == {"node": {"directory": "ui", "output": "dist"}}
    found = Findings()
    built(tmp_path, found)
    assert found.notes == [
        "old/package.json: a front end without package-lock.json, which [build.node] needs:"
        " npm install --package-lock-only, in old"
    ]


def test_procfile(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "flask\n",
        "Procfile": "web: gunicorn --factory -k uvicorn.workers.UvicornWorker a.b:make\n"
        "worker: celery -A shop worker -Q 'a b'\nrelease: flask db upgrade\n"
        "clock: run --port $PORT\nnot a line\n",
    }
    recipe = recipe_of(tmp_path, files)
    assert recipe["web"]["server"] == "uvicorn"
    assert recipe["web"]["app"] == "a.b:make()"
    assert recipe["services"] == {"worker": {"command": "celery -A shop worker -Q 'a b'"}}


def test_files_of_a_procfile_are_run_as_modules(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "x\n",
        "src/jobs/work.py": "work()\n",
        "Procfile": "web: gunicorn a:b --bind 0.0.0.0:$PORT\n"
        "worker: python3 src/jobs/work.py --all\nother: python gone.py\n"
        "release: python src/jobs/work.py 'a b' && python -m jobs.more\n",
    }
    recipe = recipe_of(tmp_path, files)
    assert recipe["web"]["app"] == "a:b"
    assert recipe["services"]["worker"]["command"] == "python -m jobs.work --all"
    # There is no such file, which a build would refuse.
    assert "other" not in recipe["services"]
    found = Findings()
    served(tmp_path, found)
    assert [said.value for said in found.prepare] == ["jobs.work 'a b'", "jobs.more"]


def test_what_manage_py_does(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "django\n",
        "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mall.settings')\n",
        "mall/settings.py": "STATIC_ROOT = os.environ['STATIC_ROOT']\n",
        "mall/wsgi.py": "application = get_wsgi_application()\n",
        "Procfile": "queue: python manage.py work --queue mail\n",
        "app.json": '{"cron": [{"command": "python manage.py clear_old", "schedule": "@daily"}]}',
    }
    (tmp_path / "mall").mkdir()
    recipe = recipe_of(tmp_path / "mall", files)
    assert recipe["web"]["app"] == "mall.wsgi:application"
    assert recipe["environment"] == {"DJANGO_SETTINGS_MODULE": "mall.settings"}
    assert recipe["commands"] == {"mall": "python -m django"}
    assert recipe["services"] == {"queue": {"command": "python -m django work --queue mail"}}
    timer = {"command": "python -m django clear_old", "calendar": "daily"}
    assert recipe["timers"] == {"clear-old": timer}
    found = Findings(name=Found("mall", ""), commands={"mall": Found("mall", "")})
    served(tmp_path / "mall", found)
    assert set(found.commands) == {"mall", "mall-manage"}
    assert [said.value for said in found.prepare] == [
        "django migrate --noinput",
        "django collectstatic --noinput",
    ]
    # Where the project says what happens at a release, that happens.
    (tmp_path / "mall/Procfile").write_text("release: python manage.py migrate --fake\n")
    found = Findings()
    served(tmp_path / "mall", found)
    assert [said.value for said in found.prepare] == ["django migrate --fake"]


def test_pyramid(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "wiki"\nversion = "1"\n',
        "production.ini": "[app:main]\nuse = egg:wiki\npyramid.reload = 100%\n",
    }
    recipe = recipe_of(tmp_path, files)
    assert recipe["services"] == {"web": {"command": "pserve /etc/wiki/production.ini"}}
    assert recipe["config"] == {"/etc/wiki/production.ini": "production.ini"}


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("from starlette.applications import Starlette\nx = y = Starlette()", "m:x"),
        ("import falcon.asgi as f\napp = f.App()", "m:app"),
        (
            "import flask\ndef create_app(name='x', *, y=1):\n    return flask.Flask(name)",
            "m:create_app()",
        ),
        ("import flask\ndef create_app(name):\n    return flask.Flask(name)", ""),
        ("from flask import Flask\nclass A:\n    app = Flask(__name__)", ""),
        ("app = Flask()", ""),
        ("from flask import Flask\na, b = Flask(1), 2", ""),
    ],
)
def test_what_is_an_app(tmp_path: Path, code: str, target: str) -> None:
    recipe = recipe_of(tmp_path, {"m.py": code, "tests/t.py": "import flask\nx = flask.Flask(1)"})
    assert recipe.get("web", {}).get("app", "") == target


def test_an_object_of_a_usual_name_is_taken_before_others(tmp_path: Path) -> None:
    flask = "from flask import Flask\n"
    files = {
        "a/b.py": f"{flask}admin = Flask(1)\n",
        "z/c.py": f"{flask}app = Flask(1)\ndef create_app():\n    return Flask(2)\n",
    }
    assert recipe_of(tmp_path, files)["web"]["app"] == "z.c:app"


def test_a_recipe_in_pyproject_is_the_same_below_its_table(tmp_path: Path) -> None:
    files = {"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n', "Procfile": "a: b\n"}
    plain = recipe_of(tmp_path, files)
    assert recipe_of(tmp_path, files, "tool.omnibuild.") == {"tool": {"omnibuild": plain}}


def test_gaps_are_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("x\n")
    found = Findings()
    declared(tmp_path, found)
    draft = draft_of(found, "9lives", ACCOUNT, ["3.13"], ("path", "."))
    assert [draft.version.where, draft.summary.where, draft.license.where] == [PLEASE] * 3
    found.services["worker"] = Found("work", "")
    assert draft_of(found, "9lives", ACCOUNT, ["3.13"], ("path", ".")).user == "_9lives"
    assert draft_of(found, "a.b", ACCOUNT, ["3.13"], ("path", ".")).user == "a-b"


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg", "setup.py", "Procfile", "m.py"])
@pytest.mark.parametrize(
    "content",
    [
        b"\0\xff\xfe",
        b"(" * 50_000,
        b"x = " + b"[" * 3000 + b"]" * 3000,
        b"[a]\n" * 1000 + b"%(",
        b"web: gunicorn '\nworker:\nx: \x1b[2J\n",
        b"[project]\nname = 3\nscripts = []\nurls = 1\nauthors = [1]\nlicense = []\n",
    ],
)
def test_hostile_files_are_passed_over_or_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    from omnibuild.errors import OmnibuildError

    (tmp_path / name).write_bytes(content)
    found = Findings()
    try:
        declared(tmp_path, found)
        served(tmp_path, found)
    except OmnibuildError:
        assert name == "pyproject.toml"
        return
    draft = draft_of(found, "shop", ACCOUNT, ["3.13"], ("path", "."))
    assert tomllib.loads(text_of(draft))["app"]["name"] == "shop"


def test_what_launchers_are_called_is_no_command(tmp_path: Path) -> None:
    scripts = 'shop = "s:m"\nshop-run = "s:r"\nshop-web = "s:w"\nshop-mail = "s:x"\n'
    recipe = recipe_of(
        tmp_path,
        {
            "pyproject.toml": f'[project]\nname = "shop"\n[project.scripts]\n{scripts}',
            "s.py": "import flask\napp = flask.Flask(__name__)\n",
            "Procfile": "mail: shop-mail --all\n",
        },
    )
    assert recipe["services"].keys() == {"mail"}
    assert recipe["commands"] == {"shop": "shop"}


def test_what_is_called_like_a_worker_may_be_one(tmp_path: Path) -> None:
    found = Findings(name=Found("shop", ""), services={"mail": Found("shop-bot --all", "")})
    found.commands = {name: Found(name, "") for name in ("shop", "shop-worker", "shop-bot")}
    draft_of(found, "shop", ACCOUNT, ["3.13"], ("path", "."))
    assert found.notes == [
        "shop-worker runs when somebody calls it; as a service it is:"
        ' [services.worker] command = "shop-worker"'
    ]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("radicale", '[services.server] command = "radicale"'),
        ("datasette", '[services.server] command = "datasette serve"'),
        ("devpi-server", '[services.server] command = "devpi-server"'),
    ],
)
def test_how_known_servers_serve(name: str, table: str) -> None:
    found = Findings(name=Found(name, ""), commands={name: Found(name, "")})
    draft_of(found, name, ACCOUNT, ["3.13"], ("index", f"{name}==1"))
    assert found.notes == [f"{name} runs when somebody calls it; as a service it is: {table}"]


@pytest.mark.parametrize(
    "command", ["./run.sh", "bin/run --all", "bash run.sh", "python gone.py", "python -u tidy.py"]
)
def test_what_no_recipe_can_run_is_left_out(tmp_path: Path, command: str) -> None:
    (tmp_path / "Procfile").write_text(f"clock: {command}\nmail: shop-mail --all\n")
    job = {"command": command, "schedule": "@daily"}
    (tmp_path / "app.json").write_text(json.dumps({"cron": [job]}))
    (tmp_path / "tidy.py").write_text("print(1)\n")
    found = Findings()
    served(tmp_path, found)
    assert found.services.keys() == {"mail"}
    assert not found.timers
    assert [note.partition(": ")[0] for note in found.notes] == ["Procfile:1", "app.json"]
    assert all(note.endswith(", and is left out") for note in found.notes)


def test_what_is_not_taken_is_said_with_the_way_to_take_it(tmp_path: Path) -> None:
    def notes(name: str, files: dict[str, str]) -> list[str]:
        directory = tmp_path / name
        directory.mkdir()
        for file, text in files.items():
            (directory / file).write_text(text)
        found = Findings()
        note_choices(directory, found)
        return found.notes

    both = """
    [project]
    name = "shop"
    optional-dependencies = { redis = ["redis"], Post_gres = ["psycopg"] }
    [dependency-groups]
    test = ["pytest"]
    """
    assert notes("both", {"pyproject.toml": both}) == [
        "not taken: extras post-gres, redis; groups test; to take some, write"
        ' extras = ["post-gres"] or groups = ["test"] below [python], then run: omnibuild lock'
    ]
    poetry = "[tool.poetry.group.docs.dependencies]\nsphinx = '*'\n"
    (said,) = notes("poetry", {"pyproject.toml": poetry})
    assert said.startswith('not taken: groups docs; to take some, write groups = ["docs"] below')
    pipfile = {"_meta": {}, "default": {}, "develop": {}}
    (said,) = notes("pipenv", {"Pipfile.lock": json.dumps(pipfile)})
    assert said.startswith("not taken: groups develop; ")
    assert notes("none", {"pyproject.toml": "[project]\nname = 'x'\n"}) == []
    assert notes("bare", {"requirements.txt": "flask\n"}) == []


def run_by(directory: Path, files: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the services and the commands that a project gets."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    found = Findings(name=Found("shop", ""))
    served(directory, found)
    add_scripts(directory, found)
    services, commands = (
        {name: said.value for name, said in each.items()}
        for each in (found.services, found.commands)
    )
    return services, commands


GUARD = "if __name__ == '__main__':\n"


@pytest.mark.parametrize(
    ("files", "services", "commands"),
    [
        ({"server.py": f"{GUARD}    web.run_app(make_app())\n"}, {"server": "server"}, {}),
        ({"run.py": f"def go():\n    while True: pass\n{GUARD}    go()\n"}, {"server": "run"}, {}),
        ({"shop_bot/__main__.py": "bot.run_polling()\n"}, {"shop-bot": "shop_bot"}, {}),
        (
            {"once.py": f"{GUARD}    print(1)\n", "main.py": f"{GUARD}    x()\n"},
            {},
            {"shop": "main"},
        ),
        # Of a project that is built, files beside its packages are not in the wheel.
        (
            {"once.py": f"{GUARD}    x()\n", "pyproject.toml": "[build-system]\nrequires = []\n"},
            {},
            {},
        ),
        ({"lib.py": "def serve(): web.run_app(1)\n"}, {}, {}),
        ({"bare.py": "bot = Bot()\nbot.infinity_polling()\n"}, {"bare": "bare"}, {}),
        # Whoever says what runs is believed.
        (
            {"server.py": f"{GUARD}    web.run_app(1)\n", "Procfile": "mail: python -m mail\n"},
            {"mail": "mail"},
            {},
        ),
    ],
)
def test_scripts_run_where_nothing_says_what_does(
    tmp_path: Path, files: dict[str, str], services: dict[str, str], commands: dict[str, str]
) -> None:
    found = run_by(tmp_path, files)
    wanted = [
        {n: f"python -m {module}" for n, module in each.items()} for each in (services, commands)
    ]
    assert [*found] == wanted


def test_a_recipe_that_runs_nothing_says_how_something_would(tmp_path: Path) -> None:
    found = Findings(name=Found("shop", ""))
    add_scripts(tmp_path, found)
    assert found.notes == ["nothing is found that the package could start: write what runs"]
    text = text_of(draft_of(found, "shop", ACCOUNT, ["3.13"], ("path", ".")))
    assert "services" not in tomllib.loads(text)
    written = text.replace("# [services.server]", "[services.server]").replace(
        "# command", "command"
    )
    assert tomllib.loads(written)["services"] == {"server": {"command": "python -m MODULE"}}


@pytest.mark.parametrize(
    ("says", "series", "older"),
    [
        ("", "3.13", ["3.11"]),
        (">=3.11", "3.13", ["3.11"]),
        ("<3.13", "3.11", []),
        (">=3.14", "3.14", []),
        (">3.14.0", "3.14", []),
        (">=3.15", "3.15", []),
    ],
)
def test_a_newer_interpreter_is_for_those_that_run_on_nothing_older(
    says: str, series: str, older: list[str]
) -> None:
    requires = Found(says, "pyproject.toml") if says else None
    found = Findings(name=Found("shop", ""), requires_python=requires)
    there = ["3.11", "3.13", "3.14", "3.15"]
    draft = draft_of(found, "shop", ACCOUNT, there, ("path", "."))
    assert draft.python.value == series
    assert series_for(found, there) == [series, *older]


def test_an_interpreter_that_does_not_fit_is_noted(tmp_path: Path) -> None:
    found = Findings(name=Found("shop", ""), requires_python=Found("==3.12.*", "pyproject.toml"))
    draft = draft_of(found, "shop", ACCOUNT, ["3.11", "3.13"], ("path", "."))
    assert draft.python.value == "3.13"
    assert found.notes == [
        "pyproject.toml is ==3.12.*, and no such interpreter is defined: there are 3.13, 3.11, of"
        " which 3.13 is taken"
    ]


def test_dash_has_its_server_inside(tmp_path: Path) -> None:
    text = "from dash import Dash\napp = Dash(__name__)\nserver = app.server\n"
    recipe = recipe_of(tmp_path, {"requirements.txt": "dash\n", "board.py": text})
    assert recipe["web"]["app"] == "board:server"


def test_streamlit_runs_its_first_page(tmp_path: Path) -> None:
    page = "import streamlit as st\nst.title('x')\n"
    files = {"requirements.txt": "streamlit\n", "about.py": page, "app.py": page}
    recipe = recipe_of(tmp_path, {**files, "pages/more.py": page})
    assert recipe["services"]["server"]["command"] == (
        f"streamlit run /opt/{recipe['app']['name']}/app/app.py --server.headless true"
        " --server.address 127.0.0.1 --server.port 8501"
    )


def test_scripts_say_what_they_require(tmp_path: Path) -> None:
    text = (
        '# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n'
        '#   "httpx[http2]>=0.27",\n#   "not a requirement",\n# ]\n# ///\n'
        f"import httpx\n{GUARD}    print(httpx)\n"
    )
    (tmp_path / "fetcher.py").write_text(text)
    (tmp_path / "broken.py").write_text("# /// script\n# ]\n# ///\n")
    found = Findings(name=Found("fetch", ""))
    add_scripts(tmp_path, found)
    add_inline(tmp_path, found)
    recipe = tomllib.loads(text_of(draft_of(found, "fetch", ACCOUNT, ["3.13"], ("path", "."))))
    assert recipe["python"] == {"version": "3.13", "require": ["httpx[http2]>=0.27"]}
    assert recipe["commands"] == {"fetch": "python -m fetcher"}
    assert found.requires_python == Found(">=3.11", "fetcher.py: script")
    assert found.notes == [
        "fetcher.py: script requires 'not a requirement', which is no requirement"
    ]
    # A file of requirements says all.
    other = Findings(requirements={"flask"})
    add_inline(tmp_path, other)
    assert not other.require


@pytest.mark.parametrize(
    ("name", "text", "series"),
    [
        (".python-version", "3.11\n", "3.11"),
        (".python-version", "3.11.9\n3.12\n", "3.11"),
        ("runtime.txt", "python-3.11.4", "3.11"),
        ("Pipfile", '[requires]\npython_version = "3.11"\n', "3.11"),
        (".python-version", "pypy3.10\n", "3.13"),
        (".python-version", "myenv\n", "3.13"),
    ],
)
def test_developers_say_their_interpreter(
    tmp_path: Path, name: str, text: str, series: str
) -> None:
    recipe = recipe_of(tmp_path, {"requirements.txt": "flask\n", name: text})
    assert recipe["python"]["version"] == series
    # What the project itself says to run on counts more.
    project = '[project]\nname = "x"\nrequires-python = ">=3.12"\n'
    recipe = recipe_of(tmp_path, {"pyproject.toml": project})
    assert recipe["python"]["version"] == "3.13"
