"""Debug symbols keep to their programs when these are placed, whatever the app is called."""

from __future__ import annotations

from pathlib import Path

from omnibuild.payload.placing import check_capture, place_tree
from omnibuild.payload.symbols import build_id, build_ids_of, on_hosts, symbols_path, with_ids
from omnibuild.tree import Tree, scan
from tests.programs import greet_program

APPS = ("/opt/one", "/opt/two")


def placed(base: Path) -> dict[str, tuple[Tree, Path]]:
    """A program and what stands for its symbols, placed for two apps."""
    source = base / "source"
    (source / "bin").mkdir(parents=True)
    program = greet_program()
    (source / "bin/greet").write_bytes(program)
    (source / "bin/again").hardlink_to(source / "bin/greet")
    symbols = source / symbols_path(build_id(program))
    symbols.parent.mkdir(parents=True)
    symbols.write_bytes(program + b"/omb/om, as compressed sections may have it")
    tree = scan(source)
    check_capture(source, tree)
    return {app: (place_tree(tree, source, base / app[5:], app), base / app[5:]) for app in APPS}


def test_each_app_has_build_ids_of_its_own(tmp_path: Path) -> None:
    found = set()
    for tree, root in placed(tmp_path).values():
        assert tree == scan(root)
        (symbols,) = (entry for entry in tree.files() if entry.path.startswith("lib/debug/"))
        identities = {build_id((root / path).read_bytes()) for path in ("bin/greet", "bin/again")}
        identities.add(build_id((root / symbols.path).read_bytes()))
        (identity,) = identities
        assert symbols.path == symbols_path(identity)
        hosts = on_hosts(tree)
        assert list(hosts) == [
            f"usr/lib/debug/.build-id/{identity.hex()[:2]}/{identity.hex()[2:]}.debug"
        ]
        assert build_ids_of(Tree.of(hosts.values())) == (identity.hex(),)
        found.add(identity)
    assert len(found) == len(APPS)


def test_only_programs_with_symbols_change() -> None:
    program = greet_program()
    identity = build_id(program)
    assert with_ids(program, {}) is program
    assert with_ids(program, {b"another": b"changed"}) is program
    changed = with_ids(program, {identity: identity[::-1]})
    assert build_id(changed) == identity[::-1]
    assert len(changed) == len(program)


def test_what_is_no_program_has_no_build_id() -> None:
    note = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0" + bytes(20)
    assert build_id(note) == build_id(b"#!/bin/sh\n") == build_id(b"") == b""
