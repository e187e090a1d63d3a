"""Requirements of every kind: each makes the right lock, or one clear error."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from omnibuild.errors import DefinitionError, LockError
from tests.integration.locking.test_lock import selected
from tests.integration.locking.workspaces import PROJECT, Shop, pure
from tests.unit.sources.python.samples import wheel

SHIPPED: dict[str, Mapping[str, bytes]] = {
    "zope-interface": {"zope.interface-1-py3-none-any.whl": wheel("zope.interface")},
    "under-score": {"Under_Score-2-py3-none-any.whl": wheel("Under_Score", "2")},
    "local": pure("local", "1", "1+cpu", "1+cu2"),
    "early": pure("early", "1a1", "1a2"),
    "asks-early": pure("asks_early", "1", requires=("early>=1a1",)),
    "stages": pure("stages", "1.post1", "2.dev1"),
    "epochs": {"epochs-1!2-py3-none-any.whl": wheel("epochs", "1!2")},
    "partly": {
        "partly-1-py3-none-any.whl": wheel("partly"),
        "partly-2-cp313-cp313-win_amd64.whl": wheel("partly", "2"),
    },
    "foreign": {"foreign-1-cp313-cp313-musllinux_1_2_x86_64.whl": wheel("foreign")},
    "new": {"new-1-cp313-cp313-manylinux_2_39_x86_64.whl": wheel("new")},
    "one": pure("one", "1", requires=("two",)),
    "two": pure("two", "1", requires=("one",)),
    "old-lib": pure("old_lib", "1", requires=("lib<2",)),
    # Somebody else's package has the project's own name.
    "shop": pure("shop", "9", requires=("stranger",)),
    "plugin": pure("plugin", "1", requires=("shop",)),
}


def required(shop: Shop, *requirements: str) -> Shop:
    listed = ", ".join(f"'{each}'" for each in requirements)
    shop.packages |= SHIPPED
    shop.project = PROJECT.replace('"lib>=1"', listed)
    return shop


@pytest.mark.parametrize(
    ("requirements", "locked"),
    [
        (["Zope.Interface", "under__score", "LIB<2"], "lib 1, under-score 2, zope-interface 1"),
        (['lib; python_version < "3"', 'gone; os_name == "nt"'], ""),
        (['lib; sys_platform == "linux"', 'gone; platform_machine == "arm64"'], "lib 2"),
        (["lib", 'lib<2; implementation_name == "cpython"'], "lib 1"),
        (["local==1+cpu"], "local 1+cpu"),
        (["lib===1"], "lib 1"),
        (["early"], "early 1a2"),
        (["asks-early"], "asks-early 1, early 1a2"),
        (["stages"], "stages 1.post1"),
        (["epochs>=1!1"], "epochs 1!2"),
        (["partly"], "partly 1"),
        (["one"], "one 1, two 1"),
        # Who is required is the project itself, whoever requires it.
        (["shop"], ""),
        (["shop[more]", "lib"], "lib 2"),
        (["plugin"], "plugin 1"),
    ],
)
def test_what_is_locked(shop: Shop, requirements: list[str], locked: str) -> None:
    made = required(shop, *requirements).lock()
    assert ", ".join(f"{name} {version}" for name, version in selected(made).items()) == locked
    assert shop.lock().path.read_bytes() == made.path.read_bytes()


@pytest.mark.parametrize(
    ("requirements", "says", "hint"),
    [
        (["lib<2", "lib>=2"], "lib<2 and lib>=2", "relax a requirement"),
        (["old-lib", "lib>=2"], "old-lib depend on lib<2", "relax a requirement"),
        (["no-such-thing"], "no-such-thing was not found", "misspelt"),
        (["foreign"], "foreign==1 has no wheels", "foreign has wheels for other systems"),
        (["new", "lib"], "new==1 has no wheels", "platforms whose glibc is older"),
    ],
)
def test_what_cannot_be_locked(shop: Shop, requirements: list[str], says: str, hint: str) -> None:
    with pytest.raises(LockError, match="cannot be resolved together") as caught:
        required(shop, *requirements).lock()
    assert says in caught.value.why.replace("\n", " ")
    assert hint in caught.value.hint
    assert not (shop.base / "recipes/pylock.shop.toml").exists()


def test_extras_that_lead_to_each_other(shop: Shop) -> None:
    required(
        shop
    ).project += (
        '[project.optional-dependencies]\na = ["shop[B]", "lib<2"]\nb = ["shop[a]", "one"]\n'
    )
    shop.python = 'extras = ["A"]'
    assert selected(shop.lock()) == {"lib": "1", "one": "1", "two": "1"}


@pytest.mark.parametrize(
    ("said", "says"), [("<3.12", "is for Python <3.12"), ("three", "says no versions of Python")]
)
def test_a_project_that_is_not_for_this_python(shop: Shop, said: str, says: str) -> None:
    shop.project = PROJECT.replace("[project]", f'[project]\nrequires-python = "{said}"')
    with pytest.raises(DefinitionError, match=says):
        shop.lock()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"pyproject.toml": "[tool.poetry]\npackage-mode = false\n{}"}, "poetry lock"),
        ({"Pipfile": '[packages]\nlib = "*"\n'}, "pipenv lock"),
    ],
)
def test_requirements_that_only_an_absent_tool_reads(
    shop: Shop, files: dict[str, str], says: str
) -> None:
    shop.project = ""
    shop.directory.mkdir()
    for name, text in files.items():
        more = '[tool.poetry.dependencies]\npython = "^3.11"\nlib = "^1"\n'
        (shop.directory / name).write_text(text.format(more))
    with pytest.raises(LockError, match="only another tool can tell") as caught:
        shop.lock()
    assert says in caught.value.hint
