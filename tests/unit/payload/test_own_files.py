from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import DefinitionError, Where
from omnibuild.payload.model import Payload
from omnibuild.payload.own_files import given_away, laid_out, tree_of, write_laid
from omnibuild.recipe.models import HostFile
from omnibuild.tree import Entry, Kind, Tree, scan
from tests.unit.package.samples import METADATA

VALUES = {"NAME": "shop", "PREFIX": "/opt/shop"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    base = tmp_path / "project"
    (base / "data/sub").mkdir(parents=True)
    (base / "data/a").write_text("a")
    (base / "data/sub/run").write_text("#!/bin/sh\n")
    (base / "data/sub/run").chmod(0o700)
    (base / "data/sub/link").symlink_to("../a")
    (base / "x.in").write_text("is @NAME@ in @PREFIX@\nmail@HOST.example is none: @lower@\n")
    return base


def test_what_is_laid_out_is_what_is_written(project: Path, tmp_path: Path) -> None:
    files = {
        "/usr/share/shop/data": HostFile(source="data"),
        "/usr/share/shop/data/more": HostFile(source="data/a", mode="0600"),
        "/usr/lib/x.conf": HostFile(source="x.in"),
        "/usr/bin/x": HostFile(symlink="/opt/shop/bin/x"),
        "/opt/shop/bin/run": HostFile(source="data/sub/run"),
        "/opt/shop/share": HostFile(directory=True, mode="0750"),
        "/opt/shop/share/empty": HostFile(directory=True),
    }
    laid = laid_out(files, project, VALUES)
    write_laid(laid, tmp_path / "host")
    found = scan(tmp_path / "host")
    assert found == tree_of(laid)
    modes = {e.path: e.mode for e in found.entries if e.kind is not Kind.SYMLINK}
    assert modes["usr/share/shop/data/sub/run"] == modes["opt/shop/bin/run"] == 0o755
    assert modes["usr/share/shop/data/more"] == 0o600
    assert modes["opt/shop/share"] == 0o750
    assert modes["opt/shop"] == modes["opt/shop/share/empty"] == 0o755
    assert (tmp_path / "host/usr/share/shop/data/sub/link").readlink() == Path("../a")


def test_only_what_it_brings_is_given_away(project: Path) -> None:
    files = {
        "/usr/share/shop": HostFile(source="data", owner="shop"),
        "/usr/share/shop/sub": HostFile(source="data"),
        "/usr/share/shop/more": HostFile(source="data/a", capabilities="cap_net_raw=ep"),
        "/usr/share/shopping": HostFile(directory=True),
    }
    given = given_away(files, tree_of(laid_out(files, project, VALUES)).entries)
    owners = {entry.path: file.owner for entry, file in given.items()}
    assert owners == {
        "usr/share/shop": "shop",
        "usr/share/shop/a": "shop",
        "usr/share/shop/more": "root",
    }


@pytest.mark.parametrize("versioned", [False, True])
def test_nothing_of_a_directory_vanishes(project: Path, versioned: bool) -> None:
    if versioned:
        subprocess.run(["git", "init", "--quiet", project], check=True)
    files = {"/usr/share/shop": HostFile(source="data")}
    (project / "data/out").symlink_to("/etc/shadow")
    with pytest.raises(DefinitionError, match="the symlink leads out of") as caught:
        laid_out(files, project, VALUES)
    assert str(project / "data/out") in str(caught.value)
    said = {**files, "/usr/share/shop/out": HostFile(symlink="/etc/shadow")}
    assert "usr/share/shop/out" in {one.entry.path for one in laid_out(said, project, VALUES)}
    (project / "data/out").unlink()
    os.mkfifo(project / "data/sub/fifo")
    with pytest.raises(DefinitionError, match="no file, symlink or directory"):
        laid_out(files, project, VALUES)
    if versioned:
        (project / ".gitignore").write_text("fifo\n")
        assert laid_out(files, project, VALUES)


def test_names_that_no_package_can_hold_are_refused_before_a_build(project: Path) -> None:
    (project / "data/a\nb").write_text("")
    with pytest.raises(DefinitionError, match=r"'a\\nb' holds a control character") as caught:
        laid_out({"/usr/share/shop": HostFile(source="data")}, project, VALUES)
    assert caught.value.where == Where(str(project / "data"))


def test_templates(project: Path, tmp_path: Path) -> None:
    (project / "x.in").write_text("is @NAME@ in @PREFIX@\nmail a@b.example, @lower@\n")
    laid = laid_out({"/usr/lib/x": HostFile(source="x.in", template=True)}, project, VALUES)
    write_laid(laid, tmp_path / "host")
    text = (tmp_path / "host/usr/lib/x").read_text()
    assert text == "is shop in /opt/shop\nmail a@b.example, @lower@\n"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\n x @NAMES@", "placeholder @NAMES@"),
        (b"\n x @STATE_DIR@", "placeholder @STATE_DIR@"),
        (b"\xff", "no text"),
    ],
)
def test_templates_that_cannot_be_filled(project: Path, content: bytes, what: str) -> None:
    (project / "x.in").write_bytes(content)
    with pytest.raises(DefinitionError, match=what) as caught:
        laid_out({"/usr/lib/x": HostFile(source="x.in", template=True)}, project, VALUES)
    if b"@" in content:
        assert (caught.value.where.line, caught.value.where.column) == (2, 4)


def test_what_changed_since_is_not_what_was_laid_out(project: Path, tmp_path: Path) -> None:
    laid = laid_out({"/usr/lib/x": HostFile(source="data/a")}, project, VALUES)
    (project / "data/a").write_text("b")
    write_laid(laid, tmp_path / "host")
    assert scan(tmp_path / "host") != tree_of(laid)


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(PATHS, st.sampled_from([(), ("deb",), ("rpm",), ("deb", "rpm")])))
def test_each_format_has_its_own(said: dict[str, tuple[str, ...]]) -> None:
    files = {p: f for p, f in said.items() if not any(o.startswith(f"{p}/") for o in said)}
    directories = {"/".join(p.split("/")[:n]) for p in files for n in range(1, p.count("/") + 1)}
    entries = [Entry(path, Kind.FILE, 0o644) for path in files]
    tree = Tree.of(
        [
            *entries,
            *(Entry(path, Kind.DIRECTORY, 0o755) for path in directories),
            Entry("empty", Kind.DIRECTORY, 0o755),
        ]
    )
    only = {f"/{path}": formats for path, formats in files.items() if formats}
    payload = Payload(METADATA, Path("/none"), tree, "/opt/hello", only=only)
    assert Payload.from_data(payload.to_data(), Path("/none"), tree) == payload
    for form in ("deb", "rpm", "tar"):
        kept = {path for path, formats in files.items() if form in (formats or (form,))}
        above = {"/".join(p.split("/")[:n]) for p in kept for n in range(1, p.count("/") + 1)}
        found = payload.entries_for(form)
        assert {entry.path for entry in found} == kept | above | {"empty"}
        assert list(found) == sorted(found, key=lambda entry: entry.path)
