"""One lock of all that an app takes: what it runs with, and what builds its sources."""

from __future__ import annotations

import tomllib

import pytest
from packaging.pylock import Pylock, is_valid_pylock_path

from omnibuild import pipeline
from omnibuild.errors import DefinitionError, LockError, UsageError
from omnibuild.locking.lock import Locked, check
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
    old = '[build-system]\nrequires = ["flit-core<1"]\nbuild-backend = "flit_core.buildapi"\n'
    shop.packages["lib"] = {**pure("lib", "2"), **source("lib", "2", old)}
    shop.packages["flit-core"] = {
        f"flit_core-{version}-py3-none-any.whl": wheel("flit_core", version, members=API)
        for version in ("0.9", "1")
    }
    made = shop.lock()
    assert made.path == shop.base / "recipes/pylock.shop.toml"
    assert is_valid_pylock_path(made.path)
    assert selected(made) == {"lib": "2"}
    # Each with its own: one takes a version of the backend that the other refuses.
    assert selected(made, build_group()) == {"build": "1", "flit-core": "1"}
    assert selected(made, build_group("lib")) == {"build": "1", "flit-core": "0.9"}
    shop.python = 'from-source = ["lib", "other"]'
    with pytest.raises(LockError, match="what the app does not need: other"):
        shop.lock()
    with pytest.raises(LockError, match="other is built from source, and the lock does not"):
        selected(made, build_group("other"))
    # Readers that know no groups of ours get what runs.
    standard = Pylock.from_dict(tomllib.loads(made.path.read_text()))
    assert [package.name for package, _ in standard.select(environment=PYTHON)] == ["lib"]


def test_what_only_rust_compiles_is_refused_before_it_is_asked(shop: Shop) -> None:
    shop.python = 'from-source = ["lib"]'
    rust = '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'
    shop.packages["lib"] = {**pure("lib", "2"), **source("lib", "2", rust)}
    members = {"maturin/__init__.py": b"raise SystemExit('it ran')\n"}
    shop.packages["maturin"] = {"maturin-1-py3-none-any.whl": wheel("maturin", members=members)}
    with pytest.raises(LockError, match="lib is compiled by Rust, which no component") as caught:
        shop.lock()
    assert str(caught.value.where).startswith(f"{shop.recipe}:13:16")
    assert not (shop.base / "recipes/pylock.shop.toml").exists()


def test_the_same_inputs_give_the_same_bytes(shop: Shop) -> None:
    first = shop.lock().path.read_bytes()
    assert shop.lock().path.read_bytes() == first


@pytest.mark.parametrize(
    ("requires", "backend"),
    [
        ('["flit-core"]', "other.api"),
        ("[]", "flit_core.buildapi"),
        ('["flit-core"]', "flit_core.other"),
    ],
)
def test_a_backend_that_nothing_brings_is_named_before_anything_is_built(
    shop: Shop, requires: str, backend: str
) -> None:
    shop.project = shop.project.replace('["flit-core>=1"]', requires)
    shop.project = shop.project.replace("flit_core.buildapi", backend)
    with pytest.raises(DefinitionError, match=f"`{backend}`") as caught:
        shop.lock()
    assert caught.value.where is not None
    assert caught.value.where.file.endswith("shop/pyproject.toml")
    assert not (shop.base / "recipes/pylock.shop.toml").exists()


def test_versions_stay_until_they_are_to_be_upgraded(shop: Shop) -> None:
    shop.packages["lib"] = pure("lib", "1", requires=("other",))
    shop.packages["other"] = pure("other", "1")
    assert selected(shop.lock()) == {"lib": "1", "other": "1"}
    for name in ("lib", "other", "build"):
        shop.packages[name] = pure(name, "1", "2", requires=("other",) if name == "lib" else ())
    assert selected(shop.lock()) == {"lib": "1", "other": "1"}
    made = shop.lock(upgrade=["Other"])
    assert selected(made) == {"lib": "1", "other": "2"}
    assert selected(made, build_group())["build"] == "1"
    # What does not fit any more does not stay.
    shop.project = shop.project.replace("lib>=1", "lib>1")
    assert selected(shop.lock())["lib"] == "2"
    assert selected(shop.lock(upgrade=[""]), build_group())["build"] == "2"
    with pytest.raises(UsageError, match="not locked: flask"):
        shop.lock(upgrade=["flask"])


