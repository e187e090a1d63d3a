"""What plain files keep of a step: what an overlay's upper directory would hold."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.errors import CaptureError
from omnibuild.execute.sandbox.union import link_layers, union
from omnibuild.layers.capture import capture
from omnibuild.tree import Kind, scan


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, Path]:
    low, high = tmp_path / "low", tmp_path / "high"
    for path, text in {
        low / "lib/a": "low a",
        low / "lib/both": "low",
        low / "share/doc/text": "text",
        high / "lib/both": "high",
        high / "bin/tool": "tool",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (low / "empty").mkdir()
    (low / "lib/link").symlink_to("a")
    os.link(low / "lib/a", low / "lib/twin")
    return low, high


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    (tmp_path / "upper").mkdir()
    return tmp_path / "upper"


def names(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


def later() -> None:
    """Let the clock that files are marked by go on, as it does while a container starts."""
    time.sleep(0.02)


def test_all_layers_are_seen_the_highest_first(layers: tuple[Path, Path], upper: Path) -> None:
    with union(layers, upper):
        assert (upper / "lib/both").read_text() == "high"
        assert (upper / "lib/link").read_text() == "low a"
        assert (upper / "lib/twin").samefile(upper / "lib/a")
        assert (upper / "empty").is_dir()
        expected = names(layers[0]) | names(layers[1])
        assert names(upper) == expected
    assert names(upper) == set()


def test_what_was_there_before_lies_above_and_stays(layers: tuple[Path, Path], upper: Path) -> None:
    (upper / "lib").mkdir()
    (upper / "lib/both").write_text("mine")
    with union(layers, upper):
        assert (upper / "lib/both").read_text() == "mine"
    assert names(upper) == {"lib", "lib/both"}


def test_new_files_stay_with_their_directories(layers: tuple[Path, Path], upper: Path) -> None:
    with union(layers, upper):
        later()
        (upper / "lib/new").write_text("new")
        (upper / "deep/er").mkdir(parents=True)
        (upper / "deep").chmod(0o500)
        os.link(upper / "lib/new", upper / "lib/new-twin")
    assert names(upper) == {"lib", "lib/new", "lib/new-twin", "deep", "deep/er"}
    assert stat.S_IMODE((upper / "deep").stat().st_mode) == 0o500
    kinds = {entry.path: entry.kind for entry in scan(upper).entries}
    assert kinds["lib/new-twin"] is Kind.HARDLINK


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda upper: (upper / "lib/a").write_text("other"),
    "written the same": lambda upper: (upper / "lib/both").write_text("high"),
    "made a program": lambda upper: (upper / "bin/tool").chmod(0o755),
    "dated back": lambda upper: os.utime(upper / "bin/tool", (0, 0)),
    "replaced": lambda upper: (
        (upper / "lib/new").replace(upper / "lib/a")
        if (upper / "lib/new").write_text("low a")
        else None
    ),
    "linked again": lambda upper: os.link(upper / "bin/tool", upper / "bin/other"),
    "a link instead": lambda upper: (
        (upper / "lib/both").unlink(),
        (upper / "lib/both").symlink_to("a"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_a_layer_is_refused_by_capture(
    change: Callable[[Path], object], layers: tuple[Path, Path], upper: Path
) -> None:
    before = {layer: scan(layer).digest for layer in layers}
    with union(layers, upper):
        later()
        change(upper)
    with pytest.raises(CaptureError, match="changed a file"):
        capture("it", upper, {layer.name: scan(layer) for layer in layers})
    assert {layer: scan(layer).digest for layer in layers} == before


REMOVALS: dict[str, Callable[[Path], object]] = {
    "a file": lambda upper: (upper / "lib/a").unlink(),
    "a symlink": lambda upper: (upper / "lib/link").unlink(),
    "an empty directory": lambda upper: (upper / "empty").rmdir(),
    "a whole directory": lambda upper: shutil.rmtree(upper / "share"),
    "moved away": lambda upper: (upper / "share").rename(upper / "moved"),
}


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS.keys())
def test_a_removal_is_refused_by_capture(
    removal: Callable[[Path], object], layers: tuple[Path, Path], upper: Path
) -> None:
    with union(layers, upper):
        later()
        removal(upper)
    with pytest.raises(CaptureError, match="removed a file"):
        capture("it", upper, {layer.name: scan(layer) for layer in layers})


def test_no_link_leads_out(layers: tuple[Path, Path], upper: Path, tmp_path: Path) -> None:
    """A directory of a layer becomes a link to a place with the same names: it stays as it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("precious")
    with union(layers, upper):
        later()
        shutil.rmtree(upper / "lib")
        (upper / "lib").symlink_to(outside)
    assert names(outside) == {"a"}
    with pytest.raises(CaptureError):
        capture("it", upper, {layer.name: scan(layer) for layer in layers})


def test_layers_can_be_linked_for_reading(layers: tuple[Path, Path], upper: Path) -> None:
    link_layers(layers, upper)
    assert names(upper) == names(layers[0]) | names(layers[1])
    assert (upper / "lib/both").samefile(layers[1] / "lib/both")
    assert os.readlink(upper / "lib/link") == "a"
