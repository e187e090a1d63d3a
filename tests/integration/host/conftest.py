"""The integrated tree of an example app, as a host would have it, with a real server and proxy."""

import re
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.host.hooks import load_hooks
from omnibuild.host.integration import HostFiles, integrate
from omnibuild.host.programs import Installed
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Recipe

CHECKOUT = Path(__file__).parents[3]
RECIPES = CHECKOUT / "recipes"


def integrated(name: str, entry_points: dict[str, str]) -> HostFiles:
    recipe = load(RECIPES / f"{name}.toml", Recipe)
    scripts = recipe.package.scripts
    hooks = load_hooks(RECIPES / scripts) if scripts else {}
    config = {path: (RECIPES / f.source).read_bytes() for path, f in recipe.config_files.items()}
    modules = {"gunicorn", recipe.web.app.partition(":")[0]} if recipe.web else set()
    return integrate(recipe, hooks, config, Installed(entry_points, modules))


def install(host: HostFiles, root: Path) -> None:
    """Write the host integration below ``root``."""
    for name, file in host.files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    for name, says in host.symlinks.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(says)


def gunicorn_requirement() -> str:
    """The web server exactly as the example's lock pins it."""
    lock = (RECIPES / "pylock.hello.toml").read_text()
    found = re.search(r'name = "gunicorn"\nversion = "([^"]+)".*?sha256 = "(\w+)"', lock, re.S)
    assert found
    return f"gunicorn=={found[1]} --hash=sha256:{found[2]}\n"


@pytest.fixture(scope="session")
def python_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix with an interpreter, gunicorn, the example app and nginx, made once."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is None:
        pytest.skip("needs nginx: apt-get install nginx-light")
    tree = tmp_path_factory.mktemp("prefix") / "hello"
    venv.create(tree, with_pip=True)
    (tree / "bin" / "python3.13").symlink_to("python3")
    requirements = tree / "requirements.txt"
    requirements.write_text(gunicorn_requirement())
    pip = [str(tree / "bin" / "python3"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "install", "--require-hashes", "--no-deps", "-r", str(requirements)], check=True
    )
    (site,) = tree.glob("lib/python3.*/site-packages")
    shutil.copytree(CHECKOUT / "examples" / "hello" / "src" / "hello", site / "hello")
    # Only what runs: the tree is copied for every test.
    for leftover in site.glob("pip*"):
        shutil.rmtree(leftover)
    (tree / "sbin").mkdir()
    (tree / "sbin" / "nginx").symlink_to(nginx)
    return tree


@pytest.fixture
def moved_tree(python_tree: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies the app's tree below ``tmp_path`` under a name."""

    def move(name: str) -> Path:
        host = integrated("hello", {"hello": "hello.cli:main"})
        install(host, tmp_path / "host")
        tree = tmp_path / name
        shutil.copytree(python_tree, tree, symlinks=True)
        shutil.copytree(tmp_path / "host/opt/hello", tree, symlinks=True, dirs_exist_ok=True)
        return tree

    return move
