"""The kind that makes roots, when it fails."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import pytest

from omnibuild.errors import ToolFailedError
from omnibuild.execute.job import Job
from omnibuild.kinds import root
from omnibuild.plan.graph import Action, Limits
from omnibuild.sources.extraction import Limits as Bounds
from omnibuild.tools import Tool


def job(tmp_path: Path, most: int) -> Job:
    action = Action("root", "root", {"tarball": "ab" * 32}, {"tarball": "tarball"})
    return cast(
        "Job",
        SimpleNamespace(
            action=action,
            scratch=tmp_path,
            log=tmp_path / "log",
            limits=Limits(log=most, unpacked=5),
            blob=lambda role: tmp_path / role,
        ),
    )


@pytest.mark.parametrize(
    ("script", "most", "what"),
    [
        ("echo configuring; printf '\\033]0;mine\\007'; exit 7", 0, "sh failed (exit status 7)"),
        ("printf '\\033]0;mine\\007'; exec yes", 2_000_000, "it printed more than 2 MB"),
    ],
)
def test_the_error_says_what_was_printed_and_no_terminal_obeys_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, most: int, what: str
) -> None:
    def unpack(archive: Path, target: Path, log: IO[bytes], *, limits: Bounds) -> Any:
        del archive, target
        assert limits.size == 5
        Tool("sh", "dash").run("-c", script, log=log)

    monkeypatch.setattr(root, "unpack_root", unpack)
    with pytest.raises(ToolFailedError) as caught:
        root.run(job(tmp_path, most))
    said = str(caught.value)
    assert what in said
    assert str(tmp_path / "log") in said
    assert "\x1b" not in said
    if not most:
        assert "configuring\n" in said
        assert "\\x1b]0;mine\\x07" in said
