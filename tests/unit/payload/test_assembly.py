import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import CaptureError
from omnibuild.payload.assembly import HOST_PART, GeneratedFile, Part, assemble, part_of
from omnibuild.recipe.located import FaultError
from omnibuild.tree import Kind, scan

PREFIX = "/opt/app"


def part(base: Path, name: str, files: dict[str, str], prune: tuple[str, ...] = ()) -> Part:
    directory = base / name
    for path, text in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Part(name, scan(directory), directory, prune)


def paths(target: Path) -> set[str]:
    return {e.path for e in scan(target).entries if e.kind is not Kind.DIRECTORY}


def test_parts_and_generated_files_become_one_tree(tmp_path: Path) -> None:
    parts = [
        part(tmp_path, "zlib", {"lib/libz.so.1": "z", "include/zlib.h": "h"}, ("include",)),
        part(tmp_path, "nginx", {"bin/nginx": "n"}),
    ]
    tree = assemble(
        parts,
        PREFIX,
        {"/etc/app/app.conf": GeneratedFile(b"conf", 0o640)},
        {"/usr/bin/app": "/opt/app/bin/app"},
        tmp_path / "out",
    )
    assert paths(tmp_path / "out") == {
        "opt/app/lib/libz.so.1",
        "opt/app/bin/nginx",
        "etc/app/app.conf",
        "usr/bin/app",
    }
    # What is returned is what is there, though no file was read again.
    assert tree.digest == scan(tmp_path / "out").digest
    # Content is shared with the store, not copied.
    assert os.stat(tmp_path / "out/opt/app/bin/nginx").st_nlink == 2


def test_pruned_directories_leave_no_shell(tmp_path: Path) -> None:
    parts = [part(tmp_path, "a", {"share/man/man1/a.1": "m", "bin/a": "a"}, ("share/man",))]
    tree = assemble(parts, PREFIX, {}, {}, tmp_path / "out")
    assert [e.path for e in tree.entries] == ["opt", "opt/app", "opt/app/bin", "opt/app/bin/a"]


def test_a_hard_link_survives_the_pruning_of_its_first_name(tmp_path: Path) -> None:
    source = part(tmp_path, "a", {"a/first": "data"})
    for name in ("m", "z"):
        os.link(source.directory / "a/first", source.directory / name)
    source = Part("a", scan(source.directory), source.directory, ("a",))
    tree = assemble([source], PREFIX, {}, {}, tmp_path / "out")
    assert tree.by_path["opt/app/m"].kind is Kind.FILE
    assert tree.by_path["opt/app/z"].target == "opt/app/m"
    assert (tmp_path / "out/opt/app/z").read_text() == "data"


def test_two_owners_of_one_path_are_refused(tmp_path: Path) -> None:
    parts = [part(tmp_path, "a", {"bin/x": "1"}), part(tmp_path, "b", {"bin/x": "2"})]
    with pytest.raises(CaptureError) as caught:
        assemble(parts, PREFIX, {}, {}, tmp_path / "out")
    assert "a and b" in caught.value.what
    assert "`prune`" in caught.value.hint


def test_files_of_the_recipe_that_others_bring_are_told_where_it_says_them(tmp_path: Path) -> None:
    own = part(tmp_path, HOST_PART, {"opt/app/lib/x": "1", "usr/bin/app": "2"})
    parts = [part(tmp_path, "zlib", {"lib/x": "0"}), own]
    with pytest.raises(FaultError, match="lib/x is taken already: it comes with zlib") as one:
        assemble(parts, PREFIX, {}, {}, tmp_path / "out")
    assert one.value.fault.path == ("files", "/opt/app/lib/x")
    with pytest.raises(FaultError, match="it comes with the host integration"):
        assemble([own], PREFIX, {}, {"/usr/bin/app": "/opt/app/bin/app"}, tmp_path / "more")


def test_the_hint_for_packages_names_a_key_of_the_recipe(tmp_path: Path) -> None:
    parts = [part(tmp_path, f"python:{n}", {"LICENSE.txt": n}) for n in ("a", "b")]
    with pytest.raises(CaptureError) as caught:
        assemble(parts, PREFIX, {}, {}, tmp_path / "out")
    assert "[python.prune], under 'b'" in caught.value.hint


def test_the_same_bytes_in_one_path_are_one_file(tmp_path: Path) -> None:
    parts = [part(tmp_path, name, {"tests/__init__.py": "", name: name}) for name in ("a", "b")]
    tree = assemble(parts, PREFIX, {}, {}, tmp_path / "out")
    assert paths(tmp_path / "out") == {
        "opt/app/tests/__init__.py",
        "opt/app/a",
        "opt/app/b",
    }
    assert tree.digest == scan(tmp_path / "out").digest


