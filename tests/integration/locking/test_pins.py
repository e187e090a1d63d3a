"""What a project has pinned is taken as it is, by whichever tool."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from omnibuild import pipeline
from omnibuild.errors import DefinitionError, LockError, UsageError
from omnibuild.locking.lock import check
from omnibuild.recipe.lock import build_group
from omnibuild.sources.python.index import uv
from tests.integration.locking.test_lock import selected
from tests.integration.locking.workspaces import Shop, pure, source


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def old(shop: Shop) -> Shop:
    """A shop whose packages have newer versions than it has pinned."""
    shop.packages["lib"] = pure("lib", "1", "2", requires=("other",))
    shop.packages["other"] = pure("other", "1", "2")
    shop.packages["gunicorn"] = pure("gunicorn", "1", requires=("other",))
    shop.python = 'require = ["gunicorn"]'
    shop.write()
    return shop


def pinned_by(shop: Shop, name: str) -> None:
    lib, other = (shop.packages[n][f"{n}-1-py3-none-any.whl"] for n in ("lib", "other"))
    texts = {
        "requirements.txt": f"lib==1 --hash=sha256:{digest(lib)}\nother==1\n",
        "poetry.lock": f"""
            [[package]]
            name = "lib"
            version = "1"
            files = [{{file = "lib-1-py3-none-any.whl", hash = "sha256:{digest(lib)}"}}]
            [[package]]
            name = "other"
            version = "1"
            files = [{{file = "other-1-py3-none-any.whl", hash = "sha256:{digest(other)}"}}]
        """,
        "Pipfile.lock": json.dumps(
            {
                "default": {
                    "lib": {"version": "==1", "hashes": [f"sha256:{digest(lib)}"]},
                    "other": {"version": "==1"},
                }
            }
        ),
        "pylock.toml": f"""
            lock-version = "1.0"
            created-by = "another"
            [[packages]]
            name = "lib"
            version = "1"
            [[packages.wheels]]
            url = "{shop.server.url("/files/lib-1-py3-none-any.whl")}"
            hashes = {{sha256 = "{digest(lib)}"}}
            [[packages]]
            name = "other"
            version = "1"
            [[packages.wheels]]
            url = "{shop.server.url("/files/other-1-py3-none-any.whl")}"
            hashes = {{sha256 = "{digest(other)}"}}
        """,
    }
    (shop.directory / name).write_text(texts[name])


@pytest.mark.parametrize("name", ["requirements.txt", "poetry.lock", "Pipfile.lock", "pylock.toml"])
def test_versions_come_from_there(old: Shop, name: str) -> None:
    pinned_by(old, name)
    made = old.lock()
    assert made.pins
    assert made.pins.name == name
    assert selected(made) == {"gunicorn": "1", "lib": "1", "other": "1"}
    assert check(old.settings(), "shop")
    with pytest.raises(UsageError, match=rf"{name} says which version of lib"):
        old.lock(upgrade=["lib"])
    # A change of it is seen, without a network.
    with (old.directory / name).open("a") as stream:
        stream.write("\n")
    with pytest.raises(LockError) as caught:
        pipeline.plan(old.settings(), "shop")
    assert caught.value.why == f"{name} has changed since"


@pytest.mark.parametrize("name", ["poetry.lock", "pylock.toml"])
def test_pins_that_do_not_fit_the_project_are_told(old: Shop, name: str) -> None:
    pinned_by(old, name)
    old.project = old.project.replace("lib>=1", "lib>=2")
    with pytest.raises(LockError, match=f"{name} does not fit the project") as caught:
        old.lock()
    assert caught.value.why == "lib>=2 is required, and it pins 1"
    old.project = old.project.replace("lib>=2", "lib")
    with pytest.raises(LockError, match="does not fit"):
        old.lock(require=["other>1"])


def test_digests_come_from_there(old: Shop) -> None:
    for digests, fits in (("0" * 64, False), ("", True)):
        hashes = f" --hash=sha256:{digests}" if digests else ""
        (old.directory / "requirements.txt").write_text(f"lib==1{hashes}\n")
        if fits:
            assert selected(old.lock())["lib"] == "1"
        else:
            with pytest.raises(LockError, match=r"pins other files of lib 1"):
                old.lock()


def test_a_project_of_modules_and_requirements(old: Shop) -> None:
    old.project = ""
    (old.directory / "pyproject.toml").unlink()
    (old.directory / "requirements.txt").write_text("lib<2\n")
    made = old.lock()
    assert selected(made) == {"gunicorn": "1", "lib": "1", "other": "2"}
    assert made.content.dependency_groups is None


def uv_lock(shop: Shop, tmp_path: Path) -> None:
    environment = {**os.environ, "UV_DEFAULT_INDEX": shop.index, "UV_NO_CONFIG": "1"}
    words = ("lock", "--quiet", "--cache-dir", tmp_path / "uv-cache", "--no-managed-python")
    uv().run(*words, environment=environment, directory=shop.directory)


def test_uv_lock(old: Shop, tmp_path: Path) -> None:
    # Only a source exists of it, whose build says what it requires: uv has noted it.
    lib = '[build-system]\nrequires = ["flit-core"]\nbuild-backend = "flit_core.buildapi"\n'
    project = '[project]\nname = "lib"\nversion = "1"\ndependencies = ["other<2"]\n'
    old.packages["lib"] = source("lib", "1", lib + project)
    trace = tmp_path / "trace"
    interpreter = old.directory / ".venv/bin/python"
    interpreter.parent.mkdir(parents=True)
    old.write()
    uv_lock(old, tmp_path)
    (old.directory / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    interpreter.write_text(f'#!/bin/sh\ntouch {trace}\nexec python3 "$@"\n')
    interpreter.chmod(0o755)
    old.packages["lib"] = {**old.packages["lib"], **pure("lib", "2")}
    made = old.lock()
    assert made.pins
    assert made.pins.name == "uv.lock"
    assert selected(made) == {"gunicorn": "1", "lib": "1", "other": "1"}
    assert selected(made, build_group("lib"))["flit-core"] == "1"
    assert not trace.exists(), "an interpreter of the project was started"
    (old.directory / "uv.lock").write_text("version = 99\n")
    with pytest.raises(LockError, match="uv cannot read"):
        old.lock()


def test_another_file_of_pins(old: Shop) -> None:
    (old.directory / "requirements").mkdir()
    (old.directory / "requirements/production.txt").write_text("lib==1\n")
    old.python = 'pins = "requirements/production.txt"'
    assert selected(old.lock())["lib"] == "1"
    old.python = 'pins = "setup.cfg"'
    with pytest.raises(DefinitionError, match="no such file of pins"):
        old.lock()
