"""``omnibuild repo``: what people and machines are told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.repository.publish import publish, remove
from omnibuild.signing.signer import load_signer
from tests.unit.repository.conftest import nobody_reads
from tests.unit.repository.samples import DEBIAN_11, EL9, LINUX, PLATFORMS, package, signer
from tests.unit.signing.keyring import keyring

__all__ = ["nobody_reads"]


@pytest.fixture(scope="module", autouse=True)
def job() -> Iterator[None]:
    """Publish as a job of a build server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD_URL", "https://ci.example/7")
        for name in ("GITHUB_RUN_ID", "CI_JOB_URL"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def published(job: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two channels."""
    base = tmp_path_factory.mktemp("repo")
    root = base / "repository"
    old, newer = package(base, version="1.9"), package(base, version="1.10")
    several = [package(base, platform=each) for each in (DEBIAN_11, EL9, LINUX)]
    publish([newer, old], root, signer(), platforms=PLATFORMS)
    publish(several, root, signer(), "testing", platforms=PLATFORMS)
    return root


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(published, tmp_path / "repository")


def told(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["repo", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_what_channels_hold_is_listed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "list", "--repo", repository)
    lines = [line.split() for line in text.splitlines()]
    assert lines[0][:3] == ["stable:", "2", "packages,"]
    # The newest version first, by the order of versions.
    assert [line[:5] for line in lines[1:3]] == [
        ["hello", "1.10-1", "amd64", "deb", "stable"],
        ["hello", "1.9-1", "amd64", "deb", "stable"],
    ]
    assert lines[3][:3] == ["testing:", "3", "packages,"]
    assert [line[:5] for line in lines[4:]] == [
        ["hello", "1.0-1~deb11", "amd64", "deb", "testing-deb11"],
        ["hello", "1.0", "linux-x86_64", "file", "downloads"],
        ["hello", "1.0-1", "x86_64", "rpm", "el9"],
    ]


def test_one_package_of_a_channel_is_told_to_machines(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("list", "hello", "--repo", repository, "--channel", "testing", "--json")
    (channel,) = json.loads(told(capsys, *words))["channels"]
    assert channel["channel"] == "testing"
    rpm = next(item for item in channel["items"] if item["format"] == "rpm")
    (file,) = repository.glob("yum/testing/el9/x86_64/Packages/h/*.rpm")
    assert (rpm["size"], rpm["place"]) == (file.stat().st_size, "el9")


def test_who_published_what_is_told_newest_first(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remove(["hello=1.9-1"], repository, signer())
    document = json.loads(told(capsys, "log", "--repo", repository, "--json"))
    releases = document["releases"]
    assert sorted((each["channel"], each["action"], each["current"]) for each in releases) == [
        ("stable", "publish", False),
        ("stable", "remove", True),
        ("testing", "publish", True),
    ]
    times = [each["time"] for each in releases]
    assert times == sorted(times, reverse=True)
    stable = json.loads(told(capsys, "log", "--repo", repository, "--channel", "stable", "--json"))[
        "releases"
    ]
    assert [each["removed"] for each in stable] == [["hello 1.9-1 (amd64)"], []]
    assert sorted(stable[1]["added"]) == ["hello 1.10-1 (amd64)", "hello 1.9-1 (amd64)"]
    assert stable[0]["before"] == stable[1]["release"]
    assert {each["build"] for each in stable} == {"https://ci.example/7"}
    text = told(capsys, "log", "--repo", repository, "--channel", "stable")
    assert f"release {stable[0]['release'][:12]}  stable, now\n" in text
    assert "  remove by " in text.replace("UTC", "")
    assert "  build https://ci.example/7\n    - hello 1.9-1 (amd64)\n" in text


def test_what_comes_and_goes_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with keyring() as ring:
        key = ring.export(tmp_path / "key")
    root = tmp_path / "other"
    for channel, version in (("stable", "1.0"), ("testing", "1.1")):
        files = [package(tmp_path, version=version)]
        publish(files, root, load_signer(key), channel, PLATFORMS)
    common = ("--repo", root, "--key", key)
    text = told(capsys, "promote", "hello=1.1", "--from", "testing", "--to", "stable", *common)
    assert text == f"+ hello 1.1-1 (amd64)\n{root}: channel stable, new state published\n"
    text = told(capsys, "demote", "--reason", "it fails", *common)
    assert text.startswith("- hello 1.1-1 (amd64)\n")
    assert "keep it" in text
    words = ("promote", "hello=1.1", "--from", "testing", "--to", "stable", *common, "--json")
    document = json.loads(told(capsys, *words).splitlines()[-1])
    assert (document["channel"], document["added"]) == ("stable", ["hello 1.1-1 (amd64)"])
    text = told(capsys, "yank", "hello=1.1", "--reason", "CVE-1\n 2 \udcff", *common)
    assert text.startswith("- hello 1.1-1 (amd64)\n")
    text = told(capsys, "log", "--repo", root)
    assert "  reason: it fails\n" in text
    assert "  reason: CVE-1 2 \ufffd\n    - hello 1.1-1 (amd64)\n" in text


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["yank", "hello", "--reason", " "], 2, "--reason is empty"),
        (["demote", "--to", ""], 2, "--to is empty"),
        (["list", "--channel", "other"], 2, "there is no channel other\n  hint: channels: stable"),
        (["log", "--channel", "other"], 2, "there is no channel other"),
        (["list", "other"], 2, "no channel holds other"),
        (["list", "other", "--channel", "stable"], 2, "channel stable holds no other"),
    ],
)
def test_what_is_not_there_is_told(
    repository: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    said: str,
) -> None:
    assert main(["repo", *words, "--repo", str(repository)]) == status
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("action", ["list", "log"])
def test_what_is_no_repository_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    assert main(["repo", action, "--repo", str(tmp_path / "none")]) == 8
    assert "this is no repository" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_who_lost_the_state_is_told_how_to_have_it_again(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(repository / "state")
    for action in ("check", "list", "gc"):
        assert main(["repo", action, "--repo", str(repository)]) == 8
        said = capsys.readouterr().err
        assert "this is no repository, or it has lost its state" in said
        assert "hint: omnibuild repo repair makes the state again" in said
        assert "empty directory" not in said


def test_what_is_wrong_is_told_by_status_and_name(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing is wrong\n" in told(capsys, "check", "--repo", repository)
    path = repository / "apt/pool/main/h/hello/hello_1.9-1_amd64.deb"
    data = path.read_bytes()
    path.write_bytes(bytes(len(data)))
    assert "nothing is wrong\n" in told(capsys, "check", "--repo", repository)
    assert main(["repo", "check", "--repo", str(repository), "--deep"]) == 1
    assert f"{path}: it is not what was published\n  expected" in capsys.readouterr().out
    path.unlink()
    assert main(["repo", "check", "--repo", str(repository), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["faults"] == [{"place": str(path), "what": "it is gone"}]


def test_what_goes_is_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("gc", "--repo", repository, "--dry-run")
    assert told(capsys, *words) == "would remove 0 files and 0 records: 0 B\n"
    text = told(capsys, *words, "--keep", "1", "--older-than", "0s")
    assert text.startswith("- hello 1.9-1 (amd64)\nwould remove 0 files")
    document = json.loads(told(capsys, *words, "--json"))
    assert document["files"] == 0
    assert document["dry_run"]
    assert main(["repo", *map(str, words), "--keep", "0"]) == 2
    assert "--keep takes a number from 1" in capsys.readouterr().err
