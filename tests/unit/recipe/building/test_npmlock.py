"""Locks of npm: what is fetched for this system, and what no digest pins."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from omnibuild.errors import LockError
from omnibuild.recipe.building.npmlock import LOCK, NpmPackage, completed, npm_packages


def sri(number: int, algorithm: str = "sha512", size: int = 64) -> str:
    return f"{algorithm}-{base64.b64encode(bytes([number]) * size).decode()}"


def entry(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"version": "1.0.0", "integrity": sri(number), **more}


def front_end(base: Path, packages: dict[str, Any], **more: Any) -> Path:
    base.mkdir(exist_ok=True)
    (base / "package.json").write_text("{}")
    data = {"lockfileVersion": 3, "packages": {"": {"name": "ui"}, **packages}} | more
    (base / LOCK).write_text(json.dumps(data, indent=2))
    return base


def test_what_this_system_takes_is_listed_once(tmp_path: Path) -> None:
    url = "https://registry.example.com/deep/-/deep-1.0.0.tgz"
    packages = {
        "node_modules/a": entry(1),
        "node_modules/b/node_modules/a": entry(1),
        "node_modules/deep": entry(2, resolved=url, dev=True, peer=True),
        "node_modules/@s/scoped": {"version": "2.0.0-rc.1", "integrity": f"sha1-x {sri(3)}?opt"},
        "node_modules/alias": entry(4, name="real"),
        # A workspace and what is bundled in another tarball are fetched by nobody.
        "node_modules/ours": {"link": True, "resolved": "packages/ours"},
        "packages/ours": {"version": "0.1.0"},
        "packages/ours/node_modules/inner": entry(5),
        "node_modules/deep/node_modules/bundled": {"version": "1.0.0", "inBundle": True},
        "node_modules/gnu": entry(6, libc=["glibc"], os=["linux"], cpu=["x64", "arm64"]),
        "node_modules/any": entry(7, os=["any"], cpu="x64"),
        "node_modules/not-windows": entry(8, os=["!win32"]),
        "node_modules/musl": entry(9, libc=["musl"], optional=True),
        "node_modules/arm": entry(9, cpu=["arm64"], optional=True),
        "node_modules/no-linux": entry(9, os=["!linux"], optional=True),
        "node_modules/mac": entry(9, os=["darwin"], optional=True),
    }
    found = npm_packages(front_end(tmp_path, packages))
    assert [one.name for one in found] == [
        *("@s/scoped", "a", "any", "deep", "gnu", "inner", "not-windows", "real"),
    ]
    assert found[1] == NpmPackage("a", "1.0.0", "01" * 64)
    assert found[3].url == url


@pytest.mark.parametrize(
    ("broken", "what", "hint"),
    [
        ({"version": "1.0.0"}, "has no `integrity` of sha512", "npm install --package-lock-only"),
        (entry(integrity=sri(1, "sha1", 20)), "has no `integrity` of sha512", "npm install"),
        (entry(integrity=sri(1, size=20)), "has no `integrity` of sha512", "npm install"),
        (entry(resolved="git+ssh://git@example.com/a.git#0"), "a git repository", "its version"),
        (entry(resolved="file:../a.tgz"), "comes from a file", "its version"),
        ({"link": True, "resolved": "../a"}, "leads out of the project, to `../a`", ""),
        (entry(version="../1"), "has no version", ""),
        (entry(name="../x"), "has a name that no package has", ""),
        ([], "is no object", ""),
    ],
)
def test_what_no_digest_pins_is_told_with_its_line(
    tmp_path: Path, broken: Any, what: str, hint: str
) -> None:
    directory = front_end(tmp_path, {"node_modules/fine": entry(), "node_modules/a": broken})
    with pytest.raises(LockError) as caught:
        npm_packages(directory)
    assert caught.value.what.startswith("`node_modules/a` ")
    assert what in caught.value.what
    assert hint in caught.value.hint
    assert caught.value.where is not None
    line = (directory / LOCK).read_text().splitlines()[caught.value.where.line - 1]
    assert line.strip().startswith('"node_modules/a"')


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    packages = {"node_modules/a": {}, "node_modules/b": {}, "node_modules/c": entry(1)}
    packages["node_modules/d/node_modules/c"] = entry(2)
    with pytest.raises(LockError, match="3 problems in this file") as caught:
        npm_packages(front_end(tmp_path, packages))
    assert "other bytes of c 1.0.0 than another entry" in caught.value.why


def test_there_must_be_a_lock_that_lists_all(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"no package\.json"):
        npm_packages(tmp_path)
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "yarn.lock").touch()
    with pytest.raises(LockError, match=r"no package-lock\.json") as caught:
        npm_packages(tmp_path)
    assert (
        caught.value.why
        == "there is yarn.lock, which is not read; npm takes the versions in it over"
    )
    assert "npm install --package-lock-only" in caught.value.hint
    with pytest.raises(LockError, match="a lock of version 1, and not of 2 or 3"):
        npm_packages(front_end(tmp_path, {}, lockfileVersion=1))
    for text in ("", "[" * 100_000, '{"lockfileVersion": 3}', "[]", "\xff"):
        (tmp_path / LOCK).write_bytes(text.encode("latin-1"))
        with pytest.raises(LockError):
            npm_packages(tmp_path)


def test_a_lock_without_addresses_gets_some_that_nobody_asks() -> None:
    url = "https://registry.example.com/b.tgz"
    packages = {
        "": {"name": "ui"},
        "node_modules/@s/a": entry(1),
        "node_modules/b": entry(2, resolved=url),
        "packages/c": {"version": "1.0.0"},
    }
    found = json.loads(completed(json.dumps({"lockfileVersion": 3, "packages": packages})))
    entries = found["packages"]
    assert entries["node_modules/@s/a"]["resolved"] == "https://registry.invalid/@s/a/-/a-1.0.0.tgz"
    assert entries["node_modules/b"]["resolved"] == url
    assert "resolved" not in entries["packages/c"]
