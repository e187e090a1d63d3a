"""Build steps over an installed app: what they may add to it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild import events
from omnibuild.errors import CaptureError, StepError
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.plan.graph import Action, Plan
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from tests.integration.execute.conftest import root

__all__ = ["root"]

PARTS = {
    "tool": {"share/doc/tool": "words of a tool", "lib/data/x": "x"},
    "python:shop": {"app/manage.sh": "#!/bin/sh\n", "app/pages/a.txt": "a", "lib/data/y": "y"},
}


def written(job: Job) -> Output:
    """Make a tree of texts by their paths."""
    for path, text in job.action.parameters["files"].items():
        file = job.scratch / "tree/files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return job.store.add_tree(job.scratch / "tree")


def rooted(job: Job) -> Output:
    (job.scratch / "tree").mkdir()
    Path(job.action.parameters["directory"]).rename(job.scratch / "tree/files")
    (job.scratch / "tree/files" / LOGICAL_PREFIX[1:]).mkdir(parents=True)
    return job.store.add_tree(job.scratch / "tree")


def made(
    base: Path, root: Path, *steps: str, project: str = "python:shop", source: bool = False
) -> dict[str, str]:
    """Run steps; return the texts of what the app gets by them, by path."""
    store = Store(base / "store")
    parts = {name: Action(f"part:{name}", "written", {"files": f}) for name, f in PARTS.items()}
    checkout = Action("source", "written", {"files": {"setup.cfg": "[metadata]"}})
    inputs = {"root": "root", **{f"part:{name}": part.name for name, part in parts.items()}}
    action = Action(
        "steps:shop",
        "steps",
        {
            "steps": steps,
            "prune": {"tool": ["lib/data"]},
            "python": "",
            "project": project,
            "environment": {"PATH": "/bin", "PREFIX": LOGICAL_PREFIX},
        },
        inputs | ({"source": "source"} if source else {}),
    )
    plan = [Action("root", "rooted", {"directory": str(root)}), checkout, *parts.values(), action]
    kinds = {**all_kinds(), "rooted": Kind(1, rooted), "written": Kind(1, written)}
    output = Execution(Plan.of(plan), kinds, store, events.silent, 1).run()["steps:shop"]
    directory = store.tree_directory(output.digest)
    return {e.path: (directory / e.path).read_text() for e in store.tree(output.digest).files()}


def test_what_steps_add_below_share_and_to_the_project_is_kept(tmp_path: Path, root: Path) -> None:
    assert made(
        tmp_path,
        root,
        'mkdir "$PREFIX/share/static"; cat pages/a.txt > "$PREFIX/share/static/a"',
        # A variable of one step is no other's; what is left out of the app is not there.
        "test -e manage.sh; echo b > pages/b.txt; mkdir new; ls $PREFIX/lib/data > new/c",
        "echo gone > /tmp/gone; echo gone > /build/gone",
    ) == {"share/static/a": "a", "app/pages/b.txt": "b\n", "app/new/c": "y\n"}


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("echo 1 > $PREFIX/lib/data/z", "$PREFIX/lib/data/z"),
        ("mkdir $PREFIX/new", "$PREFIX/new"),
        ("ln -s /etc $PREFIX/app2", "$PREFIX/app2"),
    ],
)
def test_elsewhere_they_may_not_write(tmp_path: Path, root: Path, step: str, why: str) -> None:
    with pytest.raises(CaptureError) as caught:
        made(tmp_path, root, "echo 1 > $PREFIX/share/fine", step)
    assert caught.value.what == "a build step of shop wrote where it may not"
    assert why in caught.value.why.splitlines()
    assert "below $PREFIX/share/ or $PREFIX/app/; all else" in caught.value.hint


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("echo 1 > $PREFIX/share/doc/tool", "a build step of shop changed a file of tool"),
        ("echo 1 >> $PREFIX/app/manage.sh", "a build step of shop changed a file of shop"),
        ("rm manage.sh", "a build step of shop removed a file that is not its own"),
        ("rm -r pages", "a build step of shop removed a file that is not its own"),
        (":", "the build steps of shop wrote nothing that the app would have"),
    ],
)
def test_what_is_installed_stays_as_it_is(tmp_path: Path, root: Path, step: str, what: str) -> None:
    with pytest.raises(CaptureError) as caught:
        made(tmp_path, root, step)
    assert caught.value.what == what


def test_of_a_project_that_is_a_wheel_the_source_is_only_there_to_be_read(
    tmp_path: Path, root: Path
) -> None:
    read = made(tmp_path / "1", root, "cat setup.cfg > $PREFIX/share/read", project="", source=True)
    assert read == {"share/read": "[metadata]"}


def test_the_source_takes_nothing(tmp_path: Path, root: Path) -> None:
    with pytest.raises(CaptureError, match="wrote where it may not") as caught:
        made(tmp_path, root, "echo 1 > static", project="", source=True)
    assert "$PREFIX/app/static" in caught.value.why


def test_a_step_that_fails_is_quoted(tmp_path: Path, root: Path) -> None:
    with pytest.raises(StepError) as caught:
        made(tmp_path, root, "true", "echo the reason; exit 3", "echo never")
    assert caught.value.what == "a build step of shop failed (exit status 3)"
    assert ">>> step 2" in caught.value.why
    assert "the reason" in caught.value.why
    assert "never" not in caught.value.why
