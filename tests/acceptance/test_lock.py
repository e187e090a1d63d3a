"""Locks of what only code of packages says: asked in the sandbox, from an index of the loopback."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from omnibuild.recipe.lock import build_group, load_lock
from omnibuild.settings import default_cache
from omnibuild.store.store import Store
from tests.acceptance.products import CHECKOUT, omnibuild
from tests.integration.locking.workspaces import Shop, pure, source
from tests.unit.sources.python.samples import wheel
from tests.unit.transfer.server import running

# It runs where nothing of this machine can be reached: what it tries fails, and harms nobody.
HOSTILE = """\
import os, socket, sys
assert sys.version_info[:2] == (3, 13), "not the app's interpreter"
for path in ({trace!r}, "/etc/trace", os.path.expanduser("~/../../{trace}")):
    try:
        open(path, "w").write("it ran here")
    except OSError:
        pass
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
    raise SystemExit("the network can be reached")
except OSError:
    pass
"""
SETUP = """\
from setuptools import setup
setup(name={name!r}, version="1", install_requires=[{requires}], py_modules=[])
"""


@pytest.fixture(scope="module")
def tools() -> dict[str, Mapping[str, bytes]]:
    """What builds sources, as the recipe of httpbin pins it."""
    omnibuild("fetch", "httpbin", "-p", "debian-12", "-C", CHECKOUT)
    store = Store(default_cache())
    lock = load_lock(CHECKOUT / "recipes/pylock.httpbin.toml")
    files = lock.select("3.13", "2.31", build_group("greenlet"))
    return {file.package: {file.name: store.blob(file.sha256).read_bytes()} for file in files}


@pytest.fixture
def shop(
    tmp_path: Path, tools: dict[str, Mapping[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    with running() as server:
        monkeypatch.setenv("OMNIBUILD_INDEX_URL", server.url("/simple/"))
        yield Shop(tmp_path, server, packages={**tools, "lib": pure("lib", "1", "2")})


def locked(shop: Shop, *words: str, check: bool = True) -> str:
    shop.write()
    done = omnibuild("lock", "shop", "-C", shop.base, *words, check=check)
    return done.stdout + done.stderr


def selected(shop: Shop, group: str = "run") -> dict[str, str]:
    lock = load_lock(shop.base / "recipes/pylock.shop.toml")
    return {file.package: file.name for file in lock.select("3.13", "2.31", group)}


def test_code_is_asked_in_the_sandbox_until_all_is_known(shop: Shop, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")
    hostile = HOSTILE.format(trace=trace, port=shop.server.server_port)
    # One leads to another, which leads to a version of a third: each is only source.
    for name, requires in (("first", '"second"'), ("second", '"third<2"'), ("third", '"lib<2"')):
        setup = hostile + SETUP.format(name=name, requires=requires)
        shop.packages[name] = source(name, "1", **{"setup.py": setup})
    shop.packages["third"] = {
        **shop.packages["third"],
        **source("third", "2", **{"setup.py": "raise SystemExit('not this one')"}),
    }
    # The project, too, computes what it requires.
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/setup.py").write_text(
        hostile + SETUP.format(name="shop", requires='"fir" + "st"')
    )
    shop.project = ""
    locked(shop)
    assert selected(shop) == {
        "first": "first-1.tar.gz",
        "lib": "lib-1-py3-none-any.whl",
        "second": "second-1.tar.gz",
        "third": "third-1.tar.gz",
    }
    assert selected(shop, build_group("third")).keys() == selected(shop, build_group()).keys()
    assert not Path(trace).exists()
    before = (shop.base / "recipes/pylock.shop.toml").read_bytes()
    locked(shop)
    assert (shop.base / "recipes/pylock.shop.toml").read_bytes() == before


def test_an_old_source_is_told_with_its_interpreter_and_what_to_try(shop: Shop) -> None:
    setup = "from imp import load_source\n" + SETUP.format(name="old", requires="")
    shop.packages["old"] = source("old", "1", **{"setup.py": setup})
    shop.project = shop.project.replace('"lib>=1"', '"old"').replace("flit-core>=1", "setuptools")
    shop.project = shop.project.replace("flit_core.buildapi", "setuptools.build_meta")
    said = locked(shop, check=False)
    assert "error[lock]: what the build of old 1 requires only its own code says" in said
    assert "fails under CPython 3.13" in said
    assert "No module named 'imp'" in said
    assert "require another version of old" in said
    assert "ask.py" not in said
    assert not (shop.base / "recipes/pylock.shop.toml").exists()


def test_a_project_that_cannot_be_built_is_told_what_its_backend_says(shop: Shop) -> None:
    shop.project = '[build-system]\nrequires = ["setuptools"]\n'
    for name in ("alpha", "beta"):
        (shop.base / "shop" / name).mkdir(parents=True)
        (shop.base / "shop" / name / "__init__.py").touch()
    said = locked(shop, check=False)
    assert "error: Multiple top-level packages discovered in a flat-layout" in said
    assert "hint: correct the project" in said
    assert "Traceback" not in said


def test_what_backends_need_besides_is_pinned_and_there(shop: Shop) -> None:
    """A program of a build requirement that only the backend names; a component's header."""
    backend = """\
import subprocess
from setuptools import build_meta
from setuptools.build_meta import *

def get_requires_for_build_wheel(config_settings=None):
    return ["generator"]

def build_wheel(directory, config_settings=None, metadata_directory=None):
    open("made.c", "w").write(subprocess.check_output(["generate"], text=True))
    subprocess.check_call(["pkg-config", "--exists", "zlib"])
    return build_meta.build_wheel(directory, config_settings, metadata_directory)
"""
    generator = """\
def main():
    print('#include <Python.h>\\n#include <zlib.h>')
    print('static PyObject *v(PyObject *s, PyObject *a)'
          '{ return PyUnicode_FromString(zlibVersion()); }')
    print('static PyMethodDef m[] = {{"v", v, METH_NOARGS, ""}, {0}};')
    print('static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "made", "", -1, m};')
    print('PyMODINIT_FUNC PyInit_made(void) { return PyModule_Create(&d); }')
"""
    files = pure("generator", "1")
    (name,) = files
    members = {
        "generator/cli.py": generator.encode(),
        "generator-1.dist-info/entry_points.txt": (
            b"[console_scripts]\ngenerate = generator.cli:main\n"
        ),
    }
    shop.packages["generator"] = {name: wheel("generator", members=members)}
    shop.project = """\
[build-system]
requires = ["setuptools"]
build-backend = "own"
backend-path = ["."]

[project]
name = "shop"
version = "1"

[tool.setuptools]
py-modules = []
ext-modules = [{ name = "made", sources = ["made.c"], libraries = ["z"] }]
"""
    (shop.base / "shop").mkdir()
    (shop.base / "shop/own.py").write_text(backend)
    shop.python = '\n[software]\nzlib = "1"\n'
    locked(shop)
    assert "generator" in selected(shop, build_group())
    record = tomllib.loads((shop.base / "recipes/pylock.shop.toml").read_text())["tool"]
    assert record["omnibuild"]["build-requires"] == ["setuptools"]
    omnibuild("build", "shop", "-C", shop.base, "-p", "linux", "-o", shop.base / "dist")
    assert list((shop.base / "dist").glob("*.tar.zst"))
