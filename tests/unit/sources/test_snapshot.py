from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from omnibuild import tree
from omnibuild.errors import DefinitionError, SourceError, ToolFailedError
from omnibuild.sources.git.asking import GIT
from omnibuild.sources.snapshot import copy_snapshot, snapshot
from omnibuild.tree import Tree


def write(directory: Path, *paths: str) -> None:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(os.fsencode(path))


def files(found: Tree) -> list[str]:
    return [entry.path for entry in found.entries if entry.kind is not tree.Kind.DIRECTORY]


def git(directory: Path, *arguments: str) -> None:
    GIT.run("-c", "user.name=t", "-c", "user.email=t@example.com", *arguments, directory=directory)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    return path


def test_a_broken_repository_is_an_error_and_not_another_snapshot(project: Path) -> None:
    write(project, "a.py", ".git/config/x")
    with pytest.raises(ToolFailedError):
        snapshot(project)


def test_without_git_what_tools_make_is_left_out(project: Path) -> None:
    write(project, "a.py", "src/shop/build/b.py", "src/__pycache__/c.pyc", "src/d.pyc")
    write(project, "build/x", "dist/x", ".venv/x", "shop.egg-info/x")
    assert files(snapshot(project)) == ["a.py", "src/shop/build/b.py"]


def test_git_decides_where_there_is_git(project: Path) -> None:
    git(project, "init", "-q")
    write(project, "tracked.py", "deleted.py", "build/tracked", "ignored.log", "new.py")
    (project / ".gitignore").write_text("*.log\n/scratch/\n")
    git(project, "add", "tracked.py", "deleted.py", "build/tracked")
    (project / "deleted.py").unlink()
    assert files(snapshot(project)) == [".gitignore", "build/tracked", "new.py", "tracked.py"]


def test_what_a_build_left_is_no_source_though_git_does_not_ignore_it(project: Path) -> None:
    git(project, "init", "-q")
    write(project, "a.py", "dist/kept.txt", "src/dist/b.py", "src/__pycache__/a.pyc")
    git(project, "add", "dist/kept.txt")
    write(project, "dist/shop_1-1_amd64.deb", "dist/shop_1-1_amd64.deb.sha256")
    assert files(snapshot(project)) == ["a.py", "dist/kept.txt", "src/dist/b.py"]


@pytest.mark.parametrize("repository", [True, False])
def test_what_a_build_delivered_is_no_source_wherever_that_is(
    project: Path, repository: bool
) -> None:
    if repository:
        git(project, "init", "-q")
    artifact = "out/v1/shop_1-1_amd64.deb"
    left = [artifact, *(artifact + each for each in (".sha256", ".manifest.json", ".audit.json"))]
    # What only looks like one is somebody's own.
    write(project, "a.py", "out/other.deb", "out/other.deb.sha256", "out/notes.audit.json", *left)
    kept = ["a.py", "out/notes.audit.json", "out/other.deb", "out/other.deb.sha256"]
    assert files(snapshot(project)) == kept
    if repository:
        git(project, "add", "out/v1")
        assert files(snapshot(project)) == sorted([*kept, *left])


def test_a_part_of_a_repository(project: Path) -> None:
    git(project, "init", "-q")
    write(project, "apps/shop/a.py", "other.py")
    assert files(snapshot(project / "apps")) == ["shop/a.py"]


def test_an_ignored_directory_counts_for_itself(project: Path) -> None:
    git(project, "init", "-q")
    (project / ".gitignore").write_text("/scratch/\n")
    write(project, "scratch/a.py")
    assert files(snapshot(project / "scratch")) == ["a.py"]


def test_a_repository_within_a_repository(project: Path) -> None:
    git(project, "init", "-q")
    write(project, "a.py", "inner/b.py", "inner/c.log")
    git(project / "inner", "init", "-q")
    (project / "inner/.gitignore").write_text("*.log\n")
    assert files(snapshot(project)) == ["a.py", "inner/.gitignore", "inner/b.py"]


@pytest.mark.parametrize("inner", ["", "inner"])
def test_a_repository_whose_files_are_elsewhere_is_refused(project: Path, inner: str) -> None:
    git(project, "init", "-q")
    write(project, "a.py", "inner/b.py", "other/c.py")
    place = project / inner
    git(place, "init", "-q")
    git(place, "config", "core.worktree", str(project / "other"))
    with pytest.raises(DefinitionError, match="files are in another directory") as caught:
        snapshot(project)
    assert str(caught.value.where) == str(place).rstrip("/")
    assert "core.worktree" in caught.value.hint
    git(place, "config", "--unset", "core.worktree")
    assert files(snapshot(project)) == ["a.py", "inner/b.py", "other/c.py"]


def test_a_directory_called_like_a_pattern_is_no_pattern(project: Path) -> None:
    write(project, "[ab]/x.py", "a/y.py")
    git(project, "init", "-q")
    assert files(snapshot(project / "[ab]")) == ["x.py"]


def test_odd_names(project: Path) -> None:
    git(project, "init", "-q")
    names = ["with space", "new\nline", "ünïcode", '"quoted"', os.fsdecode(b"raw\xff")]
    write(project, *names)
    assert sorted(files(snapshot(project))) == sorted(names)


def test_modes_say_only_whether_it_can_be_executed(project: Path) -> None:
    write(project, "plain", "script")
    (project / "plain").chmod(0o600)
    (project / "script").chmod(0o700)
    modes = {entry.path: entry.mode for entry in snapshot(project).entries}
    assert modes == {"plain": 0o644, "script": 0o755}


