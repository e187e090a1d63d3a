"""A PEX file as a plan: which actions it takes, and which recipes cannot have one."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from omnibuild.blueprint.app import AppPlan, plan_app
from omnibuild.blueprint.python.pex import started, told
from omnibuild.errors import DefinitionError, PackageError
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Build, Recipe

CHECKOUT = Path(__file__).resolve().parents[3]


def planned(app: str, *platforms: str, **changed: Any) -> AppPlan:
    definitions = Definitions(CHECKOUT)
    recipe, path = definitions.recipe(app)
    recipe = msgspec.structs.replace(recipe, **changed)
    chosen = [definitions.platform(name)[0] for name in platforms]
    return plan_app(definitions, recipe, path, chosen)


def test_it_is_made_of_wheels_and_nothing_is_installed() -> None:
    plan = planned("hello", "pex")
    assert plan.packages == {"pex": "pex:hello/x86_64@bullseye/amd64"}
    assert not plan.audits
    kinds = {action.kind for action in plan.plan}
    assert kinds == {"fetch", "root", "snapshot", "component", "backend", "wheel", "pex"}
    action = plan.plan.actions[plan.packages["pex"]]
    wheels = {role: name for role, name in action.inputs.items() if role.startswith("wheel:")}
    assert wheels["wheel:hello"] == "wheel:hello/hello@bullseye/amd64"
    assert wheels["wheel:gunicorn"].startswith("fetch:gunicorn-")
    assert list(action.parameters["files"]) == ["gunicorn"]
    assert action.inputs["pex"].startswith("fetch:pex-")
    named = [one["name"] for one in action.parameters["manifest"]["python"]]
    assert named == ["gunicorn", "hello", "pex"]
    assert action.parameters["manifest"]["components"] == []


def test_a_release_takes_the_interpreter_of_its_packages_if_there_are_any() -> None:
    def profiled(*platforms: str) -> bool:
        plan = planned("hello", *platforms, build=Build(profile="release"))
        parameters = plan.plan.actions["component:python-3.13@bullseye/amd64"].parameters
        return "--enable-optimizations" in str(parameters)

    assert profiled("debian-12", "pex")
    assert not profiled("pex")


def test_without_sources_no_interpreter_is_compiled(tmp_path: Path) -> None:
    definitions = Definitions(CHECKOUT)
    recipe, path = definitions.recipe("httpbin")
    assert recipe.python
    # Without those that httpbin takes as sources.
    packages = (path.parent / "pylock.httpbin.toml").read_text().partition("[tool.omnibuild]")[0]
    kept = [each for each in packages.split("[[packages]]") if "sdist" not in each]
    (tmp_path / "pylock.httpbin.toml").write_text("[[packages]]".join(kept))
    python = msgspec.structs.replace(recipe.python, from_source=())
    recipe = msgspec.structs.replace(recipe, python=python, commands={"httpbin": "flask run"})
    place = tmp_path / "httpbin.toml"
    plan = plan_app(definitions, recipe, place, [definitions.platform("pex")[0]])
    assert {action.kind for action in plan.plan} == {"fetch", "root", "pex"}


def test_its_wheels_are_those_of_packages() -> None:
    both = planned("hello", "pex", "debian-12")
    alone = planned("hello", "debian-12")
    assert dict(both.plan.actions) == {
        **alone.plan.actions,
        **planned("hello", "pex").plan.actions,
    }
    assert set(both.audits) == {"debian-12"}


def test_what_is_for_hosts_is_told() -> None:
    plan = planned("hello", "pex")
    assert plan.oddities == (
        "a PEX file has only the Python packages of hello: it leaves out [web], [config],"
        " [software], [environment] HELLO_CONFIG, [package] user and [package] scripts",
    )
    assert not planned("hello", "debian-12").oddities


RECIPE = """\
[app]
name = "shop"
version = "1.0"
summary = "A shop"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
path = "."

