"""With trusted keys only what one of them signed counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnibuild.errors import SigningKeyError
from omnibuild.plan.graph import Action
from omnibuild.plan.lookup import Lookup
from omnibuild.remote import names
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import Signer, load_signer
from omnibuild.store.results import Result
from omnibuild.store.store import Store

from .samples import KEY, Told, opened, stored_tree, unseen

OTHER_KEY = "cd" + "1" * 62


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Signer, Path], ...]:
    """Two builders' keys, each with the file of its public one."""
    made = [create_key(tmp_path_factory.mktemp("key") / name, f"{name} <b@c>") for name in "ab"]
    return tuple((load_signer(info.path), info.public_armored) for info in made)


def test_what_a_trusted_builder_made_is_taken(
    here: Store, there: Store, place: Path, keys: tuple[tuple[Signer, Path], ...]
) -> None:
    (signer, public), (_, other) = keys
    output = stored_tree(here)
    opened(place, Told(), writable=True, signer=signer).push(KEY, Result(output), here)
    told = Told()
    for trusted in ((), (public,), (other, public)):
        remote = opened(place, told, trusted=trusted)
        assert remote.result(KEY) == Result(output, believed=not trusted)
    assert remote.pull(output, there, unseen)
    assert there.tree(output.digest) == here.tree(output.digest)
    assert told.warnings == []


@pytest.mark.parametrize("signed", [False, True])
def test_what_anybody_else_made_is_a_miss(
    here: Store,
    there: Store,
    place: Path,
    keys: tuple[tuple[Signer, Path], ...],
    signed: bool,
) -> None:
    (signer, public), (stranger, _) = keys
    output, result = stored_tree(here), Result(stored_tree(here))
    by = stranger if signed else None
    opened(place, Told(), writable=True, signer=by).push(KEY, result, here)
    told = Told()
    remote = opened(place, told, trusted=(public,))
    assert remote.result(KEY) is None
    assert len(told.warnings) == 1
    # A trusted builder replaces it.
    opened(place, told, writable=True, trusted=(public,), signer=signer).push(KEY, result, here)
    remote = opened(place, told, trusted=(public,))
    assert remote.result(KEY) == result
    assert remote.pull(output, there, unseen)
    assert len(told.warnings) == 1


def edited(path: Path, old: str, new: str) -> None:
    document = json.loads(path.read_text())
    assert old in document["statement"]
    document["statement"] = document["statement"].replace(old, new)
    path.write_text(json.dumps(document))


def test_a_record_cannot_be_moved_or_edited(
    here: Store, place: Path, keys: tuple[tuple[Signer, Path], ...]
) -> None:
    signer, public = keys[0]
    output = here.add_blob(b"x")
    builder = opened(place, Told(), writable=True, signer=signer)
    told = Told()
    record = place / names.result(KEY)
    for change in (
        lambda: edited(record, KEY, OTHER_KEY),
        lambda: edited(record, output.digest, "e" * 64),
        lambda: edited(record, '"identity":""', f'"identity":"{"e" * 64}"'),
    ):
        builder.push(KEY, Result(output), here)
        change()
        assert opened(place, told, trusted=(public,)).result(KEY) is None
    builder.push(KEY, Result(output), here)
    moved = place / names.result(OTHER_KEY)
    moved.parent.mkdir(parents=True)
    record.rename(moved)
    assert opened(place, told, trusted=(public,)).result(OTHER_KEY) is None
    assert len(told.warnings) == 4


def test_what_was_believed_once_is_not_known_to_who_trusts(
    here: Store, there: Store, place: Path, keys: tuple[tuple[Signer, Path], ...]
) -> None:
    signer, public = keys[0]
    careless = Lookup(there, {"make": 1}, opened(place, Told()))
    wary = Lookup(there, {"make": 1}, opened(place, Told(), trusted=(public,)))
    action = Action("make", "make")
    key = careless.key(action, {})
    poison, right = Result(here.add_blob(b"poison")), Result(here.add_blob(b"right"))
    opened(place, Told(), writable=True).push(key, poison, here)
    found = careless.distant(action, {})
    assert found == Result(poison.output, believed=True)
    there.record(key, found)
    assert careless.local(action, {}) == found
    assert wary.local(action, {}) is None
    assert wary.distant(action, {}) is None
    opened(place, Told(), writable=True, signer=signer).push(key, right, here)
    found = wary.distant(action, {})
    assert found == right
    there.record(key, found)
    assert wary.local(action, {}) == right


def test_what_its_digest_names_needs_no_signature(
    here: Store, there: Store, place: Path, keys: tuple[tuple[Signer, Path], ...]
) -> None:
    for output in (here.add_blob(b"source"), stored_tree(here)):
        opened(place, Told(), writable=True).push_object(output, here)
        assert opened(place, Told(), trusted=(keys[0][1],)).pull(output, there, unseen)


def test_a_trusted_key_must_be_one(place: Path, tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError):
        opened(place, Told(), trusted=(tmp_path / "none",))