def test_symlinks_stay_only_when_they_lead_inside(project: Path) -> None:
    write(project, "a", "d/b")
    (project / "d/inside").symlink_to("../a")
    (project / "dangling").symlink_to("none")
    (project / "outside").symlink_to("../elsewhere")
    (project / "absolute").symlink_to(project / "a")
    (project / "directory").symlink_to("d")
    assert files(snapshot(project)) == ["a", "d/b", "d/inside", "dangling", "directory"]


def test_special_files_are_left_out(project: Path) -> None:
    write(project, "a")
    os.mkfifo(project / "fifo")
    assert files(snapshot(project)) == ["a"]


def test_times_and_places_do_not_count(project: Path, tmp_path: Path) -> None:
    write(project, "a", "d/b")
    found = snapshot(project)
    os.utime(project / "a", (1, 1))
    project.rename(tmp_path / "moved")
    assert snapshot(tmp_path / "moved").digest == found.digest


def test_a_copy_is_what_the_snapshot_says(project: Path, tmp_path: Path) -> None:
    write(project, "a", "d/e/b")
    (project / "a").chmod(0o755)
    (project / "d/link").symlink_to("e")
    found = snapshot(project)
    copy = tmp_path / "out" / "copy"
    copy_snapshot(project, found, copy)
    assert tree.scan(copy) == found


@pytest.mark.parametrize("change", ["content", "gone", "symlink"])
def test_a_change_meanwhile_is_noticed(project: Path, tmp_path: Path, change: str) -> None:
    write(project, "a", "b")
    found = snapshot(project)
    (project / "a").unlink()
    if change == "content":
        (project / "a").write_text("other")
    elif change == "symlink":
        (project / "a").symlink_to("b")
    with pytest.raises(SourceError):
        copy_snapshot(project, found, tmp_path / "copy")


def test_no_directory(project: Path) -> None:
    with pytest.raises(DefinitionError):
        snapshot(project / "absent")


@pytest.mark.parametrize("elsewhere", ["sibling", "/etc", "../outside", "pkg", "a-file"])
def test_a_directory_replaced_by_a_symlink(project: Path, elsewhere: str) -> None:
    """git lists the symlink, and goes on listing what was in the directory."""
    git(project, "init", "-q")
    write(project, "pkg/hostname", "sibling/hostname", "../outside/hostname", "pkg/deep/x")
    git(project, "add", "pkg", "sibling")
    shutil.rmtree(project / "pkg")
    if elsewhere == "a-file":
        (project / "pkg").write_text("")
    else:
        (project / "pkg").symlink_to(elsewhere)
    listed = {"sibling": ["pkg"], "a-file": ["pkg"]}.get(elsewhere, [])
    assert files(snapshot(project)) == [*listed, "sibling/hostname"]


def test_a_symlink_leads_out_or_not_whatever_the_project_is_called(project: Path) -> None:
    write(project, "sub/a", "sub/b")
    links = {
        "in": "sub/a",
        "around": "sub/../sub/./b",
        "sub/up": "../in",
        "dangling": "nothing",
        "out-and-in": "../project/sub/a",
        "sub/deep-out-and-in": "../../project/sub/a",
        "chain": "out-and-in",
        "circle": "circle",
        "absolute": str(project / "sub/a"),
        "through": "directory/../../project/sub/a",
        "directory": "sub",
    }
    for path, target in links.items():
        (project / path).symlink_to(target)
    found = snapshot(project)
    kept = ["around", "dangling", "directory", "in", "sub/a", "sub/b", "sub/up"]
    assert files(found) == kept
    assert snapshot(project.rename(project.with_name("other"))) == found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_project_of_another_user_is_explained(project: Path) -> None:
    git(project, "init", "-q")
    write(project, "sub/a.py")
    for path in (project, *project.rglob("*")):
        os.chown(path, 4242, 4242)
    with pytest.raises(DefinitionError) as caught:
        snapshot(project / "sub")
    assert "another user" in caught.value.what
    assert f"safe.directory {project}" in caught.value.hint


def test_what_a_symlink_leads_to_is_not_looked_at(project: Path) -> None:
    git(project, "init", "-q")
    write(project, "pkg/deep", "other")
    git(project, "add", "pkg", "other")
    shutil.rmtree(project / "pkg")
    outside = project.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    # git would fail there.
    (outside / "deep/.git").write_text("no repository")
    (project / "pkg").symlink_to(outside)
    assert files(snapshot(project)) == ["other"]


def test_git_fetches_nothing_that_a_project_lacks(project: Path, tmp_path: Path) -> None:
    """A project's own settings could name the program that fetches."""
    git(project, "init", "-q")
    write(project, "kept/a", "sparse/b")
    git(project, "add", ".")
    git(project, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x")
    git(project, "sparse-checkout", "set", "--cone", "--sparse-index", "kept")
    git(project, "config", "extensions.partialClone", "o")
    git(project, "config", "remote.o.url", "ssh://h/r")
    git(project, "config", "core.sshCommand", f"touch {tmp_path}/fetched; false #")
    git(project, "config", "core.repositoryFormatVersion", "1")
    sparse = GIT.run("rev-parse", "HEAD:sparse", directory=project).stdout.decode().strip()
    (project / ".git/objects" / sparse[:2] / sparse[2:]).unlink()
    with contextlib.suppress(ToolFailedError):
        snapshot(project)
    assert not (tmp_path / "fetched").exists()


def test_a_pipe_that_git_would_read_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnibuild.sources.git.asking.LONGEST_GIT", 0.5)
    GIT.run("init", "-q", directory=tmp_path)
    os.mkfifo(tmp_path / ".gitignore")
    with pytest.raises(ToolFailedError, match="git does not end") as caught:
        snapshot(tmp_path)
    assert str(tmp_path) in caught.value.why
