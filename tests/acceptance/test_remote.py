"""Builds that share a remote cache: in a directory here; servers are tried in integration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omnibuild.plan.keys import key
from omnibuild.settings import default_cache
from omnibuild.signing import create_key
from omnibuild.store.store import Store
from tests.acceptance.products import omnibuild
from tests.acceptance.test_engine import fresh_store_with_root, write


class Team:
    """Builders with a store each and one remote cache."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.remote = base / "remote"
        self.remote.mkdir()

    def build(self, who: str, *words: str | Path) -> list[dict[str, object]]:
        """Build on a machine of its own; return the events."""
        workspace = write(self.base / who / "workspace", "base-c", str(self.base))
        done = omnibuild(
            *("build", "tiny", "-C", workspace, "-p", "debian-12", "--json"),
            *("-o", self.base / who / "dist", "--cache-dir", self.base / who / "cache"),
            *("--remote", self.remote, *words),
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def artifact(self, who: str) -> bytes:
        (path,) = (self.base / who / "dist").glob("*.deb")
        return path.read_bytes()


@pytest.fixture
def team(tmp_path: Path) -> Team:
    made = Team(tmp_path)
    for who in ("ann", "trusted"):
        fresh_store_with_root(tmp_path / who / "cache")
    return made


def ran(events: list[dict[str, object]]) -> set[object]:
    return {
        event["action"]
        for event in events
        if event["event"] == "ActionFinished" and not event["cached"]
    }


def warnings(events: list[dict[str, object]]) -> list[str]:
    return [str(event["message"]) for event in events if event["event"] == "Warned"]


def test_a_second_machine_runs_nothing_and_brings_only_the_artifact(team: Team) -> None:
    first = team.build("ann", "--push")
    assert "component:base-c" in ran(first)
    second = team.build("bob")
    assert ran(second) == set()
    assert team.artifact("bob") == team.artifact("ann")
    store = Store(team.base / "bob/cache")
    # Neither root nor components were needed.
    assert len(list(store.root.glob("trees/*/*/tree.json"))) == 1


def test_what_changed_runs_and_the_rest_is_brought(team: Team) -> None:
    team.build("ann", "--push")
    share_root(team)
    workspace = write(team.base / "bob/workspace", "top-c", f"{team.base} changed")
    again = omnibuild(
        *("build", "tiny", "-C", workspace, "-p", "debian-12", "--json"),
        *("-o", team.base / "bob/dist", "--cache-dir", team.base / "bob/cache"),
        *("--remote", team.remote),
    )
    events = [json.loads(line) for line in again.stdout.splitlines()]
    kinds = {str(name).partition(":")[0] for name in ran(events)}
    assert "root" not in kinds
    assert "component:top-c" in ran(events)


def share_root(team: Team) -> None:
    """Put the root of the user's own store into the remote cache."""
    workspace = write(team.base / "ann/workspace", "base-c", str(team.base))
    omnibuild(
        *("cache", "push", "tiny", "-C", workspace, "-p", "debian-12"),
        *("--cache-dir", team.base / "ann/cache", "--remote", team.remote),
    )


def test_a_damaged_remote_is_a_warning_and_a_correct_build(team: Team) -> None:
    team.build("ann", "--push")
    for path in team.remote.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    fresh_store_with_root(team.base / "eve/cache")
    events = team.build("eve")
    assert "component:base-c" in ran(events)
    assert warnings(events)
    assert team.artifact("eve") == team.artifact("ann")


def test_a_remote_that_is_gone_is_a_warning(team: Team) -> None:
    shutil.rmtree(team.remote)
    team.remote.write_text("a file, and no directory")
    events = team.build("ann", "--push")
    assert len(warnings(events)) == 1
    assert team.artifact("ann")


def test_only_trusted_builders_fill_a_signed_cache(team: Team) -> None:
    trusted = create_key(team.base / "trusted.key", "Builder <builder@example.com>")
    team.build("ann", "--push")
    events = team.build("bob-unsigned", "--trust", trusted.public_armored, "--push")
    assert ran(events)
    team.remote.rename(team.base / "old")
    team.remote.mkdir()
    team.build("trusted", "--push", "--sign-with", trusted.path)
    assert ran(team.build("carl", "--trust", trusted.public_armored)) == set()


def test_the_store_is_filled_and_builds_without_the_remote(team: Team) -> None:
    team.build("ann", "--push")
    share_root(team)
    workspace = write(team.base / "dan/workspace", "base-c", str(team.base))
    words = ("tiny", "-C", workspace, "-p", "debian-12", "--cache-dir", team.base / "dan/cache")
    said = omnibuild("cache", "pull", *words, "--remote", team.remote).stdout
    assert "0 are not" in said
    omnibuild("build", *words, "-o", team.base / "dan/dist")
    assert team.artifact("dan") == team.artifact("ann")
    document = Store(default_cache()).history.last_document("root:bullseye")
    assert document
    assert Store(team.base / "dan/cache").result(key(document))
