"""What is rebuilt, and what is not: told by the events of real builds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from omnibuild.plan.keys import key
from omnibuild.settings import default_cache
from omnibuild.store.store import Store
from omnibuild.tree import scan
from tests.acceptance.products import CHECKOUT, Products, omnibuild, replace
from tests.acceptance.workspaces import STEPS, Workspace

COMPONENTS = {
    "base-c": (),
    "left-c": ("base-c",),
    "right-c": ("base-c",),
    "top-c": ("left-c",),
}


def ran(*words: str | Path) -> list[str]:
    """Return the names of the actions that a command ran, besides fetches."""
    done = omnibuild(*words, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return sorted(
        event["action"]
        for event in events
        if event["event"] == "ActionFinished" and not event["cached"] and event["kind"] != "fetch"
    )


def build(directory: Path) -> list[str]:
    return ran("build", "tiny", "-C", directory, "-p", "debian-12", "-o", directory / "dist")


def write(directory: Path, changed: str = "", mark: str = "") -> Path:
    """A workspace with four components in a diamond that lacks its top."""
    for name, needs in COMPONENTS.items():
        program = name.removesuffix("-c")
        step = f'$CC $CFLAGS tiny.c -o "$PREFIX/bin/{program}" $LDFLAGS'
        workspace = Workspace(directory, steps=(STEPS[0], step), needs=needs)
        workspace.test = f'"$PREFIX/bin/{program}"'
        if name == changed:
            # The mark of the session makes the bytes new, whatever is in the store.
            workspace.steps = (*workspace.steps, f'echo "{mark}" > "$PREFIX/{program}.txt"')
        workspace.write()
        text = workspace.software(name, (directory / "tiny.tar.gz").as_uri())
        (directory / f"software/{name}.toml").write_text(text)
    replace(directory / "recipes/tiny.toml", 'tiny-c = "1.0"', 'top-c = "1.0"\nright-c = "1.0"')
    return directory


def test_a_second_build_does_nothing_and_comments_change_nothing(tmp_path: Path) -> None:
    directory = write(tmp_path / "w")
    build(directory)
    assert build(directory) == []
    for path in [*directory.glob("software/*.toml"), *directory.glob("recipes/*.toml")]:
        path.write_text(f"# a comment\n\n{path.read_text()}")
    assert build(directory) == []


def test_a_change_rebuilds_exactly_what_depends_on_it(tmp_path: Path) -> None:
    build(write(tmp_path / "w"))
    after = build(write(tmp_path / "w", "left-c", str(tmp_path)))
    assert after == [
        "audit:tiny/debian-12@bullseye/amd64",
        "component:left-c@bullseye/amd64",
        "component:top-c@bullseye/amd64",
        "package:tiny/deb@bullseye/amd64",
        "payload:tiny@bullseye/amd64",
        "place:tiny/left-c@bullseye/amd64",
    ]


def test_a_rebuild_to_the_same_bytes_stops_the_wave(tmp_path: Path) -> None:
    directory = write(tmp_path / "w")
    build(directory)
    path = directory / "software/base-c.toml"
    replace(path, "$CC $CFLAGS", f": {tmp_path}; $CC $CFLAGS")
    assert build(directory) == ["component:base-c@bullseye/amd64"]


def test_httpbin_compiles_nothing_that_hello_compiled(products: Products, tmp_path: Path) -> None:
    assert products.hello.is_dir()
    words = ("build", "httpbin", "-C", CHECKOUT, "-p", "debian-12", "-o", tmp_path)
    assert [name for name in ran(*words) if name.startswith(("component:", "root:"))] == []


def test_two_apps_share_one_interpreter_in_the_store(products: Products) -> None:
    names = {"hello": products.hello, "httpbin": products.httpbin}
    versions = {}
    for name, directory in names.items():
        (path,) = directory.glob(f"{name}_*-1_amd64.deb.manifest.json")
        manifest = json.loads(path.read_text())
        versions[name] = {c["name"]: c["source"]["sha256"] for c in manifest["components"]}
        assert manifest["artifact"]["file"] in {p.name for p in directory.iterdir()}
    assert versions["hello"] == versions["httpbin"]


def test_an_artifact_is_the_same_from_an_empty_store(tmp_path: Path) -> None:
    """Only the root and sources are shared: everything of the app is made again, elsewhere."""
    directory = write(tmp_path / "w")
    build(directory)
    first = (directory / "dist/tiny_1.0-1_amd64.deb").read_bytes()
    again = write(tmp_path / "elsewhere/deeper")
    cache = fresh_store_with_root(tmp_path / "cache")
    words = ("build", "tiny", "-C", again, "-p", "debian-12", "-o", again / "dist", "-j", "1")
    assert "component:base-c@bullseye/amd64" in ran(*words, "--cache-dir", cache)
    assert (again / "dist/tiny_1.0-1_amd64.deb").read_bytes() == first


def fresh_store_with_root(cache: Path) -> Path:
    """Make a store that has the build root and nothing else, by hard links."""
    full, store = Store(default_cache()), Store(cache)
    document = full.history.last_document("root:bullseye@amd64")
    assert document
    result = full.result(key(document))
    assert result
    target = store.tree_directory(result.output.digest).parent
    target.parent.mkdir(parents=True)
    source = full.tree_directory(result.output.digest).parent
    subprocess.run(["cp", "-al", source, target.parent], check=True)
    store.record(key(document), result)
    for package in document["parameters"]["lock"]["packages"]:
        blob = store.blob(package["sha256"])
        blob.parent.mkdir(exist_ok=True)
        blob.hardlink_to(full.blob(package["sha256"]))
    return cache


def test_what_is_stored_is_what_the_list_says(products: Products) -> None:
    """The store's own lists match its files, after everything the tests did to it."""
    assert products.hello.is_dir()
    store = Store(default_cache())
    document = store.history.last_document("payload:hello@bullseye/amd64")
    assert document
    for digest in document["inputs"].values():
        assert scan(store.tree_directory(digest)).digest == digest


def test_no_step_needs_any_privilege(tmp_path: Path) -> None:
    """A build as uid 1000 without a capability, in a user namespace that lets it read our files."""
    directory = write(tmp_path / "w", "base-c", f"{tmp_path} without capabilities")
    cache = fresh_store_with_root(tmp_path / "cache")
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-user=1000", "--map-group=1000"),
            *(sys.executable, "-m", "omnibuild", "build", "tiny", "-C", directory),
            *("-p", "debian-12", "-o", directory / "dist", "--cache-dir", cache),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (directory / "dist/tiny_1.0-1_amd64.deb").exists()