def test_the_same_bytes_with_other_permissions_are_refused(tmp_path: Path) -> None:
    parts = [part(tmp_path, name, {"x": ""}) for name in ("a", "b")]
    (parts[1].directory / "x").chmod(0o755)
    parts[1] = Part("b", scan(parts[1].directory), parts[1].directory)
    with pytest.raises(CaptureError):
        assemble(parts, PREFIX, {}, {}, tmp_path / "out")


def test_a_generated_file_does_not_replace_a_built_one(tmp_path: Path) -> None:
    parts = [part(tmp_path, "a", {"bin/x": "1"})]
    with pytest.raises(CaptureError):
        assemble(parts, PREFIX, {"/opt/app/bin/x": GeneratedFile(b"")}, {}, tmp_path / "out")


@pytest.mark.parametrize("leads", ["outside", "bin", "nowhere", ""])
def test_nothing_is_written_through_a_symlink(tmp_path: Path, leads: str) -> None:
    (tmp_path / "outside").mkdir()
    source = part(tmp_path, "a", {"bin/x": "1"})
    if leads:
        (source.directory / "share").symlink_to(tmp_path / leads)
    else:
        (source.directory / "share").write_text("")
    parts = [Part("a", scan(source.directory), source.directory)]
    ours = {"/opt/app/share/deep/file": GeneratedFile(b"ours")}
    for generated, symlinks in ((ours, {}), ({}, dict.fromkeys(ours, "x"))):
        with pytest.raises(CaptureError) as caught:
            assemble(parts, PREFIX, generated, symlinks, tmp_path / "out")
        assert "a installs opt/app/share, which is no directory" in caught.value.what
    assert list((tmp_path / "outside").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


names = st.text("abc", min_size=1, max_size=2)


@given(st.sets(st.tuples(names, names, names), max_size=12), st.sets(names, max_size=3))
def test_pruning_keeps_exactly_the_rest(
    tmp_path_factory: pytest.TempPathFactory, files: set[tuple[str, str, str]], globs: set[str]
) -> None:
    base = tmp_path_factory.mktemp("prune")
    everything = {"/".join(file): "x" for file in files} | {"keep.me": "x"}
    tree = assemble(
        [part(base, "p", everything, tuple(sorted(globs)))], PREFIX, {}, {}, base / "out"
    )
    kept = {e.path.removeprefix("opt/app/") for e in tree.entries if e.kind is Kind.FILE}
    assert kept == {path for path in everything if path.split("/")[0] not in globs}


def test_what_was_installed_empty_stays_and_keeps_its_permissions(tmp_path: Path) -> None:
    source = part(tmp_path, "a", {"bin/a": "a"})
    (source.directory / "var/spool").mkdir(parents=True)
    (source.directory / "var/spool").chmod(0o700)
    (source.directory / "bin").chmod(0o555)
    tree = assemble(
        [Part("a", scan(source.directory), source.directory)], PREFIX, {}, {}, tmp_path / "out"
    )
    assert tree.by_path["opt/app/var/spool"].mode == 0o700
    assert tree.by_path["opt/app/bin"].mode == 0o555
    assert scan(tmp_path / "out").digest == tree.digest


def test_permissions_of_a_shared_directory_do_not_depend_on_the_order(tmp_path: Path) -> None:
    part(tmp_path, "b", {"lib/b": "b"})
    (tmp_path / "b/lib").chmod(0o700)
    parts = [part(tmp_path, "a", {"lib/a": "a"}), part(tmp_path, "b", {})]
    for number, order in enumerate((parts, parts[::-1])):
        with pytest.raises(CaptureError, match="permissions of the directory opt/app/lib"):
            assemble(order, PREFIX, {}, {}, tmp_path / f"out{number}")


def test_a_star_stays_within_one_name(tmp_path: Path) -> None:
    files = {"lib/libz.so": "", "lib/libz.so.1": "", "lib/lib/engine.so": "", "bin/lib.so": ""}
    pruned = part(tmp_path, "p", files, ("lib/lib*.so",))
    tree = assemble([pruned], PREFIX, {}, {}, tmp_path / "out")
    kept = {entry.path.removeprefix("opt/app/") for entry in tree.files()}
    assert kept == {"lib/libz.so.1", "lib/lib/engine.so", "bin/lib.so"}


def test_a_package_is_found_however_it_is_written() -> None:
    parts = ["zlib", "python:my.mall", "python:flask", "recipe:steps"]
    assert part_of("My_Mall", parts) == "python:my.mall"
    assert part_of("flask", parts) == "python:flask"
    assert part_of("zlib", parts) == ""
    assert part_of("steps", parts) == ""
