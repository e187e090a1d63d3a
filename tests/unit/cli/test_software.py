from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from tests.unit.recipe.samples import CHECKOUT


def test_lists_every_component(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert main(["software", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(list((CHECKOUT / "software").glob("*.toml")))
    assert any(line.split()[:1] == ["zlib"] for line in lines)


def test_one_that_cannot_be_read_hides_no_other(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "software").mkdir()
    (tmp_path / "software/broken.toml").write_text('name = "broken"\nversion =\n')
    monkeypatch.chdir(tmp_path)
    assert main(["software", "show", "zlib"]) == 0
    assert "nginx" in capsys.readouterr().out
    assert main(["software", "list"]) == 3
    told = capsys.readouterr()
    assert {"zlib", "openssl"} <= {line.split()[0] for line in told.out.splitlines()}
    assert "software/broken.toml:2:" in told.err
    assert main(["software", "show", "broken"]) == 3
    assert main(["software", "list", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    (error,) = document["errors"]
    assert document["software"]
    assert "software/broken.toml:2:" in error["where"]


def test_shows_what_a_component_is_and_who_takes_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "software").mkdir()
    (tmp_path / "software/zlib-1.2.toml").write_text(
        'name = "zlib-1.2"\nversion = "1.2.13"\nextends = "zlib"\n'
        'variants = { debug = { about = "With symbols" } }\n'
    )
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/own.toml").write_text(
        '[app]\nname = "own"\nversion = "1"\nsummary = "Own"\nlicense = "MIT"\n'
        'maintainer = "Me <me@example.com>"\n\n[software]\nzlib = "1.2"\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["software", "show", "zlib", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["versions"]["zlib-1.2"] == "1.2.13"
    assert shown["chosen_by"] == ["own"]
    assert "openssl" not in shown["needed_by"]
    assert {"nginx", "python-3.13"} <= set(shown["needed_by"])
    assert main(["software", "show", "zlib-1.2"]) == 0
    text = capsys.readouterr().out
    assert "debug (With symbols)" in text
    assert "software/zlib.toml" in text
    assert main(["software", "show", "zlbi"]) == 3
    assert "did you mean `zlib`?" in capsys.readouterr().err
