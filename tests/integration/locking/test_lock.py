"""One lock of all that an app takes: what it runs with, and what builds its sources."""

from __future__ import annotations

import tomllib

import pytest
from packaging.pylock import Pylock, is_valid_pylock_path

from omnibuild.errors import DefinitionError, LockError
from omnibuild.locking.lock import Locked
from omnibuild.recipe.lock import build_group, load_lock
from omnibuild.recipe.wheeltags import marker_environment
from tests.integration.locking.workspaces import API, Shop, pure, source
from tests.unit.sources.python.samples import wheel

PYTHON = marker_environment("3.13")


def selected(made: Locked, group: str = "run") -> dict[str, str]:
    files = load_lock(made.path).select("3.13", "2.31", group)
    return {file.package: file.version for file in files}


def test_project_and_sources_are_built_with_what_is_pinned(shop: Shop) -> None:
    shop.python = 'from-source = ["lib"]'
    old = '[build-system]\nrequires = ["backend<1"]\nbuild-backend = "backend.api"\n'
    shop.packages["lib"] = {**pure("lib", "2"), **source("lib", "2", old)}
    shop.packages["backend"] = {
        f"backend-{version}-py3-none-any.whl": wheel("backend", version, members=API)
        for version in ("0.9", "1")
    }
    made = shop.lock()
    assert made.path == shop.base / "recipes/pylock.shop.toml"
    assert is_valid_pylock_path(made.path)
    assert selected(made) == {"lib": "2"}
    # Each with its own: one takes a version of the backend that the other refuses.
    assert selected(made, build_group()) == {"backend": "1", "build": "1"}
    assert selected(made, build_group("lib")) == {"backend": "0.9", "build": "1"}
    with pytest.raises(LockError, match="other is built from source, and the lock does not"):
        selected(made, build_group("other"))
    # Readers that know no groups of ours get what runs.
    standard = Pylock.from_dict(tomllib.loads(made.path.read_text()))
    assert [package.name for package, _ in standard.select(environment=PYTHON)] == ["lib"]


def test_the_same_inputs_give_the_same_bytes(shop: Shop) -> None:
    first = shop.lock().path.read_bytes()
    assert shop.lock().path.read_bytes() == first


@pytest.mark.parametrize(
    ("requires", "backend"),
    [('["backend"]', "other.api"), ("[]", "backend.api"), ('["backend"]', "backend.other")],
)
def test_a_backend_that_nothing_brings_is_named_before_anything_is_built(
    shop: Shop, requires: str, backend: str
) -> None:
    shop.project = shop.project.replace('["backend>=1"]', requires)
    shop.project = shop.project.replace("backend.api", backend)
    with pytest.raises(DefinitionError, match=f"`{backend}`") as caught:
        shop.lock()
    assert caught.value.where is not None
    assert caught.value.where.file.endswith("shop/pyproject.toml")
    assert not (shop.base / "recipes/pylock.shop.toml").exists()


def test_a_source_without_a_build_system_is_built_by_setuptools(shop: Shop) -> None:
    shop.project = shop.project.partition("[project]")[2].replace("", "[project]", 1)
    legacy = {"setuptools/build_meta.py": b""}
    shop.packages["setuptools"] = {
        "setuptools-80-py3-none-any.whl": wheel("setuptools", "80", members=legacy)
    }
    assert selected(shop.lock(), build_group()) == {"build": "1", "setuptools": "80"}
