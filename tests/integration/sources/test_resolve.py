"""uv resolves, and nothing of a package, of a project or of a configuration runs or counts."""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from packaging.requirements import Requirement

from omnibuild.errors import DefinitionError, HostError, LockError
from omnibuild.locking.groups import merged
from omnibuild.locking.text import written
from omnibuild.recipe.lock import load_lock
from omnibuild.sources.python.resolving.resolve import Resolver
from tests.unit.sources.python.samples import publish, sdist, wheel
from tests.unit.transfer.server import Server, running

BACKEND = """\
import pathlib
pathlib.Path({path!r}).write_text("it ran")
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def lock_of(
    index: str,
    *requirements: str,
    from_source: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> str:
    with tempfile.TemporaryDirectory() as directory:
        environment = {"PIP_INDEX_URL": index, **(environment or {})}
        resolver = Resolver("3.13", "2.31", Path(directory), environment)
        found = resolver.resolve(list(map(Requirement, requirements)), from_source)
    return written(merged({"run": found}, "3.13"))


def hostile(path: Path, name: str = "evil") -> Mapping[str, bytes]:
    """Return a project that exists only as source, and whose backend leaves a trace."""
    text = (
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        f"[project]\nname = '{name}'\nversion = '1'\ndynamic = ['dependencies']\n"
    )
    code = BACKEND.format(path=str(path))
    files = {"pyproject.toml": text, "backend.py": code, "setup.py": code}
    return {f"{name}-1.tar.gz": sdist(name, "1", files)}


def test_what_exists_only_as_source_is_refused_and_does_not_run(
    server: Server, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    index = publish(
        server,
        shop={"shop-1-py3-none-any.whl": wheel("shop", requires=("evil",))},
        evil=hostile(trace),
    )
    with pytest.raises(LockError) as caught:
        lock_of(index, "shop")
    assert not trace.exists()
    assert caught.value.what.startswith("evil can be had only as source")
    assert "OMNIBUILD_INDEX_URL" in caught.value.hint


def test_the_lock_is_valid_and_holds_what_fits(server: Server, tmp_path: Path) -> None:
    pure, native = wheel("shop", requires=("lib>=1",)), wheel("lib", "2")
    index = publish(
        server,
        shop={"shop-1-py3-none-any.whl": pure},
        lib={
            "lib-2-cp313-cp313-win_amd64.whl": native,
            "lib-2-cp313-cp313-manylinux_2_28_x86_64.whl": native,
            "lib-2-cp313-cp313-manylinux_2_34_x86_64.whl": native,
            "lib-2-cp312-cp312-manylinux_2_28_x86_64.whl": native,
            "lib-1-py3-none-any.whl": wheel("lib", "1"),
        },
    )
    text = lock_of(index.replace("http://", "http://user:secret@"), "shop")
    assert "secret" not in text
    (tmp_path / "pylock.toml").write_text(text)
    lock = load_lock(tmp_path / "pylock.toml")
    lib, shop = lock.select("3.13", "2.31")
    assert lib.name == "lib-2-cp313-cp313-manylinux_2_28_x86_64.whl"
    assert (shop.name, shop.sha256) == (
        "shop-1-py3-none-any.whl",
        hashlib.sha256(pure).hexdigest(),
    )
    assert [len(package.wheels or ()) for package in lock.content.packages] == [1, 1]
    # What says that it is a lock as the standard has it, and no other reader than ours.
    assert Pylock.from_dict(tomllib.loads(text)).packages


def test_packages_to_compile_are_pinned_as_source(server: Server, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    files = {"lib-1-py3-none-any.whl": wheel("lib"), **hostile(trace, "lib")}
    index = publish(server, lib=files)
    text = lock_of(index, "lib", from_source=("lib",))
    assert 'name = "lib-1.tar.gz"' in text
    assert ".whl" not in text
    assert not trace.exists()
    index = publish(server, lib={"lib-1-py3-none-any.whl": wheel("lib")})
    with pytest.raises(LockError, match="no source distribution"):
        lock_of(index, "lib", from_source=("lib",))


def test_configuration_decides_no_version(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"lib-{n}-py3-none-any.whl": wheel("lib", str(n)) for n in (1, 2)}
    index = publish(server, lib=files)
    settings = 'resolution = "lowest"\n'
    trace = tmp_path / "trace"
    for place in ("home/.config/uv", "work"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "uv.toml").write_text(settings)
    (tmp_path / "work/.venv/bin").mkdir(parents=True)
    (tmp_path / "work/.venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    interpreter = tmp_path / "work/.venv/bin/python"
    interpreter.write_text(f'#!/bin/sh\ntouch {trace}\nexec python3 "$@"\n')
    interpreter.chmod(0o755)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    with pytest.raises(DefinitionError, match="`resolution` changes what is installed"):
        lock_of(index, "lib", environment=dict(os.environ))
    without = {**os.environ, "UV_NO_CONFIG": "1"}
    assert 'version = "2"' in lock_of(index, "lib", environment=without)
    assert not trace.exists(), "an interpreter of the working directory was started"


@pytest.mark.parametrize(
    "variable", ["UV_CONSTRAINT", "UV_NO_INDEX", "PIP_NO_INDEX", "UV_INDEX_STRATEGY"]
)
def test_variables_that_are_not_obeyed_are_refused_by_name(variable: str) -> None:
    with pytest.raises(HostError, match=variable) as caught:
        lock_of("http://127.0.0.1:9/simple", "lib", environment={variable: "x"})
    assert caught.value.code == "host"


def test_contradictions_are_explained(server: Server) -> None:
    index = publish(server, lib={"lib-1-py3-none-any.whl": wheel("lib")})
    with pytest.raises(LockError) as caught:
        lock_of(index, "lib>=2")
    assert "lib>=2" in caught.value.why
    assert caught.value.code == "lock"
