"""``omnibuild build``: what is told before anything is built."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from omnibuild.cli.main import main

RECIPE = """\
[app]
name = "shop"
version = { from = "git" }
summary = "A shop"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[software]
zlib = "1.3.1"
"""


def test_what_is_not_committed_and_an_output_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("afile").write_text("kept")
    who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for words in ("init", "add .", "commit --message one", "tag v2.3.0"):
        subprocess.run(["git", *who, *words.split()], check=True, capture_output=True)
    Path("omnibuild.toml").write_text(RECIPE)
    assert main(["build", "-o", "afile", "--cache-dir", str(tmp_path.parent / "store")]) == 9
    said = capsys.readouterr().err
    assert "warning the version is 2.3.0+g" in said
    assert "not committed are omnibuild.toml; commit or ignore them, then tag" in said
    assert "afile is a file, not a directory" in said
    assert Path("afile").read_text() == "kept"
