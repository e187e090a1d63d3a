"""What locks of other tools pin to a commit, a file or a directory is taken from there alone."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from omnibuild import pipeline
from omnibuild.errors import DigestMismatchError, LockError
from omnibuild.locking.lock import Locked, check
from omnibuild.plan.graph import Plan
from omnibuild.recipe.lock import load_lock
from tests.integration.locking.test_lock import selected
from tests.integration.locking.test_origins import member, run, trees, vcs
from tests.integration.locking.test_origins import strangers as strangers
from tests.integration.locking.test_origins import upstream as upstream
from tests.integration.locking.workspaces import PROJECT, Shop, pure
from tests.unit.sources.python.samples import wheel

LOCKS = ("poetry.lock", "Pipfile.lock", "pylock.toml", "requirements.txt")
NAME = "filed-3-py3-none-any.whl"


def written(shop: Shop, lock: str, url: str, commit: str, digest: str) -> str:
    """Return a lock with ``lib`` from git, ``filed`` from a file, ``inner`` from a directory."""
    if lock == "poetry.lock":
        return f"""
            [[package]]
            name = "lib"
            version = "7"
            groups = ["main"]
            [package.source]
            type = "git"
            url = "{url}"
            reference = "HEAD"
            resolved_reference = "{commit}"
            subdirectory = "python"
            [[package]]
            name = "filed"
            version = "3"
            files = [{{file = "{NAME}", hash = "sha256:{digest}"}}]
            source = {{type = "file", url = "vendor/{NAME}"}}
            [[package]]
            name = "inner"
            version = "7"
            source = {{type = "directory", url = "../inner"}}
            [[package]]
            name = "other"
            version = "1"
        """
    if lock == "Pipfile.lock":
        listed: dict[str, Any] = {
            "lib": {"git": url, "ref": commit, "subdirectory": "python"},
            "filed": {"file": f"vendor/{NAME}", "hashes": [f"sha256:{digest}"]},
            "inner": {"path": "../inner", "editable": True},
            "other": {"version": "==1"},
        }
        return json.dumps({"default": listed})
    if lock == "requirements.txt":
        return (
            f"-e git+{url}@{commit}#egg=lib&subdirectory=python\n-e .\n"
            f"./vendor/{NAME} --hash=sha256:{digest}\n-e ../inner\nother==1\n"
        )
    (file,) = pure("other", "1")
    return f"""
        lock-version = "1.0"
        created-by = "another"
        [[packages]]
        name = "lib"
        vcs = {{type = "git", url = "{url}", commit-id = "{commit}", subdirectory = "python"}}
        [[packages]]
        name = "filed"
        archive = {{path = "vendor/{NAME}", hashes = {{sha256 = "{digest}"}}}}
        [[packages]]
        name = "inner"
        [packages.directory]
        path = "../inner"
        [[packages]]
        name = "other"
        version = "1"
        [[packages.wheels]]
        url = "{shop.server.url(f"/files/{file}")}"
        hashes = {{sha256 = "{hashlib.sha256(shop.packages["other"][file]).hexdigest()}"}}
    """


@pytest.fixture
def pinned(strangers: Shop, upstream: Path, tmp_path: Path) -> Shop:
    """A shop whose packages are pinned to what no index has, and moved on since."""
    shop = strangers
    shop.packages["filed"] = pure("filed", "3", "99")
    shop.project = PROJECT.replace('"lib>=1"', '"lib", "filed"')
    member(tmp_path, "inner")
    data = wheel("filed", "3", requires=("inner", "other"))
    (shop.directory / "vendor").mkdir(parents=True)
    (shop.directory / "vendor" / NAME).write_bytes(data)
    return shop


def lock_by(shop: Shop, upstream: Path, lock: str, digest: str = "") -> str:
    data = (shop.directory / "vendor" / NAME).read_bytes()
    commit, digest = run(upstream, "rev-parse", "v7"), digest or hashlib.sha256(data).hexdigest()
    shop.write()
    (shop.directory / lock).write_text(written(shop, lock, upstream.as_uri(), commit, digest))
    return commit


def archive(made: Locked) -> dict[str, object]:
    data = tomllib.loads(made.path.read_text())
    (package,) = (each for each in data["packages"] if each["name"] == "filed")
    return dict(package["archive"])


@pytest.mark.parametrize("lock", LOCKS)
def test_it_is_taken_from_there_alone(pinned: Shop, upstream: Path, lock: str) -> None:
    shop, commit = pinned, lock_by(pinned, upstream, lock)
    made = shop.lock()
    assert made.pins
    assert made.pins.name == lock
    assert vcs(made)["commit-id"] == commit
    assert trees(made)["inner"] == ("../inner", "7")
    assert selected(made) == {"filed": "3", "other": "1"}
    asked = {path for path, _ in shop.server.requests}
    assert not asked & {"/simple/lib/", "/simple/filed/", "/simple/inner/"}
    # What is beside the project is told by its place, so the lock holds in every checkout.
    assert archive(made)["path"] == f"../shop/vendor/{NAME}"
    assert str(shop.base) not in made.path.read_text().replace(upstream.as_uri(), "")
    assert check(shop.settings(), "shop")
    # It is what is fetched, and built.
    planned = pipeline.plan(shop.settings(), "shop").plan
    alone = [each for each in planned if each.kind in ("checkout", "fetch")]
    alone = [each for each in alone if "lib" in each.name.split(":") or NAME in each.name]
    names = [each.name for each in alone]
    assert len(names) == len(("lib", "filed")), names
    with pipeline.opened_store(shop.settings()) as store:
        pipeline.execute(shop.settings(), store, Plan.of(alone), names, lambda _: None)
    # What a directory requires is watched.
    member(shop.base, "inner", "six")
    with pytest.raises(LockError) as stale:
        check(shop.settings(), "shop")
    assert "six, which inner requires is a rule of the project" in stale.value.why


@pytest.mark.parametrize("lock", LOCKS)
def test_other_bytes_of_a_file_are_refused(pinned: Shop, upstream: Path, lock: str) -> None:
    lock_by(pinned, upstream, lock, digest="0" * 64)
    with pytest.raises(DigestMismatchError) as caught:
        pinned.lock()
    assert "has other bytes" in caught.value.what
    assert not (pinned.base / "recipes/pylock.shop.toml").exists()


def test_a_checkout_elsewhere_builds_from_the_same_lock(pinned: Shop, upstream: Path) -> None:
    lock_by(pinned, upstream, "requirements.txt")
    made = pinned.lock()
    moved = pinned.base / "moved"
    for name in ("recipes", "shop"):
        shutil.copytree(pinned.base / name, moved / name)
    (file,) = (
        each
        for each in load_lock(moved / "recipes" / made.path.name).select("3.13", "2.31")
        if each.direct
    )
    assert file.url == (moved / "shop/vendor" / NAME).as_uri()


@pytest.mark.parametrize("lock", ["poetry.lock", "pylock.toml"])
def test_a_project_that_says_something_else_by_now(pinned: Shop, upstream: Path, lock: str) -> None:
    lock_by(pinned, upstream, lock)
    source = f'lib = {{ git = "{upstream.as_uri()}", subdirectory = "elsewhere" }}'
    pinned.project += f"[tool.uv.sources]\n{source}\n"
    with pytest.raises(LockError, match="does not fit the project any more"):
        pinned.lock()


@pytest.mark.parametrize(
    "source",
    [
        'type = "git"\nurl = "https://x.org/a"\nresolved_reference = "main"',
        'type = "git"\nurl = "ext::sh"\nresolved_reference = "{commit}"',
        'type = "url"\nurl = "https://[x/a.whl"',
        'type = "url"\nurl = "https://x.org/a-1-py3-none-any.whl"',
        'type = "new"\nurl = "https://x.org/a"',
    ],
)
def test_what_nothing_pins_is_refused_by_name(pinned: Shop, upstream: Path, source: str) -> None:
    lock_by(pinned, upstream, "poetry.lock")
    text = f'[[package]]\nname = "lib"\nversion = "7"\n[package.source]\n{source}\n'
    (pinned.directory / "poetry.lock").write_text(text.replace("{commit}", "0" * 40))
    with pytest.raises(LockError, match="lib comes from where nothing pins it"):
        pinned.lock()


def test_a_group_of_poetry_says_which_index_has_what(strangers: Shop) -> None:
    shop = strangers
    shop.project = PROJECT + (
        '\n[tool.poetry.group.more.dependencies]\nlib = { version = "*", source = "corp" }\n'
        f'[[tool.poetry.source]]\nname = "corp"\nurl = "{shop.server.url("/corp/")}"\n'
        'priority = "explicit"\n'
    )
    with pytest.raises(LockError):
        shop.lock()
    assert "/simple/lib/" not in {path for path, _ in shop.server.requests}
