"""What is known, what is here, and what is brought: decided without running anything."""

from collections.abc import Collection
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.execute.board import Board, OutputChanged, Task
from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.lookup import Lookup
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

SERIALS = {"make": 1, "fetch": 1}


def blob(text: str) -> Output:
    return Output("blob", digests.of_bytes(text.encode()))


SOURCE = Action("source", "fetch", output=blob("source"))
LIBRARY = Action("library", "make", inputs={"source": "source"})
PROGRAM = Action("program", "make", inputs={"library": "library"})
PLAN = Plan.of([SOURCE, LIBRARY, PROGRAM])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def board(store: Store, goals: Collection[str] = ("program",), plan: Plan = PLAN) -> Board:
    made = Board(plan, Lookup(store, SERIALS), goals, lambda action, result: None)
    made.begin()
    return made


def record(store: Store, action: Action, inputs: dict[str, Output], output: Output) -> None:
    store.record(Lookup(store, SERIALS).key(action, inputs), Result(output))


def test_at_first_the_source_is_brought_for_what_must_run(store: Store) -> None:
    made = board(store)
    assert made.todo == {"source": Task.RUN, "library": Task.RUN}
    assert made.ready("source")
    assert not made.ready("library")


def test_a_recorded_result_needs_neither_its_object_nor_its_source(store: Store) -> None:
    record(store, LIBRARY, {"source": blob("source")}, blob("library"))
    record(store, PROGRAM, {"library": blob("library")}, store.add_blob(b"program"))
    made = board(store)
    assert made.todo == {}
    assert made.here == {"program"}
    assert made.outputs["library"] == blob("library")


def test_what_must_run_brings_objects_that_are_gone(store: Store) -> None:
    record(store, LIBRARY, {"source": blob("source")}, blob("library"))
    made = board(store)
    assert made.todo == {"program": Task.RUN, "library": Task.RUN, "source": Task.RUN}
    for name, output in (("source", blob("source")), ("library", blob("library"))):
        assert not made.ready("program")
        del made.todo[name]
        made.done(name, output)
    assert made.ready("program")


def test_a_goal_whose_object_is_gone_is_made_again(store: Store) -> None:
    record(store, LIBRARY, {"source": blob("source")}, store.add_blob(b"library"))
    record(store, PROGRAM, {"library": blob("library")}, blob("program"))
    assert board(store).todo == {"program": Task.RUN}
    assert board(store, goals=()).todo == {}


def test_the_same_bytes_again_stop_the_wave(store: Store) -> None:
    record(store, PROGRAM, {"library": blob("library")}, store.add_blob(b"program"))
    made = board(store)
    del made.todo["source"], made.todo["library"]
    made.done("source", blob("source"))
    made.done("library", blob("library"))
    assert made.todo == {}
    assert "program" in made.here


def test_other_bytes_than_recorded_end_the_attempt(store: Store) -> None:
    record(store, LIBRARY, {"source": blob("source")}, blob("library"))
    made = board(store)
    with pytest.raises(OutputChanged):
        made.done("library", blob("other"))


def test_sources_of_what_cannot_be_decided_yet_are_fetched_ahead(store: Store) -> None:
    other = Action("other source", "fetch", output=blob("other"))
    late = Action("late", "make", inputs={"source": "other source", "library": "library"})
    made = board(store, ("late",), Plan.of([SOURCE, LIBRARY, other, late]))
    assert made.todo["other source"] is Task.RUN
