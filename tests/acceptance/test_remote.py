"""Builds that share a remote cache: in a directory here; servers are tried in integration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omnibuild.signing.creation import create_key
from omnibuild.store.store import Store
from tests.acceptance.products import omnibuild, replace
from tests.acceptance.test_engine import fresh_store_with_root, write


class Team:
    """Builders with a store each and one remote cache.

    Args:
        base: where their machines are.
        remote: the cache's directory.
        mark: makes the bytes of one component new, whatever is in the user's store.
    """

    def __init__(self, base: Path, remote: Path, mark: str) -> None:
        self.base, self.remote, self.mark = base, remote, mark

    def build(self, who: str, *words: str | Path) -> list[dict[str, object]]:
        """Build on a machine of its own; return the events."""
        done = omnibuild("build", *self.words(who), "--json", "-o", self.dist(who), *words)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def words(self, who: str) -> tuple[str | Path, ...]:
        workspace = write(self.base / who / "workspace", "base-c", self.mark)
        cache = ("--cache-dir", self.base / who / "cache")
        return ("tiny", "-C", workspace, "-p", "debian-12", *cache, "--remote", self.remote)

    def dist(self, who: str) -> Path:
        return self.base / who / "dist"

    def artifact(self, who: str) -> bytes:
        (path,) = self.dist(who).glob("*.deb")
        return path.read_bytes()

    def give_root(self, who: str) -> None:
        """Let a machine have the build root: making one takes half a minute."""
        fresh_store_with_root(self.base / who / "cache")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A team whose first member has built everything and filled the cache."""
    base = tmp_path_factory.mktemp("team")
    made = Team(base, base / "remote", str(base))
    made.remote.mkdir()
    made.give_root("ann")
    assert "component:base-c@bullseye/amd64" in ran(made.build("ann", "--push"))
    return made


@pytest.fixture
def team(first: Team, tmp_path: Path) -> Team:
    """The same cache, for machines that are this test's own."""
    return Team(tmp_path, first.remote, first.mark)


def ran(events: list[dict[str, object]]) -> set[object]:
    return {
        event["action"]
        for event in events
        if event["event"] == "ActionFinished" and not event["cached"]
    }


def warnings(events: list[dict[str, object]]) -> list[str]:
    return [str(event["message"]) for event in events if event["event"] == "Warned"]


def test_a_second_machine_runs_nothing_and_brings_only_the_artifact(
    first: Team, team: Team
) -> None:
    assert ran(team.build("bob")) == set()
    assert team.artifact("bob") == first.artifact("ann")
    # Neither root nor components were needed.
    store = Store(team.base / "bob/cache")
    assert len(list(store.root.glob("trees/*/*/tree.json"))) == 1


def test_what_changed_runs_and_the_rest_is_brought(team: Team) -> None:
    words = team.words("bob")
    replace(team.base / "bob/workspace/software/top-c.toml", "$CC", f": {team.base}; $CC -DCHANGED")
    done = omnibuild("build", *words, "--json", "-o", team.dist("bob"))
    names = ran([json.loads(line) for line in done.stdout.splitlines()])
    assert "component:top-c@bullseye/amd64" in names
    assert "component:base-c@bullseye/amd64" not in names
    assert "root:bullseye@amd64" not in names


def test_a_damaged_remote_is_a_warning_and_a_correct_build(first: Team, team: Team) -> None:
    damaged = team.base / "damaged"
    shutil.copytree(team.remote, damaged)
    for path in damaged.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    team.remote = damaged
    team.give_root("eve")
    events = team.build("eve")
    assert "component:base-c@bullseye/amd64" in ran(events)
    assert any("remote" in text for text in warnings(events))
    assert team.artifact("eve") == first.artifact("ann")


def test_a_remote_that_is_gone_is_a_warning(team: Team) -> None:
    team.remote = team.base / "file"
    team.remote.write_text("a file, and no directory")
    team.give_root("ann")
    told = warnings(team.build("ann", "--push"))
    # What the audit says of the app itself is an event of its own.
    assert [text.startswith("the remote cache") for text in told] == [True]
    assert team.artifact("ann")


def test_only_trusted_builders_fill_a_signed_cache(team: Team) -> None:
    trusted = create_key(team.base / "trusted.key", "Builder <builder@example.com>")
    trust = ("--trust", trusted.public_armored)
    team.give_root("dave")
    # What Ann put there is not signed.
    assert "component:base-c@bullseye/amd64" in ran(team.build("dave", *trust))
    # Who believed that before, and trusts no longer, does it himself, and cannot sign it as it is.
    assert ran(team.build("carl")) == set()
    unsigned, team.remote = team.remote, team.base / "signed"
    team.remote.mkdir()
    words = [team.remote if word == unsigned else word for word in team.words("carl")]
    said = omnibuild("cache", "push", *words, "--sign-with", trusted.path).stdout
    assert list(team.remote.glob("results/*/*")) == [], said
    team.build("dave", *trust, "--push", "--sign-with", trusted.path)
    assert ran(team.build("carl", *trust)) == set()


def test_the_store_is_filled_and_builds_without_the_remote(first: Team, team: Team) -> None:
    assert "0 are not" in omnibuild("cache", "pull", *team.words("fay")).stdout
    offline = (*team.words("fay")[:-1], team.base / "nowhere")
    omnibuild("build", *offline, "-o", team.dist("fay"))
    assert team.artifact("fay") == first.artifact("ann")


def test_a_store_fills_the_cache_afterwards(first: Team, team: Team) -> None:
    filled = team.base / "filled"
    filled.mkdir()
    words = [filled if word == first.remote else word for word in first.words("ann")]
    said = omnibuild("cache", "push", *words).stdout
    assert "0 are not" in said
    team.remote = filled
    assert ran(team.build("gil")) == set()
