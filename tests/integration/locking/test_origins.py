"""Packages that no index has: directories, members of a workspace, commits of git, files."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from omnibuild import pipeline
from omnibuild.errors import DefinitionError, DigestMismatchError, LockError, SourceError
from omnibuild.locking.lock import Locked, check
from omnibuild.plan.graph import Plan
from omnibuild.recipe.lock import build_group, load_lock
from tests.integration.locking.test_lock import selected
from tests.integration.locking.test_pins import uv_lock
from tests.integration.locking.workspaces import PROJECT, Shop, pure
from tests.unit.sources.python.samples import publish, wheel
from tests.unit.transfer.server import content, running

MEMBER = """\
[build-system]
requires = ["flit-core<2"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "{version}"
dependencies = [{requires}]
{more}
"""


def member(
    base: Path, name: str, *requires: str, version: str = "7", more: str = "", place: str = ""
) -> None:
    directory = base / (place or name)
    directory.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{each}"' for each in requires)
    text = MEMBER.format(name=name, version=version, requires=listed, more=more)
    (directory / "pyproject.toml").write_text(text)


def trees(made: Locked) -> dict[str, tuple[str, str]]:
    found = load_lock(made.path).trees("3.13")
    return {tree.package: (tree.directory, tree.version) for tree in found}


@pytest.fixture
def strangers(shop: Shop) -> Shop:
    """A shop whose own packages a stranger has published, too."""
    for name in ("lib", "inner", "other"):
        shop.packages[name] = pure(name, "1", "99")
    return shop


def test_directories_and_what_they_lead_to(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.project = PROJECT + '\n[tool.uv.sources]\nLib = { path = "../lib", editable = true }\n'
    inner = '[tool.uv.sources]\ninner = { path = "../deep/inner" }'
    member(tmp_path, "lib", "inner[more]>=2", more=inner)
    extra = '[project.optional-dependencies]\nmore = ["other<2"]'
    member(tmp_path, "inner", version="2.1", more=extra, place="deep/inner")
    made = shop.lock()
    assert trees(made) == {"lib": ("../lib", "7"), "inner": ("../deep/inner", "2.1")}
    assert selected(made) == {"other": "1"}
    asked = {path for path, _ in shop.server.requests}
    assert not asked & {"/simple/lib/", "/simple/inner/"}
    # Each is built with what it says, and a reader of the standard finds it.
    assert selected(made, build_group("inner")) == {"build": "1", "flit-core": "1"}
    data = tomllib.loads(made.path.read_text())
    (package,) = (each for each in data["packages"] if each["name"] == "lib")
    assert package["directory"] == {"path": "../lib"}
    assert "version" not in package
    assert shop.lock().path.read_bytes() == made.path.read_bytes()
    # Their code is as it is; what they require is what was locked.
    assert check(shop.settings(), "shop")
    planned = pipeline.plan(shop.settings(), "shop")
    assert {"source:lib", "source:inner"} <= {action.name for action in planned.plan}
    member(tmp_path, "lib", "inner[more]>=2", "six", more=inner)
    with pytest.raises(LockError) as caught:
        pipeline.plan(shop.settings(), "shop")
    assert "six, which lib requires is a rule of the project, and was not" in caught.value.why


def test_what_others_require_is_no_way_around(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.packages["web"] = pure("web", "1", requires=("lib",))
    shop.project = PROJECT.replace('"lib>=1"', '"web"')
    shop.project += '\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    member(tmp_path, "lib")
    made = shop.lock()
    assert trees(made).keys() == {"lib"}
    assert selected(made) == {"web": "1"}
    member(tmp_path, "lib", version="0.1")
    shop.packages["web"] = pure("web", "1", requires=("lib>=1",))
    with pytest.raises(LockError, match="cannot be resolved"):
        shop.lock()


WORKSPACE = """\
[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/old"]

[tool.uv]
constraint-dependencies = ["other<2"]

[tool.uv.sources]
inner = { workspace = true }
"""


@pytest.mark.parametrize("pinned", [False, True])
def test_members_of_a_workspace(strangers: Shop, tmp_path: Path, pinned: bool) -> None:
    shop = strangers
    (tmp_path / "pyproject.toml").write_text(WORKSPACE.replace("packages/*", 'packages/*", "shop'))
    member(tmp_path, "lib", "inner", "other", place="packages/one")
    member(tmp_path, "inner", place="packages/two")
    member(tmp_path, "inner", place="packages/old")
    shop.project = PROJECT + "\n[tool.uv.sources]\nlib = { workspace = true }\n"
    shop.write()
    if pinned:
        uv_lock(shop, tmp_path)
        assert (tmp_path / "uv.lock").exists()
    made = shop.lock()
    assert trees(made) == {"lib": ("../packages/one", "7"), "inner": ("../packages/two", "7")}
    assert selected(made) == {"other": "1"}


def test_of_poetry(strangers: Shop, tmp_path: Path) -> None:
    strangers.project = PROJECT + '\n[tool.poetry.dependencies]\nlib = { path = "../lib" }\n'
    member(tmp_path, "lib", "other<2")
    made = strangers.lock()
    assert trees(made) == {"lib": ("../lib", "7")}
    assert selected(made) == {"other": "1"}


def test_what_is_not_there_or_something_else(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.project = PROJECT + '\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    with pytest.raises(DefinitionError, match="lib is required, and its directory is not there"):
        shop.lock()
    member(tmp_path, "another", place="lib")
    with pytest.raises(DefinitionError, match="what is there is called another"):
        shop.lock()
    shop.project = PROJECT + "\n[tool.uv.sources]\nlib = { workspace = true }\n"
    with pytest.raises(DefinitionError, match="no member of the workspace is called `lib`"):
        shop.lock()


def test_an_index_that_a_directory_names(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.project = PROJECT + '\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    with running() as corp:
        url = publish(corp, other=pure("other", "3"))
        more = f"""
[[tool.uv.index]]
name = "corp"
url = "{url}"
explicit = true

[tool.uv.sources]
other = {{ index = "corp" }}
"""
        member(tmp_path, "lib", "other", more=more)
        assert selected(shop.lock()) == {"other": "3"}
    member(tmp_path, "lib", "other", more='[tool.uv.sources]\nother = { url = "https://x/y" }')
    with pytest.raises(DefinitionError, match="`other` comes from where nothing is obeyed"):
        shop.lock()


def run(directory: Path, *words: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """The repository of somebody else's package, with one tag, and a later commit."""
    base = tmp_path / "upstream"
    base.mkdir()
    run(base, "init", "--quiet", "--initial-branch=main")
    member(base, "lib", "other<2", place="python")
    (base / "python/build").mkdir()
    (base / "python/build/tracked.txt").touch()
    run(base, "add", "--force", ".")
    run(base, "commit", "--message", "one")
    run(base, "tag", "v7")
    member(base, "lib", "other", version="8", place="python")
    run(base, "commit", "--all", "--message", "two")
    return base


def vcs(made: Locked) -> dict[str, object]:
    data = tomllib.loads(made.path.read_text())
    (package,) = (each for each in data["packages"] if each["name"] == "lib")
    return dict(package["vcs"])


@pytest.mark.parametrize("said", ["source", "requirement"])
def test_a_commit_of_git(strangers: Shop, upstream: Path, said: str) -> None:
    shop, url = strangers, upstream.as_uri()
    if said == "source":
        source = f'lib = {{ git = "{url}", tag = "v7", subdirectory = "python" }}'
        shop.project = f"{PROJECT}\n[tool.uv.sources]\n{source}\n"
    else:
        address = f"lib @ git+{url}@v7#subdirectory=python"
        shop.project = PROJECT.replace("lib>=1", address)
    made = shop.lock()
    commit = run(upstream, "rev-parse", "v7")
    assert vcs(made) == {
        "type": "git",
        "url": url,
        "requested-revision": "v7",
        "commit-id": commit,
        "subdirectory": "python",
    }
    assert selected(made) == {"other": "1"}
    assert "/simple/lib/" not in {path for path, _ in shop.server.requests}
    # A tag that moves is not followed, until somebody says so.
    run(upstream, "tag", "--force", "v7", "main")
    assert vcs(shop.lock())["commit-id"] == commit
    moved = shop.lock(upgrade=["lib"])
    assert vcs(moved)["commit-id"] == run(upstream, "rev-parse", "main")
    assert selected(moved)["other"] in ("1", "99")
    # Its files are those that were locked, all that git tracks.
    planned = pipeline.plan(shop.settings(), "shop").plan
    (action,) = (each for each in planned if each.kind == "checkout")
    assert action.output
    with pipeline.opened_store(shop.settings()) as store:
        pipeline.execute(shop.settings(), store, Plan.of([action]), [action.name], lambda _: None)
        assert "build/tracked.txt" in store.tree(action.output.digest).by_path
        shutil.rmtree(upstream)
        store.remove(action.output)
        with pytest.raises(SourceError, match="cannot fetch"):
            pipeline.execute(
                shop.settings(), store, Plan.of([action]), [action.name], lambda _: None
            )


def test_what_git_has_not_or_must_not_run(strangers: Shop, upstream: Path, tmp_path: Path) -> None:
    shop = strangers
    trace = tmp_path / "trace"

    def taken(url: str, revision: str) -> str:
        source = f'lib = {{ git = "{url}", rev = "{revision}" }}'
        return f"{PROJECT}\n[tool.uv.sources]\n{source}\n"

    for url in (f"ext::sh -c touch% {trace}", f"ext://sh -c touch% {trace}", "git@x:a:b"):
        shop.project = taken(url, "main")
        with pytest.raises(DefinitionError, match="nothing is obeyed"):
            shop.lock()
    for revision in ("--upload-pack=x", "-x"):
        shop.project = taken(upstream.as_uri(), revision)
        with pytest.raises(DefinitionError, match="nothing is obeyed"):
            shop.lock()
    shop.project = taken(upstream.as_uri(), "absent")
    with pytest.raises(SourceError, match="cannot fetch absent of file"):
        shop.lock()
    shop.project = taken("https://robot:secret@127.0.0.1:1/x.git", "main")
    with pytest.raises(SourceError) as refused:
        shop.lock()
    assert "secret" not in f"{refused.value.what} {refused.value.why}"
    assert not trace.exists()


def test_files_at_addresses(strangers: Shop) -> None:
    shop = strangers
    (name,) = pure("lib", "3")
    data = wheel("lib", "3", requires=("other<2",))
    url = shop.server.serve(f"/elsewhere/{name}", content(data))
    shop.project = PROJECT.replace("lib>=1", f"lib @ {url}")
    made = shop.lock()
    assert selected(made) == {"lib": "3", "other": "1"}
    (file,) = (each for each in load_lock(made.path).select("3.13", "2.31") if each.direct)
    assert (file.url, file.sha256) == (url, hashlib.sha256(data).hexdigest())
    assert "/simple/lib/" not in {path for path, _ in shop.server.requests}
    assert check(shop.settings(), "shop")
    shop.project = PROJECT.replace("lib>=1", f"lib @ {url}#sha256={'0' * 64}")
    with pytest.raises(DigestMismatchError):
        shop.lock()
    source = f'[tool.uv.sources]\nlib = {{ url = "{url}" }}'
    shop.project = f"{PROJECT}\n{source}\n"
    assert selected(shop.lock()) == {"lib": "3", "other": "1"}
    shop.project = PROJECT.replace("lib>=1", "lib @ https://example.org/page.html")
    with pytest.raises(LockError, match="address that is not obeyed"):
        shop.lock()


def test_the_commit_of_uv_lock_is_taken(strangers: Shop, upstream: Path, tmp_path: Path) -> None:
    shop = strangers
    source = f'lib = {{ git = "{upstream.as_uri()}", subdirectory = "python" }}'
    shop.project = f"{PROJECT}\n[tool.uv.sources]\n{source}\n"
    shop.write()
    uv_lock(shop, tmp_path)
    commit = run(upstream, "rev-parse", "HEAD")
    member(upstream, "lib", version="9", place="python")
    run(upstream, "commit", "--all", "--message", "three")
    assert vcs(shop.lock())["commit-id"] == commit