def test_an_app_without_a_project_has_a_lock(shop: Shop) -> None:
    shop.packages["six"] = pure("six", "1")
    shop.source = shop.project = ""
    assert selected(shop.lock()) == {}
    shop.python = 'require = ["six"]'
    assert selected(shop.lock()) == {"six": "1"}
    assert check(shop.settings(), "shop").content.packages


def test_what_was_required_is_remembered_in_the_recipe(shop: Shop) -> None:
    shop.packages |= {name: pure(name, "1", "2") for name in ("bcrypt", "six")}
    shop.python = 'require = ["six"] # as ever'
    assert selected(shop.lock(require=["Bcrypt<2"])) == {"bcrypt": "1", "lib": "2", "six": "2"}
    text = shop.recipe.read_text()
    assert tomllib.loads(text)["python"]["require"] == ["six", "Bcrypt<2"]
    assert 'version = "3.13"\nrequire' in text
    shop.python = 'require = ["six", "Bcrypt<2"]'
    assert "bcrypt" in selected(shop.lock())
    # One requirement of a name: the new one; and nothing is written when it cannot be had.
    before = shop.recipe.read_bytes()
    with pytest.raises(LockError):
        shop.lock(require=["bcrypt>=3"])
    assert shop.recipe.read_bytes() == before
    assert selected(shop.lock(require=["bcrypt"], upgrade=["bcrypt"]))["bcrypt"] == "2"
    assert tomllib.loads(shop.recipe.read_text())["python"]["require"] == ["six", "bcrypt"]
    with pytest.raises(UsageError, match="--require"):
        shop.lock(require=["-r /etc/passwd"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("lib>=1", "lib>=1.5"), "lib>=1.5 is required, and was not"),
        (
            ("flit-core>=1", "flit-core"),
            "flit-core is required for building the project, and was not",
        ),
    ],
)
def test_a_stale_lock_is_told_without_a_network(
    shop: Shop, change: tuple[str, str], says: str
) -> None:
    shop.lock()
    shop.server.shutdown()
    assert check(shop.settings(), "shop").record
    text = shop.project.replace(*change)
    (shop.directory / "pyproject.toml").write_text(text)
    for stale in (check, pipeline.plan):
        with pytest.raises(LockError, match="the lock of shop is stale") as caught:
            stale(shop.settings(), "shop")
        assert says in caught.value.why
        assert caught.value.hint == "run: omnibuild lock shop"


def test_the_lock_of_another_app_is_none_of_this(shop: Shop) -> None:
    made = shop.lock()
    made.path.write_text(made.path.read_text().replace('app = "shop"', 'app = "other"'))
    with pytest.raises(LockError) as caught:
        check(shop.settings(), "shop")
    assert caught.value.why == "it is the lock of other, not of shop"


def test_any_legal_name(shop: Shop) -> None:
    name = "Changedetection.IO"
    shop.source = f'index = "{name}==1"'
    shop.python = f'from-source = ["{name}"]'
    system = '[build-system]\nrequires = ["flit-core"]\nbuild-backend = "flit_core.buildapi"\n'
    files = {
        "changedetection_io-1-py3-none-any.whl": wheel("changedetection_io"),
        **source("changedetection_io", pyproject=system),
    }
    shop.packages["changedetection-io"] = files
    assert selected(shop.lock()) == {"changedetection-io": "1"}
    assert check(shop.settings(), "shop")
