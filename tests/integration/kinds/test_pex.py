"""pex puts wheels into one file, in a sandbox without a network; a Python of the host runs it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from omnibuild import events
from omnibuild.blueprint.python import pex
from omnibuild.errors import ArchiveError, DefinitionError
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.plan.graph import Action, Plan
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from tests.integration.execute.conftest import root

__all__ = ["root"]

PYTHON = Path("/usr/bin/python3")


@pytest.fixture
def with_python(root: Path) -> Path:
    """Give the root the Python of this machine's distribution."""
    if not PYTHON.exists():
        pytest.skip("this machine has no /usr/bin/python3 to run pex by")
    program = PYTHON.resolve()
    library = Path("/usr/lib") / program.name
    ignored = shutil.ignore_patterns("__pycache__", "test", "*-packages", "config-*")
    shutil.copytree(library, root / str(library)[1:], symlinks=True, ignore=ignored)
    for name in (program.name, PYTHON.name):
        (root / "usr/bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(program, root / "usr/bin" / name)
    for file in (program, *library.glob("lib-dynload/*.so")):
        listed = subprocess.run(["ldd", file], capture_output=True, text=True, check=False).stdout
        for found in re.findall(r"(/\S+\.so\S*)", listed):
            target = root / found.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(found, target)
    return root


def wheel(name: str, version: str, requires: str = "", **modules: str) -> dict[str, bytes]:
    """Return a wheel by its file name; its modules are called like the app's."""
    info, stream = f"{name}-{version}.dist-info", io.BytesIO()
    entry = f"[console_scripts]\n{name} = {name}:main\n"
    texts = {f"{module}.py": text for module, text in modules.items()} | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry,
    }
    record = "".join(f"{path},{_said(text.encode())}\n" for path, text in texts.items())
    record += f"{info}/RECORD,,\n"
    with zipfile.ZipFile(stream, "w") as archive:
        for path, text in (texts | {f"{info}/RECORD": record}).items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return {f"{name}-{version}-py3-none-any.whl": stream.getvalue()}


def _said(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"


def rooted(job: Job) -> Output:
    (job.scratch / "tree").mkdir()
    shutil.copytree(job.action.parameters["directory"], job.scratch / "tree/files", symlinks=True)
    (job.scratch / "tree/files" / LOGICAL_PREFIX[1:]).mkdir(parents=True)
    return job.store.add_tree(job.scratch / "tree")


def given(job: Job) -> Output:
    """Stand for a wheel that was fetched, or built here."""
    ((name, content),) = job.action.places["wheel"].items()
    if job.action.parameters["fetched"]:
        return job.store.add_blob(content)
    (job.scratch / "tree/files").mkdir(parents=True)
    (job.scratch / "tree/files" / name).write_bytes(content)
    return job.store.add_tree(job.scratch / "tree")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def made(
    base: Path,
    root: Path,
    fetched: Mapping[str, bytes],
    built: Mapping[str, bytes],
    **parameters: Any,
) -> Path:
    """Make a PEX file in a store of its own."""
    store, actions, files = Store(base / "store"), [], {}
    for is_fetched, wheels in ((True, fetched), (False, built)):
        for name, content in wheels.items():
            package = name.partition("-")[0]
            # Contents are no part of a key here: each store is new.
            said = {"fetched": is_fetched, "name": name}
            places = {"wheel": {name: content}}
            actions.append(Action(f"wheel:{package}", "given", said, places=places))
            files |= {package: name} if is_fetched else {}
    inputs = {each.name: each.name for each in actions}
    tool = pex.tool()
    action = Action(
        "pex:shop",
        "pex",
        {
            "name": "shop-1.0",
            "architecture": "x86_64",
            "python": PYTHON.resolve().name.removeprefix("python"),
            "files": files,
            "command": "shop",
            "inject": {},
            "manifest": {"name": "shop"},
            "environment": {**FIXED_ENVIRONMENT, "PATH": "/usr/bin:/bin"},
            **parameters,
        },
        {"root": "root", "pex": tool.name, **inputs},
    )
    actions += [Action("root", "rooted", {"directory": str(root)}), tool, action]
    kinds = {**all_kinds(), "rooted": Kind(1, rooted), "given": Kind(1, given)}
    output = Execution(Plan.of(actions), kinds, store, events.silent, 1).run()["pex:shop"]
    return store.tree_directory(output.digest) / "shop-1.0.pex"


def started(file: Path, home: Path, *words: str, **environment: str) -> str:
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [file, *words],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", **environment},
        cwd=home,
    ).stdout


