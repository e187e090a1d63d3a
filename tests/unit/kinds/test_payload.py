"""Which libraries of the root's compiler a payload takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.audit.facts import facts_of_file
from omnibuild.errors import DefinitionError
from omnibuild.kinds.payload import with_needed
from omnibuild.payload.assembly import HOST_PART, Part
from omnibuild.payload.own_files import owners_of
from omnibuild.recipe.models import HostFile
from omnibuild.tree import Entry, Kind, Tree, scan
from tests.programs import compiled, linked

LIBRARIES = ("libgcc_s.so.1", "libstdc++.so.6", "libatomic.so.1")


def library(name: str, *needed: str, path: str = "$ORIGIN") -> bytes:
    """Return a library that needs others."""
    stubs = {f"{each}.so": compiled("", "-shared", f"-Wl,-soname,{each}") for each in needed}
    words = ("-shared", f"-Wl,-soname,{name}", f"-Wl,-rpath,{path}", "-Wl,--no-as-needed")
    return linked("", *words, *(f"-l:{stub}" for stub in stubs), beside=stubs)


@pytest.fixture
def runtime(tmp_path: Path) -> Part:
    libraries = {name: library(name) for name in LIBRARIES}
    libraries["libstdc++.so.6"] = library("libstdc++.so.6", "libgcc_s.so.1")
    files = {f"lib/{name}": content for name, content in libraries.items()}
    return part(tmp_path, "root:gcc", {**files, "share/licenses/gcc/copyright": b"GPL"})


def part(base: Path, name: str, files: dict[str, bytes], prune: tuple[str, ...] = ()) -> Part:
    for path, content in files.items():
        (base / name / path).parent.mkdir(parents=True, exist_ok=True)
        (base / name / path).write_bytes(content)
    return Part(name, scan(base / name), base / name, prune)


def taken(*parts: Part) -> list[str]:
    facts = {
        entry.digest: facts_of_file(part.directory, entry.path)
        for part in parts
        for entry in part.tree.files()
    }
    found = {part.name: part for part in with_needed({"root:gcc": ["**"]}, parts, "/opt/x", facts)}
    if "root:gcc" not in found:
        return []
    everything = set(LIBRARIES) - {path.rpartition("/")[2] for path in found["root:gcc"].prune}
    return sorted(everything)


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ((), []),
        (("libgcc_s.so.1",), ["libgcc_s.so.1"]),
        (("libstdc++.so.6",), ["libgcc_s.so.1", "libstdc++.so.6"]),
        (("libatomic.so.1",), ["libatomic.so.1"]),
    ],
)
def test_only_what_something_loads_is_taken(
    tmp_path: Path, runtime: Part, needed: tuple[str, ...], expected: list[str]
) -> None:
    module = library("x", *needed, path="$ORIGIN/../lib")
    assert taken(runtime, part(tmp_path, "python:x", {"site/x.so": module})) == expected


def test_a_component_may_have_libraries_for_those_who_link_them(tmp_path: Path) -> None:
    files = {"lib/libpython.so.1": library("libpython.so.1"), "bin/python": library("program")}
    own = part(tmp_path, "python", {**files, "share/libpython.so.1.txt": b"text"})
    embedder = library("x", "libpython.so.1", path="$ORIGIN/../lib")
    spare = {"python": ["lib/libpython.so.*", "share/**"]}
    for parts, left_out in (
        ((own,), ("lib/libpython.so.1",)),
        ((own, part(tmp_path, "python:uwsgi", {"bin/uwsgi": embedder})), ()),
    ):
        facts = {
            entry.digest: facts_of_file(each.directory, entry.path)
            for each in parts
            for entry in each.tree.files()
        }
        found = list(with_needed(spare, parts, "/opt/x", facts))
        assert found == [replace(own, prune=left_out), *parts[1:]]


def test_what_finds_another_copy_or_is_left_out_needs_none(tmp_path: Path, runtime: Part) -> None:
    files = {
        "site/x.so": library("x", "libgcc_s.so.1", path="$ORIGIN/x.libs:$ORIGIN/../lib"),
        "site/x.libs/libgcc_s.so.1": library("libgcc_s.so.1"),
        "site/y.so": library("y", "libatomic.so.1", path="$ORIGIN/../lib"),
    }
    assert taken(runtime, part(tmp_path, "python:x", files, ("site/y.so",))) == []


def test_what_others_are_in_is_not_given_away(tmp_path: Path) -> None:
    files = {
        "/opt/x/lib/own": HostFile(directory=True, owner="x"),
        "/opt/x/lib/theirs": HostFile(directory=True, owner="x"),
    }
    there = ("opt/x/lib/own", "opt/x/lib/theirs")
    mine = Tree.of([Entry(path, Kind.DIRECTORY, 0o755) for path in there])
    parts = [Part(HOST_PART, mine, tmp_path), part(tmp_path, "zlib", {"lib/other": b""})]
    assert owners_of(files, parts, "/opt/x") == {f"/{path}": ("x", "root") for path in there}
    parts[1] = part(tmp_path, "zlib", {"lib/theirs/some": b""})
    with pytest.raises(DefinitionError, match="gives /opt/x/lib/theirs to x:root, and zlib"):
        owners_of(files, parts, "/opt/x")
