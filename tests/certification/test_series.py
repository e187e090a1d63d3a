"""hello with the other interpreters that are shipped: their series."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.products import next_version, omnibuild, replace, whole

SERIES = {"3.11": "crypt", "3.14": "compression.zstd"}


@pytest.fixture(scope="module", params=SERIES)
def series(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tree(series: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp(f"python-{series}")
    workspace = next_version(base / "workspace")
    replace(workspace / "recipes/hello.toml", 'version = "3.13"', f'version = "{series}"')
    whole(workspace / "recipes/hello.toml")
    for lock in workspace.glob("recipes/pylock.*.toml"):
        # Every file in them is a pure wheel, good for both.
        text = re.sub('requires-python = ".*"', 'requires-python = ">=3.11"', lock.read_text())
        lock.write_text(text)
    # No -p: every platform's audit must pass.
    omnibuild("build", "hello", "-C", workspace, "-o", base / "dist")
    (tarball,) = (base / "dist").glob("*.tar.zst")
    subprocess.run(["tar", "--zstd", "-xf", tarball, "-C", base], check=True)
    return base / "hello-1.1.0"


def test_the_interpreter_is_whole(series: str, tree: Path) -> None:
    modules = "ssl sqlite3 ctypes readline curses lzma bz2 zlib uuid dbm.gnu hashlib decimal"
    own = f"{modules.replace(' ', ',')}, {SERIES[series]}"
    code = f"import {own}, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run(
        [tree / f"bin/python{series}", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == series
    details = tree / f"lib/python{series}/build-details.json"
    if details.exists():
        said = json.loads(details.read_text())
        base = details.parent / said["base_prefix"]
        assert (base / said["base_interpreter"]).samefile(tree / f"bin/python{series}")
        assert (base / said["c_api"]["headers"] / "Python.h").exists()
    else:
        assert series < "3.14", "PEP 739"


def test_the_app_answers(tree: Path, tmp_path: Path) -> None:
    words = [tree / "bin/hello-run", "--state", tmp_path / "state", "--listen", "127.0.0.1:18311"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            for _ in range(100):
                page = subprocess.run(
                    ["curl", "-fsS", "http://127.0.0.1:18311/"],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if page.returncode == 0:
                    break
                time.sleep(0.2)
            assert "Hello from omnibuild 1.1" in page.stdout, (tmp_path / "log").read_text()
        finally:
            process.terminate()
            process.wait(timeout=30)
