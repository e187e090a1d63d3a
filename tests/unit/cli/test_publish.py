"""``omnibuild publish``: what machines are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from tests.unit.repository.samples import package
from tests.unit.signing.keyring import keyring


def test_a_near_end_of_the_key_is_told_to_machines_and_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with keyring(end="30d") as ring:
        key = ring.export(tmp_path / "key")
    words = ["publish", str(package(tmp_path)), "--repo", str(tmp_path / "r"), "--key", str(key)]
    assert main([*words, "--json"]) == 0
    *events, document = map(json.loads, capsys.readouterr().out.splitlines())
    (warned,) = [event for event in events if event["event"] == "Warned"]
    day = document["key_expires"].partition("T")[0]
    assert f"the key expires on {day}" in warned["message"]
    assert main(words) == 0
    assert f"warning the key expires on {day}" in capsys.readouterr().err


def test_all_that_goes_elsewhere_is_told_with_the_command_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dist").mkdir()
    ends = ("1_amd64.deb", "1-linux-x86_64.tar.zst", "1_amd64.oci.tar", "1-1-x86_64.pkg.tar.zst")
    names = [f"dist/shop-{end}" for end in (*ends, "1-r1.apk")]
    names += [f"{name}.sha256" for name in names]
    for name in names:
        Path(name).touch()
    assert main(["publish", *names, "--repo", "r"]) == 2
    told = capsys.readouterr().err
    assert "3 of the files are for no apt or yum repository" in told
    assert "shop-1_amd64.oci.tar is an image, for a registry" in told
    assert "as a file: pacman -U shop-1-1-x86_64.pkg.tar.zst" in told
    rest = "dist/*.deb dist/shop-1-linux-x86_64.tar.zst --repo r"
    assert f"hint: leave them out: omnibuild publish {rest}\n" in told
    assert main(["publish", *names, "--repo", "r", "--registry", "localhost:1/x"]) == 2
    assert "2 of the files" in capsys.readouterr().err
    assert not Path("r").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("dist", ["dist: this is a directory", "hint: give its files, as dist/*"]),
        ("none/*", ["none/*: there is no such file", "pattern"]),
        ("none.deb", ["none.deb: there is no such file"]),
        ("notes.txt", ["notes.txt: it is neither called as a package nor as a tarball", ".deb"]),
    ],
)
def test_what_is_no_file_to_publish_is_told_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    said: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dist").mkdir()
    Path("notes.txt").write_text("none")
    with keyring() as ring:
        key = ring.export(tmp_path / "key")
    assert main(["publish", given, "--repo", "r", "--key", str(key)]) == 7
    told = capsys.readouterr().err
    assert all(words in told for words in said), told
    assert "Errno" not in told
    assert not Path("r").exists()
