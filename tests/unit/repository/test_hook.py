"""What is run after publishing, and what it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.errors import HookError
from omnibuild.events import Event, ReadersShown
from omnibuild.repository import layout
from omnibuild.repository.hook import run_hook
from omnibuild.repository.life.pointers import pointers
from omnibuild.repository.publish import publish
from omnibuild.signing.creation import create_key
from tests.unit.repository.samples import DEBIAN_12, PLATFORMS, USER_ID, package, signer

URL = "https://shop.example/pkg"
SHOWN = ReadersShown(URL, ("install.sh", "index.html"))


def shown_by(events: list[Event]) -> set[str]:
    return {path for each in events if isinstance(each, ReadersShown) for path in each.paths}


def test_what_changed_under_its_name_is_told(tmp_path: Path) -> None:
    place, events = tmp_path / "repository", list[Event]()
    first = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(first, place, signer(), platforms=PLATFORMS, base_url=URL)
    publish([package(tmp_path, "second")], place, signer(), platforms=PLATFORMS, emit=events.append)
    told = shown_by(events)
    assert {"apt/dists/stable/InRelease", "apt/dists/stable/Release.gpg", "index.html"} <= told
    # Another suite, dnf's trees and the installer are as they were; the rest never changes.
    assert not {path for path in told if "deb11" in path or path.startswith(("yum", "install"))}
    assert not {path for path in told if layout.is_immutable(path) or path.startswith("state")}
    events.clear()
    publish([package(tmp_path, "second")], place, signer(), platforms=PLATFORMS, emit=events.append)
    assert shown_by(events) == set()


def test_what_a_killed_publisher_may_have_changed_is_told_by_the_next(tmp_path: Path) -> None:
    place, events = tmp_path / "repository", list[Event]()
    first = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(first, place, signer(), platforms=PLATFORMS, base_url=URL)
    (place / layout.SHOWN).write_bytes(b"")
    publish(first, place, signer(), platforms=PLATFORMS, emit=events.append)
    told = shown_by(events)
    assert {"apt/dists/stable-deb11/InRelease", "yum/stable/el9/x86_64/mirrorlist"} <= told
    assert {"install.sh", "index.html"} <= told


def test_all_of_it_is_listed(tmp_path: Path) -> None:
    place, events = tmp_path / "repository", list[Event]()
    first = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(first, place, signer(), platforms=PLATFORMS, base_url=URL, emit=events.append)
    listed = pointers(place)
    assert {f"{URL}/{path}" for path in shown_by(events)} <= {*listed}
    there = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert {url.removeprefix(f"{URL}/") for url in listed} == {
        "",
        *(path for path in there if not layout.is_immutable(path) and not path.startswith("state")),
    }


def test_a_command_gets_addresses(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_hook(f'cat > {out}; echo "$OMNIBUILD_URL $OMNIBUILD_REPO" >> {out}', "/srv/x", [SHOWN])
    assert out.read_text().splitlines() == [
        f"{URL}/install.sh",
        f"{URL}/",
        f"{URL}/index.html",
        f"{URL} /srv/x",
    ]


def test_a_command_that_fails_is_one_error() -> None:
    with pytest.raises(HookError, match="it is published") as error:
        run_hook("echo no such service >&2; exit 3", "/srv/x", [SHOWN])
    assert "exit status 3" in error.value.what
    assert "no such service" in error.value.why
    assert "repo pointers" in error.value.hint
    assert error.value.exit_status == 11


def test_a_command_that_reads_nothing_is_fine() -> None:
    run_hook("true", "/srv/x", [ReadersShown(URL, tuple(map(str, range(50_000))))])


def test_without_an_address_no_cache_can_be_told() -> None:
    with pytest.raises(HookError, match="is not known"):
        run_hook("true", "/srv/x", [ReadersShown("", ("install.sh",))])


def test_commands_that_show_something_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place, out = tmp_path / "repository", tmp_path / "out"
    key = create_key(tmp_path / "key", USER_ID).path
    new = create_key(tmp_path / "new", USER_ID).public_armored
    common = ["--repo", str(place), "--key", str(key)]
    hook = ["--after-publish", f"cat >> {out}"]

    def told(*words: str, more: list[str] = hook) -> list[str]:
        out.write_text("")
        assert main([*words, *common, *more]) == 0
        return out.read_text().splitlines()

    pointer = f"{URL}/apt/dists/{{}}/InRelease"
    debs = [str(package(tmp_path, version=f"1.{number}", platform=DEBIAN_12)) for number in (0, 1)]
    testing = ["--channel", "testing"]
    assert pointer.format("testing") in told("publish", debs[0], "--url", URL, *testing)
    assert pointer.format("testing") in told("publish", debs[1], *testing)
    assert told("publish", debs[1], *testing) == []
    promote = ("repo", "promote", "--from", "testing", "--to", "stable")
    assert pointer.format("stable") in told(*promote)
    assert pointer.format("testing") in told("repo", "demote", *testing)
    assert pointer.format("stable") in told("repo", "yank", "hello=1.1", "--reason", "bad")
    # The environment is where a machine keeps it.
    monkeypatch.setenv("OMNIBUILD_AFTER_PUBLISH", f"cat >> {out}")
    assert pointer.format("stable") in told("remove", "hello", more=[])
    assert f"{URL}/install.sh" in told("key", "announce", str(new), more=[])
    monkeypatch.setenv("OMNIBUILD_AFTER_PUBLISH", "")
    assert told("publish", debs[0], more=[]) == []
    assert all(b"cat >>" not in path.read_bytes() for path in place.rglob("*") if path.is_file())
    capsys.readouterr()
    assert main(["publish", debs[1], *testing, *common, "--after-publish", "exit 7"]) == 11
    assert "error[after-publish]" in capsys.readouterr().err
    assert main(["repo", "list", "--repo", str(place), *testing]) == 0
    assert "1.1" in capsys.readouterr().out
    assert main(["repo", "pointers", "--repo", str(place)]) == 0
    assert pointer.format("testing") in capsys.readouterr().out