SHOP = (
    "import os, sys, tools\ndef main(): print(tools.NAME, os.environ.get('COLOR'), sys.argv[1:])\n"
)


def test_wheels_that_were_fetched_and_built_are_one_file(with_python: Path, tmp_path: Path) -> None:
    tools = wheel("tools", "2.0", tools="NAME = 'tools'\ndef main(): print('hammer')\n")
    shop = wheel("shop", "1.0", "Requires-Dist: tools<3\n", shop=SHOP)
    said = {"command": "shop --all 'of it'", "inject": {"COLOR": "{red}"}}
    files = []
    for number, mask in enumerate((0o022, 0o077)):
        (tmp_path / str(number)).mkdir()
        with umask(mask):
            files.append(made(tmp_path / str(number), with_python, tools, shop, **said))
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_mode & 0o777 == 0o755
    home = tmp_path / "home"
    assert started(files[0], home, "x") == "tools {red} ['--all', 'of it', 'x']\n"
    assert started(files[0], home, COLOR="") == "tools  ['--all', 'of it']\n"
    assert started(files[0], home, PEX_SCRIPT="tools") == "hammer\n"
    with zipfile.ZipFile(files[0]) as archive:
        # The wheels themselves, with the digests that they are locked by.
        for name, content in {**tools, **shop}.items():
            assert archive.read(f".deps/{name}") == content
        info = json.loads(archive.read("PEX-INFO"))
    assert not info["ignore_errors"]
    assert info["interpreter_constraints"] == [f"CPython=={PYTHON.resolve().name[6:]}.*"]


@pytest.mark.parametrize("requires", ["tools>3", "tools[more]", "other; python_version > '3'"])
def test_the_lock_is_right_where_it_says_otherwise(
    with_python: Path, tmp_path: Path, requires: str
) -> None:
    more = "Provides-Extra: more\nRequires-Dist: lacking; extra == 'more'\n"
    tools = wheel("tools", "2.0", more, tools="NAME = 'tools'\n")
    shop = wheel("shop", "1.0", f"Requires-Dist: {requires}\n", shop=SHOP)
    file = made(tmp_path, with_python, {**tools, **shop}, {}, command="python3 -m shop")
    assert started(file, tmp_path / "home", PEX_SCRIPT="shop") == "tools None []\n"


def test_what_is_built_here_does_not_name_the_prefix(with_python: Path, tmp_path: Path) -> None:
    shop = wheel("shop", "1.0", shop=f"WHERE = '{LOGICAL_PREFIX}/lib'\ndef main(): print(WHERE)\n")
    file = made(tmp_path, with_python, {}, shop)
    assert started(file, tmp_path / "home") == "/nonexistent/lib\n"


def test_a_command_that_no_wheel_brings_is_refused(with_python: Path, tmp_path: Path) -> None:
    shop = wheel("shop", "1.0", shop=SHOP)
    with pytest.raises(DefinitionError, match="the app has no program called 'shopp'"):
        made(tmp_path, with_python, shop, {}, command="shopp")
    with pytest.raises(DefinitionError, match="the module shop\\.web, which"):
        made(tmp_path / "2", with_python, shop, {}, command="python -m shop.web")


def test_a_wheel_that_says_what_is_not_true_is_refused(with_python: Path, tmp_path: Path) -> None:
    ((name, content),) = wheel("shop", "1.0", shop=SHOP).items()
    changed = content.replace(b"import os, sys", b"import os, SYS")
    with pytest.raises(ArchiveError, match="is not a valid wheel"):
        made(tmp_path, with_python, {name: changed}, {})
