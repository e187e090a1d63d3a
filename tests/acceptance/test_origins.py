"""One app of packages that no index has, each built by another backend: lock, package, program."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from omnibuild.locking.fetching import fetched
from omnibuild.recipe.lock import load_lock
from omnibuild.settings import Settings, default_cache
from tests.acceptance.products import CHECKOUT, omnibuild
from tests.integration.locking.workspaces import source
from tests.unit.sources.python.samples import publish, wheel
from tests.unit.transfer.server import Server, content, running

LOCK = CHECKOUT / "tests/acceptance/backends/pylock.backends.toml"
RECIPE = """\
[app]
name = "many"
version = { from = "project" }
summary = "Many shapes"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
path = "../many"

[python]
version = "3.13"

[commands]
many = "many"
"""
# Poetry's words alone, and no build system: only Poetry's own backend knows what they mean.
PROJECT = """\
[tool.poetry]
name = "many"
version = "1.5"
description = "Many shapes"
authors = ["Tester <tester@example.com>"]

[tool.poetry.scripts]
many = "many.cli:main"

[tool.poetry.dependencies]
python = "^3.11"
six = "^1.16"
hatched = {{ git = "{base}/hatched", tag = "v2.1", subdirectory = "python" }}
pdmed = {{ git = "{base}/pdmed", tag = "3.0" }}
setup-scm = {{ git = "{base}/setup_scm", branch = "main" }}
configured = {{ path = "../configured", develop = true }}
vendored = {{ path = "vendor/vendored-5-py3-none-any.whl" }}
served = {{ url = "{url}/served-6-py3-none-any.whl" }}
flitted = {{ url = "{url}/flitted-7.tar.gz" }}
"""
CLI = """\
from importlib.metadata import version

NAMES = ("hatched", "pdmed", "setup_scm", "configured", "vendored", "served", "flitted")

def main():
    import six
    for name in NAMES:
        __import__(name)
    print(*(f"{name}-{version(name)}" for name in ("many", *NAMES)))
"""
BUILT_BY = """\
[build-system]
requires = [{requires}]
build-backend = "{backend}"
"""
DYNAMIC = '[project]\nname = "{name}"\ndynamic = ["version"]\ndependencies = ["six"]\n'
HATCHED = (
    BUILT_BY.format(requires='"hatchling", "hatch-vcs"', backend="hatchling.build")
    + DYNAMIC.format(name="hatched")
    + '[tool.hatch.version]\nsource = "vcs"\nraw-options = { root = ".." }\n'
)
PDMED = (
    BUILT_BY.format(requires='"pdm-backend"', backend="pdm.backend")
    + DYNAMIC.format(name="pdmed")
    + '[tool.pdm.version]\nsource = "scm"\n'
)
SETUP_SCM = """\
from setuptools import setup
setup(
    name="setup_scm", use_scm_version=True, setup_requires=["setuptools-scm"],
    install_requires=["six"], py_modules=["setup_scm"],
)
"""
CONFIGURED = """\
[metadata]
name = configured
version = attr: configured.__version__
[options]
py_modules = configured
install_requires = six
"""
FLITTED = BUILT_BY.format(requires='"flit-core"', backend="flit_core.buildapi") + (
    '[project]\nname = "flitted"\ndynamic = ["version", "description"]\n'
)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An index of what builds packages, and of none of the packages."""
    files = load_lock(LOCK).select("3.13", "2.31")
    # It knows where they are; the tests' own index does not yet.
    settings = Settings(workspace=CHECKOUT, cache=default_cache(), cores=1)
    taken = fetched(settings, files, lambda _: None)
    projects: dict[str, Mapping[str, bytes]] = {
        file.package: {file.name: path.read_bytes()} for file, path in taken.items()
    }
    with running() as server:
        monkeypatch.setenv("OMNIBUILD_INDEX_URL", publish(server, **projects))
        yield server


def write(directory: Path, files: Mapping[str, str | bytes], tag: str = "") -> None:
    """Write a source tree, and commit and tag it."""
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    if tag:
        who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-qm", "1")):
            subprocess.run(["git", *who, *words], cwd=directory, check=True)
        subprocess.run(["git", "tag", tag], cwd=directory, check=True)


def test_each_is_built_as_its_own_tool_would(index: Server, tmp_path: Path) -> None:
    write(
        tmp_path / "hatched",
        {"python/pyproject.toml": HATCHED, "python/hatched/__init__.py": ""},
        "v2.1",
    )
    write(tmp_path / "pdmed", {"pyproject.toml": PDMED, "pdmed.py": ""}, "3.0")
    write(tmp_path / "setup_scm", {"setup.py": SETUP_SCM, "setup_scm.py": ""}, "v4.0")
    write(tmp_path / "configured", {"setup.cfg": CONFIGURED, "configured.py": "__version__ = '4'"})
    for name, version in (("vendored", "5"), ("served", "6")):
        data = wheel(name, version)
        index.serve(f"/elsewhere/{name}-{version}-py3-none-any.whl", content(data))
        write(tmp_path / "many", {f"vendor/{name}-{version}-py3-none-any.whl": data})
    module = '"""A module."""\n__version__ = "7"\n'
    ((name, data),) = source("flitted", "7", FLITTED, **{"flitted.py": module}).items()
    index.serve(f"/elsewhere/{name}", content(data))
    text = PROJECT.format(base=tmp_path.as_uri(), url=index.url("/elsewhere"))
    project = {"pyproject.toml": text, "many/__init__.py": "", "many/cli.py": CLI}
    write(tmp_path / "many", project)
    write(tmp_path / "recipes", {"many.toml": RECIPE})
    omnibuild("lock", "many", "-C", tmp_path)
    lock = (tmp_path / "recipes/pylock.many.toml").read_bytes()
    omnibuild("build", "many", "-C", tmp_path, "-p", "debian-12", "-o", tmp_path / "dist")
    (package,) = (tmp_path / "dist").glob("many_1.5-1_*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "root"], check=True)
    program = tmp_path / "root/opt/many/bin/many"
    done = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == [
        *("many-1.5", "hatched-2.1", "pdmed-3.0", "setup_scm-4.0", "configured-4"),
        *("vendored-5", "served-6", "flitted-7"),
    ]
    # Nothing has changed, so nothing is resolved to anything else.
    omnibuild("lock", "many", "-C", tmp_path)
    assert (tmp_path / "recipes/pylock.many.toml").read_bytes() == lock
    asked = {path.split("/")[2] for path, _ in index.requests if path.startswith("/simple/")}
    assert asked <= {file.package for file in load_lock(LOCK).select("3.13", "2.31")}
