"""What the audit finds, whom it names, and what people can write to go on."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.products import CHECKOUT, omnibuild
from tests.acceptance.test_bad_input import build, fails
from tests.acceptance.test_engine import fresh_store_with_root
from tests.acceptance.workspaces import STEPS, Workspace

SCRIPT = (
    "printf '#!/usr/bin/env perl\\n' >\"$PREFIX/bin/script\"",
    'chmod +x "$PREFIX/bin/script"',
    'echo /build/src >"$PREFIX/bin/trace"',
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return Workspace(tmp_path / "workspace", steps=(*STEPS, *SCRIPT)).write()


def audited(workspace: Path) -> tuple[dict[str, Any], list[str]]:
    """Build; return what the audit found and what is warned of besides."""
    said = omnibuild(*build(workspace, "--json")).stdout
    events = [json.loads(line) for line in said.splitlines()]
    (found,) = (event["report"] for event in events if event["event"] == "Audited")
    sidecar = workspace / "dist/tiny_1.0-1_amd64.deb.audit.json"
    assert json.loads(sidecar.read_bytes()) == found
    return found, [event["message"] for event in events if event["event"] == "Warned"]


def test_a_finding_is_answered_by_what_its_message_says(workspace: Path) -> None:
    said = fails("audit", *build(workspace))
    assert "shebang: /opt/tiny/bin/script (of the component tiny-c 1.0): its interpreter" in said
    assert 'to leave it out, write into its definition: prune = ["bin/script"]' in said
    data = json.loads(omnibuild(*build(workspace, "--json"), check=False).stdout.splitlines()[-1])
    assert [(one["check"], one["owner"]) for one in data["findings"]] == [
        ("shebang", "the component tiny-c 1.0")
    ]
    waiver = said.partition("for the first:\n")[2].replace("…", "only perl's friends use it")
    recipe = workspace / "recipes/tiny.toml"
    recipe.write_text(f"{recipe.read_text()}\n{waiver}")
    (answer,) = tomllib.loads(recipe.read_text())["audit"]["waivers"]
    for reason in (answer["reason"], "for another reason"):
        recipe.write_text(recipe.read_text().replace(answer["reason"], reason))
        found, warned = audited(workspace)
        by_check = {one["check"]: one for one in found["findings"]}
        assert by_check["shebang"]["level"] == "waived"
        assert by_check["shebang"]["reason"] == reason
        assert by_check["build-path"]["level"] == "warning"
        assert not warned
    said = omnibuild(*build(workspace)).stderr
    assert "waived  tiny: shebang: /opt/tiny/bin/script" in said
    assert "warning tiny: build-path: /opt/tiny/bin/trace" in said


def test_a_waiver_of_nothing_is_told_with_its_place(workspace: Path) -> None:
    recipe = workspace / "recipes/tiny.toml"
    lines = recipe.read_text().splitlines()
    for path in ("/opt/tiny/bin/script", "/opt/tiny/lib/**"):
        lines += ["[[audit.waivers]]", 'check = "shebang"', f'path = "{path}"', 'reason = "x"']
    recipe.write_text("\n".join(lines))
    found, warned = audited(workspace)
    place = f"{recipe}:{len(lines) - 3}:"
    (message,) = warned
    assert message.startswith(place)
    assert message.endswith("audit.waivers[1] is for `shebang` and covers nothing")
    assert found["unused"] == [["audit", "waivers", 1]]


def test_a_key_in_a_project_is_refused_until_it_is_left_out(tmp_path: Path) -> None:
    for directory in ("recipes", "examples/hello", "package-scripts/hello"):
        (tmp_path / directory).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", CHECKOUT / directory, tmp_path / directory], check=True)
    (tmp_path / "recipes/httpbin.toml").unlink()
    key = next((tmp_path / "examples/hello").rglob("web.py")).with_name("server.key")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    words = ("build", "hello", "-C", tmp_path, "-p", "debian-12", "-o", tmp_path / "dist")
    said = fails("audit", *words)
    path = "lib/python3.13/site-packages/hello/server.key"
    assert f"secrets: /opt/hello/{path} (of the project hello 1.0.0): holds a private key" in said
    prune = said.partition("write under [python.prune]: ")[2].partition("\n")[0]
    assert prune == f'hello = ["{path}"]'
    recipe = tmp_path / "recipes/hello.toml"
    unused = '"**/server.pem"]'
    recipe.write_text(f"{recipe.read_text()}\n[python.prune]\n{prune[:-1]}, {unused}\n")
    done = omnibuild(*words)
    assert "python.prune.hello[1] is for `**/server.pem` and covers nothing" in done.stderr
    assert "server.key" not in (tmp_path / "dist/hello_1.0.0-1_amd64.deb.audit.json").read_text()


def test_the_checkout_is_found_in_a_payload_and_in_a_package(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fresh_store_with_root(tmp_path / "store")
    monkeypatch.setenv("OMNIBUILD_CACHE", str(store))
    Workspace(workspace, steps=(*STEPS, 'echo /build/src >"$PREFIX/bin/trace"')).write()
    recipe = workspace / "recipes/tiny.toml"
    recipe.write_text(f'{recipe.read_text()}\n[config]\n"/etc/tiny/tiny.conf" = "tiny.conf"\n')
    (recipe.parent / "tiny.conf").write_text(f"root = {workspace}/data\n")
    path = "etc/tiny/tiny.conf"

    def paths(base: Path) -> dict[str, str]:
        found, _ = audited(base)
        assert str(base) not in json.dumps(found)
        return {
            one["path"]: one["level"]
            for one in found["findings"]
            if one["check"] == "checkout-path"
        }

    copy = "opt/tiny/etc/tiny.conf"
    both = dict.fromkeys((path, copy), "warning")
    assert paths(workspace) == both
    said = omnibuild(*build(workspace)).stderr
    assert f"warning tiny: checkout-path: /{path} (of the recipe): holds the path" in said
    # What is known is not read again; and what was only downloaded is read, too.
    for damaged in store.glob(f"trees/*/*/files/files/{path}"):
        damaged.unlink()
    assert paths(workspace) == both
    for note in (store / "searched").iterdir():
        note.write_bytes(b"[")
    assert paths(workspace) == both
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", workspace, other], check=True)
    assert paths(other) == {}
