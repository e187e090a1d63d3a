"""Real builds of odd files: a dependent sees them exactly, and cached parts make equal packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from omnibuild.digests import of_bytes
from omnibuild.layers.environment import SOURCE_DATE_EPOCH
from tests.acceptance.products import CHECKOUT
from tests.acceptance.test_engine import fresh_store_with_root
from tests.acceptance.workspaces import STEPS, Workspace

# Made by one component. Names are UTF-8, as rpm demands; links lead somewhere, as the audit does.
MENAGERIE = r"""
mkdir -p "$PREFIX/odd/empty" "$PREFIX/odd/read-only" "$PREFIX/odd/closed"; cd "$PREFIX/odd"
echo x > 'with spaces'; echo x > ./-rf; echo c > 'café'; echo d > "$(printf 'cafe\314\201')"
echo long > "$(printf 'n%.0s' $(seq 240))"
echo s > secret; chmod 400 secret; echo p > private; chmod 600 private
echo nobody > nobody; chmod 0 nobody
truncate -s 5M sparse; echo end >> sparse
echo linked > z-first; ln z-first a-second; ln z-first read-only/third
mkdir -p $(printf 'deep/%.0s' $(seq 150)); echo deep > $(printf 'deep/%.0s' $(seq 150))file
ln -s "$(printf './%.0s' $(seq 1500))secret" long-way
chmod 555 read-only; chmod 0 closed; chmod 700 empty; touch -d 2001-01-01 secret
"""

# Written by another component that has it beneath.
LISTING = r"""
mkdir -p "$PREFIX/share/seen"; cd "$PREFIX/odd"
find . -printf '%P|%y|%m|%s|%l|%T@\n' > "$PREFIX/share/seen/list"
sha256sum z-first a-second read-only/third nobody sparse > "$PREFIX/share/seen/sums"
test a-second -ef z-first
test read-only/third -ef z-first
"""


def workspace(base: Path, *steps: str) -> Path:
    made = Workspace(base, steps=(MENAGERIE,), test="test -d $PREFIX/odd")
    made.base.mkdir(parents=True, exist_ok=True)
    odd = made.software("odd-c", (base / "tiny.tar.gz").as_uri())
    made.steps, made.needs = (*STEPS, LISTING, *steps), ("odd-c",)
    made.test = 'cd "$PREFIX/odd"; test a-second -ef z-first'
    made.write()
    (base / "software/odd-c.toml").write_text(odd)
    return base


def build(base: Path, cache: Path, *command: str) -> tuple[set[str], dict[str, bytes]]:
    """Build for a deb and an rpm; return the actions that ran, and the artifacts."""
    done = subprocess.run(
        [
            *(*command, sys.executable, "-m", "omnibuild", "build", "tiny", "-C", base),
            *("-p", "debian-12", "-p", "el9", "-o", base / "dist"),
            *("--cache-dir", cache, "--json"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ran = {e["action"] for e in events if e["event"] == "ActionFinished" and not e["cached"]}
    return ran, {path.name: path.read_bytes() for path in (base / "dist").iterdir()}


def test_cached_parts_make_what_a_clean_build_makes(tmp_path: Path) -> None:
    clean_ran, clean = build(workspace(tmp_path / "clean"), fresh_store_with_root(tmp_path / "one"))
    assert {"component:odd-c@bullseye/amd64", "component:tiny-c@bullseye/amd64"} <= clean_ran
    # Elsewhere the odd component comes from the store, where another build has left it.
    cache = fresh_store_with_root(tmp_path / "two")
    build(workspace(tmp_path / "cached", "echo another"), cache)
    cached_ran, cached = build(workspace(tmp_path / "cached"), cache)
    assert "component:tiny-c@bullseye/amd64" in cached_ran
    assert "component:odd-c@bullseye/amd64" not in cached_ran
    assert cached == clean
    assert any(name.endswith(".rpm") for name in clean)


def test_who_builds_and_with_which_umask_changes_nothing(tmp_path: Path) -> None:
    _, clean = build(workspace(tmp_path / "clean"), fresh_store_with_root(tmp_path / "one"))
    # uid 1000 without any capability, in a user namespace that lets it read our files.
    user = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    shell = ("sh", "-c", 'umask 077; exec "$@"', "sh")
    base, cache = workspace(tmp_path / "user"), fresh_store_with_root(tmp_path / "two")
    _, made = build(base, cache, *user, *shell)
    assert made == clean


def test_a_dependent_sees_exactly_what_was_installed(tmp_path: Path) -> None:
    build(workspace(tmp_path / "w"), fresh_store_with_root(tmp_path / "cache"))
    (deb,) = (tmp_path / "w/dist").glob("*.deb")
    seen = {}
    for line in member(deb, "./opt/tiny/share/seen/list").splitlines():
        path, kind, mode, size, link, time = line.split("|")
        seen[path] = (kind, mode, size, link)
        # Nobody sees when something was built, or what time it gave itself.
        assert not path or float(time) == SOURCE_DATE_EPOCH, path
    modes = {
        "secret": "400",
        "private": "600",
        "nobody": "400",
        "sparse": "644",
        "with spaces": "644",
        "-rf": "644",
        "n" * 240: "644",
        "caf\u00e9": "644",
        "cafe\u0301": "644",
        "empty": "700",
        "closed": "500",
        "read-only": "555",
        "a-second": "644",
        "deep/" * 150 + "file": "644",
    }
    assert {path: seen[path][1] for path in modes} == modes
    assert seen["sparse"][2] == str(5 * 1024 * 1024 + len("end\n"))
    assert seen["long-way"][3] == "./" * 1500 + "secret"
    sums = dict(
        reversed(line.split("  "))
        for line in member(deb, "./opt/tiny/share/seen/sums").splitlines()
    )
    contents = {"z-first": b"linked\n", "nobody": b"nobody\n", "sparse": bytes(5 << 20) + b"end\n"}
    assert {name: sums[name] for name in contents} == {n: of_bytes(c) for n, c in contents.items()}
    assert sums["z-first"] == sums["a-second"] == sums["read-only/third"]


def member(deb: Path, name: str) -> str:
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True)
    words = ["tar", "-xO", name]
    return subprocess.run(words, input=tar.stdout, capture_output=True, check=True).stdout.decode()
