"""Versions by git: the same for a commit, ordered as its history, and honest about changes."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest
from packaging.version import Version

from omnibuild.errors import DefinitionError
from omnibuild.package.versions import compare_debs, compare_rpms, host_version
from omnibuild.sources.git.asking import changes_in, version_of
from omnibuild.sources.git.history import releases


def run(directory: Path, *words: str) -> None:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True)


def commit(directory: Path, name: str) -> None:
    (directory / name).write_text(name)
    run(directory, "add", ".")
    run(directory, "commit", "--message", name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    run(tmp_path, "init", "--quiet")
    commit(tmp_path, "first")
    return tmp_path


def test_a_tag_and_what_follows(project: Path) -> None:
    with pytest.raises(DefinitionError, match=r"no tag like v1\.4"):
        version_of(project)
    found = []
    for tag in ("v1.4", "v1.5.dev2", "v1.5rc1", "1.5", "v1.5.post2"):
        run(project, "tag", tag)
        found.append(version_of(project))
        commit(project, f"after-{tag}")
        found.append(version_of(project))
        commit(project, f"later-{tag}")
        found.append(version_of(project))
    plain = [re.sub(r"\+g[0-9a-f]{12}$", "+g", each) for each in found]
    assert plain == [
        *("1.4", "1.4.post1+g", "1.4.post2+g", "1.5.dev2", "1.5.dev3+g", "1.5.dev4+g"),
        *("1.5rc1", "1.5rc1.post1+g", "1.5rc1.post2+g", "1.5", "1.5.post1+g", "1.5.post2+g"),
        *("1.5.post2", "1.5.post3+g", "1.5.post4+g"),
    ]
    # Later is newer, for Python and for hosts; 1.5.post2 itself was a name that came too late.
    ordered = [each for each in found if each != "1.5.post2"]
    assert ordered == sorted(ordered, key=Version)
    for earlier, later in itertools.pairwise(ordered):
        for compare in (compare_debs, compare_rpms):
            assert compare(host_version(earlier), host_version(later)) < 0, (earlier, later)


def test_what_is_not_committed_is_marked(project: Path) -> None:
    run(project, "tag", "v2")
    (project / "new").write_text("")
    assert re.fullmatch(r"2\+g[0-9a-f]{12}\.dirty", version_of(project))
    (project / "new").unlink()
    assert version_of(project) == "2"
    # A build is no change of what is built, wherever it delivers to.
    for artifact in ("dist/a.deb", "out/a.deb"):
        (project / artifact).parent.mkdir()
        for end in ("", ".sha256", ".manifest.json", ".audit.json"):
            (project / f"{artifact}{end}").write_text("")
    assert version_of(project) == "2"
    (project / "first").write_text("changed")
    assert version_of(project).endswith(".dirty")


def test_what_is_not_committed_is_named(project: Path) -> None:
    (project / "app").mkdir()
    commit(project, "app/b c")
    commit(project, "app/gone")
    assert changes_in(project) == []
    (project / "first").write_text("changed")
    (project / "app/b c").write_text("changed")
    (project / "app/gone").rename(project / "app/moved")
    run(project, "add", "--all", "app")
    (project / "app/new").write_text("")
    below = ["b c", "gone", "moved", "new"]
    assert changes_in(project) == [*(f"app/{name}" for name in below), "first"]
    assert changes_in(project / "app") == below


def test_tags_that_are_no_versions(project: Path) -> None:
    run(project, "tag", "nightly")
    run(project, "tag", "v1-what-is-this")
    with pytest.raises(DefinitionError, match="'v1-what-is-this' is no version"):
        version_of(project)
    with pytest.raises(DefinitionError, match="no tag like"):
        version_of(project.parent)


def test_no_program_of_the_repository_is_started(project: Path, tmp_path: Path) -> None:
    run(project, "tag", "v1")
    trace = tmp_path / "trace"
    commit(project, ".gitattributes")
    (project / ".gitattributes").write_text("first filter=evil\n")
    for key in ("clean", "process"):
        run(project, "config", f"filter.evil.{key}", f"touch {trace}; cat")
    run(project, "config", "filter.evil.required", "true")
    run(project, "config", "core.fsmonitor", f"touch {trace}")
    (project / "first").write_text("first, again")
    assert version_of(project).endswith(".dirty")
    assert not trace.exists()
    # It would have run.
    run(project, "status")
    assert trace.exists()


def test_a_tag_of_thousands_of_digits_is_no_version(project: Path) -> None:
    packed = project / ".git/packed-refs"
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True
    )
    packed.write_text(
        f"# pack-refs with: peeled fully-peeled sorted\n"
        f"{head.stdout.strip()} refs/tags/v{'9' * 5000}\n"
    )
    with pytest.raises(DefinitionError, match="is no version of Python"):
        version_of(project)


def test_releases_and_what_was_committed_between_them(project: Path) -> None:
    assert [(each.version, each.subjects) for each in releases(project)] == [("", ("first",))]
    run(project, "tag", "v1.9")
    (project / "elsewhere").mkdir()
    commit(project, "elsewhere/second")
    commit(project, "third")
    run(project, "tag", "vendor/2024")
    run(project, "tag", "--annotate", "--message", "It is here", "1.10")
    commit(project, "fourth")
    found = list(releases(project))
    assert [(each.version, each.subjects) for each in found] == [
        ("", ("fourth",)),
        ("1.10", ("third", "elsewhere/second")),
        ("1.9", ("first",)),
    ]
    assert all(each.date > 1_700_000_000 for each in found)
    # Of a directory of the repository only what changed something there.
    inside = [(each.version, each.subjects) for each in releases(project / "elsewhere")]
    assert inside == [("1.10", ("elsewhere/second",)), ("1.9", ())]


def test_a_directory_without_a_history_has_no_releases(tmp_path: Path) -> None:
    assert list(releases(tmp_path)) == []
    run(tmp_path, "init", "--quiet")
    assert list(releases(tmp_path)) == []
