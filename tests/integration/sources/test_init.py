"""``omnibuild init``: a recipe and its lock, or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild import events
from omnibuild.blueprint.versions import read_recipe
from omnibuild.cli.main import main
from omnibuild.host.hooks import load_hooks
from omnibuild.recipe.definitions import Definitions
from omnibuild.settings import Settings
from omnibuild.workbench.starting import start
from tests.unit.sources.python.samples import publish, sdist, wheel
from tests.unit.transfer.server import Server, running


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with running() as server:
        url = publish(
            server,
            shop={
                "shop-1.4-py3-none-any.whl": wheel("shop", "1.4", requires=("stall",)),
                "shop-2.0-py3-none-any.whl": wheel("shop", "2.0"),
            },
            stall={"stall-1-py3-none-any.whl": wheel("stall")},
            gunicorn={"gunicorn-23-py3-none-any.whl": wheel("gunicorn", "23")},
        )
        monkeypatch.setenv("OMNIBUILD_INDEX_URL", url)
        yield server


@pytest.mark.parametrize(("subject", "version"), [("Shop", "2.0"), ("shop==1.4", "1.4")])
def test_a_package_of_the_index(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], subject: str, version: str
) -> None:
    assert main(["init", subject, "-C", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    recipe = tomllib.loads(Path(said["recipe"]).read_text())
    assert said["recipe"] == str(tmp_path / "recipes/shop.toml")
    assert recipe["source"]["index"].lower() == f"shop=={version}"
    assert recipe["app"]["version"] == version
    locked = {each["name"] for each in tomllib.loads(Path(said["lock"]).read_text())["packages"]}
    assert {"shop"} <= locked
    assert ("stall" in locked) is (version == "1.4")
    # Nothing is overwritten.
    before = Path(said["recipe"]).read_bytes()
    assert main(["init", subject, "-C", str(tmp_path)]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert Path(said["recipe"]).read_bytes() == before


def test_a_package_that_starts_nothing_is_noted(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(
        index,
        stall={"stall-1-py3-none-any.whl": wheel("stall")},
        fair=with_commands("fair", "fair"),
    )
    for subject in ("stall", "fair"):
        assert main(["init", subject, "-C", str(tmp_path)]) == 0
        noted = "note: nothing is found that the package could start" in capsys.readouterr().out
        assert noted is (subject == "stall")


def test_an_older_release_is_not_taken_silently(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(
        index,
        shop={
            "shop-1.4-py3-none-any.whl": wheel("shop", "1.4"),
            "shop-2.0-py3-none-any.whl": wheel("shop", "2.0", requires=("nowhere",)),
            "shop-3.0rc1-py3-none-any.whl": wheel("shop", "3.0rc1"),
        },
    )
    assert main(["init", "shop", "-C", str(tmp_path)]) == 0
    assert "note: 2.0 is newer and was not taken: `omnibuild init shop==2.0` says why" in (
        capsys.readouterr().out
    )


def test_a_project(
    index: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = '[project]\nname = "mall"\nversion = "3"\ndependencies = ["shop<2"]\n[tool.uv]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "mall.py").write_text("import flask\napp = flask.Flask(__name__)\n")
    assert main(["init", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "mall:app by gunicorn" in said
    assert "mall.py:2, Flask" in said
    locked = tomllib.loads((tmp_path / "pylock.mall.toml").read_text())["packages"]
    assert {"shop", "stall", "gunicorn"} <= {each["name"] for each in locked}
    recipe = tomllib.loads((tmp_path / "omnibuild.toml").read_text())
    assert recipe["source"] == {"path": "."}
    # Said once: the next release of the project needs no other recipe.
    assert recipe["app"]["version"] == {"from": "project"}
    (tmp_path / "pyproject.toml").write_text(text.replace('"3"', '"4"'))
    assert read_recipe(Definitions(tmp_path), "")[0].app.version == "4"
    # A workspace keeps its recipes together.
    (tmp_path / "all/recipes").mkdir(parents=True)
    (tmp_path / "omnibuild.toml").unlink()
    assert main(["init", ".", "-C", "all", "--name", "stalls"]) == 0
    recipe = tomllib.loads((tmp_path / "all/recipes/stalls.toml").read_text())
    assert (recipe["app"]["name"], recipe["source"]["path"]) == ("stalls", "../..")


def test_a_directory_of_projects_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("apps/till", "libs/money", "node_modules/gyp"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (tmp_path / "apps/till/api.py").write_text("import fastapi\napp = fastapi.FastAPI()\n")
    assert main(["init", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "these are: apps/till, libs/money\n" in said
    assert f"omnibuild init {tmp_path}/apps/till" in said


def test_a_person_is_asked_for_what_was_not_found(index: Server, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("shop\n")
    main_end, terminal = pty.openpty()
    words = ["init", str(tmp_path), "-C", str(tmp_path), "--name", "mall"]
    process = subprocess.Popen(
        [sys.executable, "-m", "omnibuild", *words],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(terminal)
    os.write(main_end, b"2.5\n\nMIT\n\n")
    drawn = b""
    with contextlib.suppress(OSError):  # its end, on Linux
        while part := os.read(main_end, 65536):
            drawn += part
    os.close(main_end)
    said = drawn.decode()
    assert process.wait() == 0, said
    assert "version [0.1.0]: " in said
    recipe = tomllib.loads((tmp_path / "omnibuild.toml").read_text())["app"]
    assert (recipe["version"], recipe["summary"], recipe["license"]) == ("2.5", "mall", "MIT")


def test_a_version_of_git_stays_one(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "mall"
    project.mkdir()
    text = '[project]\nname = "mall"\ndynamic = ["version"]\ndependencies = ["shop"]\n[tool.uv]\n'
    (project / "pyproject.toml").write_text(text)
    words = ("-C", project, "-c", "user.name=x", "-c", "user.email=x@example.com")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run(["git", *words, *command], check=True)
    # No tag yet: somebody has to say it.
    assert main(["init", str(project), "-C", str(tmp_path)]) == 0
    assert "please correct `version`" in capsys.readouterr().out
    (project / "omnibuild.toml").unlink()
    subprocess.run(["git", *words, "tag", "v2.1"], check=True)
    assert main(["init", str(project), "-C", str(tmp_path)]) == 0
    assert "please correct `version`" not in capsys.readouterr().out
    recipe = tomllib.loads((project / "omnibuild.toml").read_text())
    assert recipe["app"]["version"] == {"from": "git"}
    assert read_recipe(Definitions(tmp_path), str(project))[0].app.release.startswith("2.1")


def test_what_a_project_does_at_each_release_becomes_a_hook(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "requirements.txt": "shop\n",
        "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mall.settings')\n",
        "mall/wsgi.py": "application = get_wsgi_application()\n",
    }
    for name, text in files.items():
        (tmp_path / "mall" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mall" / name).write_text(text)
    project = tmp_path / "mall"
    assert main(["init", str(project), "-C", str(tmp_path)]) == 0
    assert "package-scripts/prepare" in capsys.readouterr().out
    recipe = tomllib.loads((project / "omnibuild.toml").read_text())
    hooks = load_hooks(project / recipe["package"]["scripts"])
    assert hooks["prepare"].endswith("python3 -I -m django migrate --noinput\n")
    # What is there already is nobody's to write into.
    (project / "omnibuild.toml").unlink()
    assert main(["init", str(project), "-C", str(tmp_path)]) == 0
    assert "no hook is written" in capsys.readouterr().out
    assert "package" not in tomllib.loads((project / "omnibuild.toml").read_text())


def test_the_newest_version_may_exist_only_as_source(index: Server, tmp_path: Path) -> None:
    files = {f"stand-{n}.tar.gz": sdist("stand", n, {"setup.py": ""}) for n in ("1", "2")}
    publish(index, stand=files)
    settings = Settings(tmp_path, tmp_path / "cache", 1)
    started = start(settings, "stand", "", events.silent)
    assert started.draft.source == ("index", "stand==2")
    assert started.draft.python.value == "3.13"
    assert started.older == ("3.11",)


@pytest.mark.parametrize("other", ["1", "3rc1"])
def test_the_newest_release_may_need_what_exists_only_as_source(
    index: Server, tmp_path: Path, other: str
) -> None:
    """And is no reason to take an older one, or one before its release, that needs none."""
    publish(
        index,
        stand={"stand-1.tar.gz": sdist("stand", "1", {"setup.py": ""})},
        tent={
            "tent-2-py3-none-any.whl": wheel("tent", "2", requires=("stand",)),
            f"tent-{other}-py3-none-any.whl": wheel("tent", other),
        },
    )
    started = start(Settings(tmp_path, tmp_path / "cache", 1), "tent", "", events.silent)
    assert started.draft.source == ("index", "tent==2")


@pytest.mark.parametrize("other", ["1", "3rc1"])
def test_a_release_that_cannot_be_taken_is_passed_over(
    index: Server, tmp_path: Path, other: str
) -> None:
    publish(
        index,
        tent={
            "tent-2-py3-none-any.whl": wheel("tent", "2", requires=("nothing-like-it",)),
            f"tent-{other}-py3-none-any.whl": wheel("tent", other),
        },
    )
    started = start(Settings(tmp_path, tmp_path / "cache", 1), "tent", "", events.silent)
    assert started.draft.source == ("index", f"tent=={other}")


def with_commands(name: str, *commands: str, requires: tuple[str, ...] = ()) -> dict[str, bytes]:
    lines = "".join(f"{command} = x:y\n" for command in commands)
    scripts = {f"{name}-1.dist-info/entry_points.txt": f"[console_scripts]\n{lines}".encode()}
    return {f"{name}-1-py3-none-any.whl": wheel(name, "1", scripts if commands else {}, requires)}


@pytest.mark.parametrize(
    ("subject", "commands"),
    [
        # A theme is used by the commands of what it requires itself and is called like.
        ("mart-theme", {"mart"}),
        # A bundle by those of whoever has a command called like it.
        ("oven", {"oven", "oven-list", "oven-all"}),
        ("martial", {"martial"}),
    ],
)
def test_commands_that_its_kin_brings(
    index: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    subject: str,
    commands: set[str],
) -> None:
    publish(
        index,
        **{
            "mart-theme": with_commands("mart_theme", requires=("Mart", "oven-core")),
            "oven-core": with_commands("oven_core", "oven", "oven-list"),
        },
        mart=with_commands("mart", "mart", requires=("martial",)),
        martial=with_commands("martial", "martial"),
        oven=with_commands("oven", "oven-all", requires=("oven-core",)),
    )
    assert main(["init", subject, "-C", str(tmp_path)]) == 0
    recipe = tomllib.loads((tmp_path / f"recipes/{subject}.toml").read_text())
    assert recipe["commands"] == {name: name for name in commands}
    assert ("'s entry_points.txt" in capsys.readouterr().out) is (subject != "martial")


@pytest.mark.parametrize("subject", ["nothing-of-the-kind", "shop==9", "shop @ file:///x", "", "."])
def test_what_fails_leaves_nothing(
    index: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    subject: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", subject]) in (2, 3, 4)
    assert "error[" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.toml"))


def test_a_project_that_cannot_be_locked_has_a_recipe_to_mend(
    index: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = '[project]\nname = "mall"\nversion = "3"\ndependencies = ["nowhere"]\n[tool.uv]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert main(["init", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert "nowhere" in said
    assert "CPython 3.11" not in said
    assert "is it the index that you mean? omnibuild.toml is written; mend what" in said
    assert f"there or in the project, and run: omnibuild lock {tmp_path}\n" in said
    assert {path.name for path in tmp_path.iterdir()} == {"pyproject.toml", "omnibuild.toml"}
    assert '"3.13"' in (tmp_path / "omnibuild.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text.replace("nowhere", "shop"))
    assert main(["lock", str(tmp_path)]) == 0


def test_what_cannot_be_had_is_listed_once(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements.txt").write_text("shop==9\n")
    assert main(["init", str(tmp_path), "-C", str(tmp_path), "--name", "mall"]) == 3
    assert "  required: shop==9\n" in capsys.readouterr().err


def test_what_to_mend_stands_alone_where_there_is_no_other_hint(
    index: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("shop\n")
    said = 'lock-version = "1.0"\ncreated-by = "x"\nrequires-python = ">=3.99"\npackages = []\n'
    (tmp_path / "pylock.toml").write_text(said)
    assert main(["init", str(tmp_path), "--name", "mall"]) == 3
    assert "\n  hint: omnibuild.toml is written; mend what is wrong" in capsys.readouterr().err


def test_an_address_is_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "https://git.example.com/x/y", "-C", str(tmp_path)]) == 2
    assert "hint: git clone https://git.example.com/x/y, then: " in capsys.readouterr().err


def test_credentials_are_left_out(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements.txt").write_text("shop\n")
    (tmp_path / "in[1]").mkdir()
    for name in (".env", "in[1]/.env"):
        (tmp_path / name).write_text("DEBUG=1\nSECRET_KEY=s3cr3t-k\n")
    (tmp_path / ".env.example").write_text("SECRET_KEY=\n")
    assert main(["init", str(tmp_path), "-C", str(tmp_path), "--name", "my.mall"]) == 0
    assert "note: .env holds credentials, and is left out" in capsys.readouterr().out
    recipe = tomllib.loads((tmp_path / "omnibuild.toml").read_text())
    assert recipe["python"]["prune"] == {"my.mall": ["app/.env", "app/in[[]1]/.env"]}
    assert main(["check", str(tmp_path)]) == 0


def test_what_is_no_fault_of_recipes_leaves_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNIBUILD_INDEX_URL", "http://127.0.0.1:9/simple")
    (tmp_path / "requirements.txt").write_text("shop\n")
    (tmp_path / "manage.py").write_text("'DJANGO_SETTINGS_MODULE', 'mall.settings'")
    assert main(["init", str(tmp_path), "-C", str(tmp_path), "--name", "mall"]) == 4
    assert "OMNIBUILD_INDEX_URL" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"requirements.txt", "manage.py"}


def test_an_older_interpreter_that_fails_too_is_not_left(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "stand-1-cp311-cp311-manylinux_2_17_x86_64.whl"
    publish(index, stand={name: wheel("stand", requires=("nowhere",))})
    (tmp_path / "requirements.txt").write_text("stand\n")
    assert main(["init", str(tmp_path), "-C", str(tmp_path), "--name", "mall"]) == 3
    assert "; trying CPython 3.11" in capsys.readouterr().err
    assert tomllib.loads((tmp_path / "omnibuild.toml").read_text())["python"]["version"] == "3.13"


def test_an_older_interpreter_is_taken_where_the_newest_cannot_be_locked(
    index: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "stand-1-cp311-cp311-manylinux_2_17_x86_64.whl"
    publish(index, stand={name: wheel("stand")})
    (tmp_path / "requirements.txt").write_text("stand\n")
    assert main(["init", str(tmp_path), "-C", str(tmp_path), "--name", "mall"]) == 0
    said = capsys.readouterr().err
    why = "stand==1 has no wheels with a matching Python"
    assert f"warning it cannot be locked for CPython 3.13: {why}" in " ".join(said.split())
    assert "warning CPython 3.11 is taken instead of 3.13" in said
    assert tomllib.loads((tmp_path / "omnibuild.toml").read_text())["python"]["version"] == "3.11"
    assert "cp311" in (tmp_path / "pylock.mall.toml").read_text()
