"""HIT, RUN with its reason, or PENDING: for every action, without doing anything."""

from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.plan.decisions import Decision, Verdict, Where, decide
from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.keys import key
from omnibuild.plan.lookup import Lookup
from omnibuild.plan.reasons import Change
from omnibuild.store.history import LastRun
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store


def blob(text: str) -> Output:
    return Output("blob", digests.of_bytes(text.encode()))


SOURCE = Action("source", "fetch", output=blob("source"))
LIBRARY = Action("library", "make", {"flags": "-O2"}, {"source": "source"})
PROGRAM = Action("program", "make", {"flags": ""}, {"library": "library"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def verdicts(store: Store, *actions: Action) -> dict[str, Decision]:
    plan = Plan.of(actions)
    found = decide(plan, Lookup(store, {"make": 1, "fetch": 1}), [actions[-1].name])
    return {decision.action: decision for decision in found}


def used(store: Store, action: Action, inputs: dict[str, Output], output: Output) -> None:
    document = Lookup(store, {"make": 1}).document(action, inputs)
    store.record(key(document), Result(output))
    last = LastRun(key(document), 1.0, 0.0, {})
    store.history.remember(action.name, last, document)


def test_nothing_is_there(store: Store) -> None:
    found = verdicts(store, SOURCE, LIBRARY, PROGRAM)
    assert [found[name].verdict for name in ("source", "library", "program")] == [
        Verdict.RUN,
        Verdict.RUN,
        Verdict.PENDING,
    ]
    assert found["program"].pending_on == ("library",)
    reason = found["library"].reason
    assert reason
    assert "never built" in reason.summary


def test_everything_is_there_but_a_source_that_nothing_needs(store: Store) -> None:
    used(store, LIBRARY, {"source": blob("source")}, blob("library"))
    used(store, PROGRAM, {"library": blob("library")}, store.add_blob(b"program"))
    found = verdicts(store, SOURCE, LIBRARY, PROGRAM)
    assert {decision.verdict for decision in found.values()} == {Verdict.HIT}
    assert found["source"].where is found["library"].where is Where.UNNEEDED
    assert found["program"].where is Where.LOCAL


def test_a_change_says_what_it_was_and_is(store: Store) -> None:
    store.add_blob(b"source")
    used(store, LIBRARY, {"source": blob("source")}, store.add_blob(b"library"))
    changed = Action("library", "make", {"flags": "-O3"}, {"source": "source"})
    reason = verdicts(store, SOURCE, changed)["library"].reason
    assert reason
    assert reason.changes == (Change("parameters.flags", "-O2", "-O3"),)


def test_a_lost_object_that_something_needs_is_made_again(store: Store) -> None:
    used(store, LIBRARY, {"source": blob("source")}, blob("library"))
    found = verdicts(store, SOURCE, LIBRARY, PROGRAM)
    assert found["library"].verdict is found["source"].verdict is Verdict.RUN
    for name in ("library", "source"):
        reason = found[name].reason
        assert reason
        assert "store" in reason.summary


def test_deciding_changes_nothing(store: Store) -> None:
    def everything() -> list[str]:
        return sorted(str(path) for path in store.root.rglob("*"))

    before = everything()
    verdicts(store, SOURCE, LIBRARY, PROGRAM)
    assert everything() == before