[python]
version = "3.13"
"""


def recipe_of(base: Path, text: str) -> tuple[Recipe, Path]:
    path = base / "shop.toml"
    path.write_text(RECIPE + text)
    return load(path, Recipe), path


@pytest.mark.parametrize(
    ("commands", "starts"),
    [
        ('shop-admin = "shop-admin"\nshop = "shop --color"', "shop --color"),
        ('b = "python3 -m shop.b -v"\na = "shop-a"', "python3 -m shop.b -v"),
    ],
)
def test_it_starts_the_command_called_like_the_app_or_the_first(
    tmp_path: Path, commands: str, starts: str
) -> None:
    assert started(*recipe_of(tmp_path, f"[commands]\n{commands}\n")) == starts


@pytest.mark.parametrize("command", ["bin/shop", "python shop.py", "python", "python -m"])
def test_other_programs_are_refused_with_their_line(tmp_path: Path, command: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        started(*recipe_of(tmp_path, f'[commands]\nshop = "{command}"\n'))
    assert caught.value.where
    assert caught.value.where.line == 14
    assert "has no such program" in str(caught.value)


def test_nothing_is_told_where_nothing_is_left_out(tmp_path: Path) -> None:
    text = '[commands]\nshop = "shop"\n[environment]\nCOLOR = "red"\n'
    assert not told(recipe_of(tmp_path, text)[0])
    every = recipe_of(
        tmp_path,
        'prune = { a = ["b"] }\nadditions = true\nsources = false\n'
        '[commands]\nshop = "shop"\n[services.work]\ncommand = "work"\n'
        '[secrets]\nkey = {}\n[build]\nsymbols = true\n[package]\npre-depends = ["adduser"]\n'
        '[package.deb]\nbreaks = ["old"]\n',
    )[0]
    assert told(every) == (
        "a PEX file has only the Python packages of shop: it leaves out [services], [secrets],"
        " [python.prune], [python] additions, [python] sources, [build] symbols,"
        " [package] pre-depends and [package] breaks"
    )


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"commands": {}}, "a PEX file starts a command, and the recipe has none"),
        ({"build": Build(steps=("true",))}, "no place for what `build.steps` makes"),
        ({"python": msgspec.UNSET}, "the recipe has no [python]"),
    ],
)
def test_what_no_pex_file_can_be_is_refused(changed: dict[str, Any], what: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        planned("hello", "pex", **changed)
    assert what in str(caught.value)


def test_a_project_that_nothing_builds_is_refused(tmp_path: Path) -> None:
    recipe, path = recipe_of(tmp_path, '[commands]\nshop = "shop"\n')
    (tmp_path / "shop.py").write_text("")
    lock = (CHECKOUT / "recipes/pylock.hello.toml").read_text().partition("[tool.omnibuild]")[0]
    (tmp_path / "pylock.shop.toml").write_text(lock)
    definitions = Definitions(CHECKOUT)
    with pytest.raises(DefinitionError, match="nothing builds the project of shop"):
        plan_app(definitions, recipe, path, [definitions.platform("pex")[0]])


def test_wheels_with_components_are_refused_before_they_are_built(tmp_path: Path) -> None:
    recipe, path = recipe_of(tmp_path, '[commands]\nshop = "shop"\n')
    recipe = msgspec.structs.replace(recipe, source=msgspec.UNSET)
    lock = (CHECKOUT / "recipes/pylock.httpbin.toml").read_text().partition("[tool.omnibuild]")[0]
    # As a lock says it of what is compiled with a component.
    lock = lock.replace(
        'name = "greenlet"\n', 'name = "greenlet"\ntool = { omnibuild = { needs = ["zlib"] } }\n', 1
    )
    (tmp_path / "pylock.shop.toml").write_text(lock)
    definitions = Definitions(CHECKOUT)
    with pytest.raises(PackageError, match="a PEX file has no zlib, which greenlet"):
        plan_app(definitions, recipe, path, [definitions.platform("pex")[0]])


def test_platforms_of_a_workspace_may_call_the_architecture_otherwise(tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "platforms", tmp_path / "platforms")
    other = (CHECKOUT / "platforms/pex.toml").read_text()
    other = other.replace('name = "pex"', 'name = "pex-old"').replace("x86_64", "amd64")
    (tmp_path / "platforms/pex-old.toml").write_text(other)
    definitions = Definitions(tmp_path)
    recipe, path = Definitions(CHECKOUT).recipe("hello")
    chosen = [definitions.platform(name)[0] for name in ("pex", "pex-old")]
    plan = plan_app(definitions, recipe, path, chosen)
    assert set(plan.packages.values()) == {
        "pex:hello/x86_64@bullseye/amd64",
        "pex:hello/amd64@bullseye/amd64",
    }
