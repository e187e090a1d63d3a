"""Building again elsewhere: the same bytes, or an explanation."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from omnibuild.settings import default_cache
from omnibuild.store.store import Store
from tests.acceptance.products import CHECKOUT, COMPILED, SHAPES, Products, omnibuild
from tests.acceptance.workspaces import STEPS, Workspace


def rebuild(workspace: Workspace, *words: str, check: bool = True) -> tuple[int, str]:
    workspace.write()
    done = omnibuild(*("artifact", "rebuild", *words, "-C", workspace.base, "-j", "2"), check=check)
    return done.returncode, done.stdout + done.stderr


def test_everything_of_an_app_is_the_same_elsewhere(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w", steps=(f": {tmp_path}", *STEPS))
    _, said = rebuild(workspace, "tiny", "-p", "debian-12", "-p", "el9")
    lines = [line.split()[-1] for line in said.splitlines() if line.startswith("same ")]
    assert {
        "component:tiny-c@bullseye/amd64",
        "payload:tiny@bullseye/amd64",
        "package:tiny/deb@bullseye/amd64",
        "package:tiny/rpm@bullseye/amd64",
    } <= {*lines}


def test_one_component_alone_can_be_built_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w", steps=(f": {tmp_path}", *STEPS))
    _, said = rebuild(workspace, "tiny-c")
    same = [line for line in said.splitlines() if line.startswith("same ")]
    assert [line.split()[-1] for line in same] == ["component:tiny-c@bullseye/amd64"]


def test_a_path_to_a_recipe_means_all_of_its_app(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w", steps=(f": {tmp_path}", *STEPS))
    for word in ("", "/recipes/tiny.toml"):
        _, said = rebuild(workspace, f"{tmp_path}/w{word}", "-p", "debian-12")
        assert " package:tiny/deb@bullseye/amd64\n" in said


def test_what_is_for_release_is_built_again_for_release(tmp_path: Path) -> None:
    steps = (f": {tmp_path}", *STEPS, 'echo "${KIND-quick}" > "$PREFIX/kind"')
    definition = Workspace(tmp_path / "w", steps=steps).write() / "software/tiny-c.toml"
    profile = '\n[variants.release.environment]\nKIND = "released"\n'
    definition.write_text(definition.read_text() + profile)
    said = omnibuild("artifact", "rebuild", "tiny-c", "--release", "-C", tmp_path / "w").stdout
    assert said.startswith("same ")


def test_what_differs_is_explained_by_file(tmp_path: Path) -> None:
    steps = (
        *STEPS,
        f'echo "built at $(date +%N) for {tmp_path}" > "$PREFIX/when"',
        'test "$(nproc)" = 99 || touch "$PREFIX/$(head -c 4 /proc/sys/kernel/random/uuid)"',
    )
    code, said = rebuild(Workspace(tmp_path / "w", steps=steps), "tiny-c", check=False)
    assert code == 10
    assert "error[not-reproducible]: 1 of 1 outputs differ" in said
    assert "when: content from byte" in said
    assert "only in the first build" in said
    assert "only in the second build" in said


GOLDEN = Path(__file__).parent / "golden_outputs.json"

AGAIN = (
    "component:zlib@bullseye/amd64",
    "backend:hello/hello@bullseye/amd64",
    "wheel:hello/hello@bullseye/amd64",
    "install:hello/gunicorn@bullseye/amd64",
    "runtime:gcc@bullseye/amd64",
    "install:compiled/greenlet@bullseye/amd64",
    "steps:shelf@bullseye/amd64",
    "node:shelf@bullseye/amd64",
    "pex:hello/x86_64@bullseye/amd64",
    "place:hello/openssl@bullseye/amd64",
    "payload:hello@bullseye/amd64",
    "package:hello/rpm@bullseye/amd64",
)


@pytest.mark.parametrize("name", AGAIN)
def test_every_kind_of_action_makes_the_same_elsewhere(products: Products, name: str) -> None:
    for product in (products.hello, products.hello_pex, products.compiled, products.shelf):
        assert product.is_dir()
    workspace = COMPILED if ":compiled" in name or name.startswith("runtime:") else CHECKOUT
    workspace = SHAPES if ":shelf" in name else workspace
    said = omnibuild("artifact", "rebuild", name, "-C", workspace).stdout
    assert said.split()[0::2] == ["same", name]


def test_what_sandboxes_and_archives_make_is_pinned(products: Products) -> None:
    """What the test before makes again with today's code has the bytes that it always had.

    Where this fails though no definition changed, a kind's serial must be raised. Then, and when
    definitions change, run with OMNIBUILD_WRITE_GOLDEN=1.
    """
    for product in (products.hello, products.hello_pex, products.compiled, products.shelf):
        assert product.is_dir()
    store = Store(default_cache())
    found = {}
    for name in ("root:bullseye@amd64", *AGAIN[:9]):
        last = store.history.last(name)
        assert last, name
        result = store.result(last.key)
        assert result, name
        found[name] = {"key": last.key, "output": result.output.digest}
    if os.environ.get("OMNIBUILD_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(GOLDEN.read_text())
