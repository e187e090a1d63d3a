import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from omnibuild import digests, events
from omnibuild.errors import DamageError, StepError
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.kept import failed_actions
from omnibuild.execute.scheduler import Execution
from omnibuild.plan.graph import Action, Plan
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from tests.damage import flip


def concatenate(job: Job) -> Output:
    """A toy kind: its text, then its inputs."""
    parts = [job.action.parameters["text"].encode()]
    parts += [job.blob(role).read_bytes() for role in job.inputs]
    return job.store.add_blob(b"".join(parts))


def fail(job: Job) -> Output:
    job.log.write_text("something broke\n")
    raise StepError(job.action.parameters.get("what", "it failed"))


KINDS = {"cat": Kind(1, concatenate), "fail": Kind(1, fail)}


def cat(name: str, text: str, *needs: str) -> Action:
    return Action(name, "cat", {"text": text}, {need: need for need in needs})


class Recorder:
    def __init__(self) -> None:
        self.events: list[events.Event] = []

    def __call__(self, event: events.Event) -> None:
        self.events.append(event)

    def ran(self) -> list[str]:
        return [
            e.action for e in self.events if isinstance(e, events.ActionFinished) and not e.cached
        ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def execute(store: Store, *actions: Action, cores: int = 2) -> tuple[dict[str, bytes], Recorder]:
    recorder = Recorder()
    outputs = Execution(Plan.of(actions), KINDS, store, recorder, cores).run()
    return {n: store.blob(o.digest).read_bytes() for n, o in outputs.items()}, recorder


def test_everything_runs_once_then_nothing(store: Store) -> None:
    plan = (cat("a", "1"), cat("b", "2", "a"), cat("c", "3", "a", "b"))
    outputs, first = execute(store, *plan)
    assert outputs == {"a": b"1", "b": b"21", "c": b"3121"}
    assert sorted(first.ran()) == ["a", "b", "c"]
    again, second = execute(store, *plan)
    assert again == outputs
    assert second.ran() == []


def test_a_change_reruns_exactly_its_dependents(store: Store) -> None:
    execute(store, cat("a", "1"), cat("b", "2", "a"), cat("x", "9"), cat("c", "3", "b", "x"))
    _, recorder = execute(
        store, cat("a", "1"), cat("b", "2", "a"), cat("x", "8"), cat("c", "3", "b", "x")
    )
    assert recorder.ran() == ["x", "c"]


def test_a_rebuild_to_the_same_bytes_stops_the_wave(store: Store) -> None:
    execute(store, cat("a", "12"), cat("b", "", "a"), cat("c", "3", "b"))
    _, recorder = execute(store, cat("a", "1"), cat("b", "1", "a"), cat("c", "3", "b"))
    assert "c" in recorder.ran()
    _, recorder = execute(store, cat("z", "2"), cat("b", "1", "z"), cat("c", "3", "b"))
    assert recorder.ran() == ["z", "b"]


def test_independent_actions_run_side_by_side(store: Store) -> None:
    barrier = threading.Barrier(2, timeout=20)

    def meet(job: Job) -> Output:
        barrier.wait()
        return job.store.add_blob(job.action.name.encode())

    kinds = {"meet": Kind(1, meet)}
    plan = Plan.of([Action("a", "meet", {"n": 1}), Action("b", "meet", {"n": 2})])
    outputs = Execution(plan, kinds, store, events.silent, 2).run()
    assert set(outputs) == {"a", "b"}


def test_a_failure_keeps_what_was_finished_and_starts_nothing_more(store: Store) -> None:
    plan = (cat("a", "1"), Action("b", "fail", {}, {"a": "a"}), cat("c", "3", "b"))
    recorder = Recorder()
    with pytest.raises(StepError):
        Execution(Plan.of(plan), KINDS, store, recorder, 2).run()
    assert recorder.ran() == ["a"]
    (failed,) = [e for e in recorder.events if isinstance(e, events.ActionFailed)]
    assert failed.code == "step-failed"
    assert Path(failed.log).read_text() == "something broke\n"
    assert list((store.root / "scratch").iterdir()) == []


def test_a_known_output_needs_no_record(store: Store) -> None:
    data = b"pinned"
    store.add_blob(data)
    known = Action("f", "fail", output=Output("blob", digests.of_bytes(data)))
    outputs, recorder = execute(store, known)
    assert outputs == {"f": data}
    assert recorder.ran() == []


def test_two_executions_share_one_run(store: Store) -> None:
    runs = []

    def slow(job: Job) -> Output:
        runs.append(job.action.name)
        return job.store.add_blob(b"slow")

    plan = Plan.of([Action("s", "slow", {"n": 1})])
    threads = [
        threading.Thread(
            target=lambda: Execution(plan, {"slow": Kind(1, slow)}, store, events.silent, 1).run()
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs == ["s"]


def test_an_interruption_ends_work_that_has_no_process(store: Store) -> None:
    started = threading.Event()

    def download(job: Job) -> Output:
        for done in range(10_000):
            started.set()
            job.progress(done, 0)
            time.sleep(0.01)
        return job.store.add_blob(b"never")

    def interrupt() -> None:
        started.wait(20)
        main = threading.main_thread().ident
        assert main
        signal.pthread_kill(main, signal.SIGINT)

    plan = Plan.of([Action(str(n), "download", {"n": n}) for n in range(4)])
    execution = Execution(plan, {"download": Kind(1, download)}, store, events.silent, 2)
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        execution.run()
    thread.join()
    # A worker that was just being started may clean up a moment later.
    for _ in range(200):
        if not list((store.root / "scratch").iterdir()):
            return
        time.sleep(0.05)
    raise AssertionError("scratch was left behind")


def test_what_an_interruption_ends_has_not_failed(store: Store) -> None:
    recorder = Recorder()

    def step(job: Job) -> Output:
        killed = threading.Event()
        with job.processes.killable(killed.set):
            main = threading.main_thread().ident
            assert main
            signal.pthread_kill(main, signal.SIGINT)
            assert killed.wait(20)
        raise StepError("killed by SIGKILL")

    plan = Plan.of([Action("a", "step")])
    with pytest.raises(KeyboardInterrupt):
        Execution(plan, {"step": Kind(1, step)}, store, recorder, 2).run()
    assert not [event for event in recorder.events if isinstance(event, events.ActionFailed)]
    # Nor is there anything to look into.
    assert not list(failed_actions(store))


def test_what_has_big_sources_starts_first(store: Store) -> None:
    small, big = store.add_blob(b"s"), store.add_blob(bytes(3_000_000))
    plan = (
        Action("fetch:small", "fail", output=small),
        Action("fetch:big", "fail", output=big),
        Action("small", "cat", {"text": "1"}, {"source": "fetch:small"}),
        Action("big", "cat", {"text": "2"}, {"source": "fetch:big"}),
    )
    _, recorder = execute(store, *plan, cores=1)
    assert recorder.ran() == ["big", "small"]


def test_with_keep_going_all_that_can_be_done_is_done(store: Store) -> None:
    plan = Plan.of(
        [
            Action("bad", "fail"),
            cat("after", "1", "bad"),
            Action("worse", "fail", {"what": "worse"}),
            Action("as bad", "fail"),
            cat("a", "1"),
            cat("b", "2", "a"),
        ]
    )
    recorder = Recorder()
    execution = Execution(plan, KINDS, store, recorder, 1, keep_going=True)
    with pytest.raises(StepError) as caught:
        execution.run()
    assert recorder.ran() == ["a", "b"]
    assert caught.value.why.count("also failed") == 1


def test_only_objects_that_are_needed_come_into_the_store(store: Store) -> None:
    execute(store, cat("a", "1"), cat("b", "2", "a"))
    for path in (store.blob(digests.of_bytes(text)) for text in (b"1", b"21")):
        path.unlink()
    recorder = Recorder()
    plan = Plan.of([cat("a", "1"), cat("b", "2", "a")])
    Execution(plan, KINDS, store, recorder, 2, goals=()).run()
    assert recorder.ran() == []
    Execution(plan, KINDS, store, recorder, 2, goals=["b"]).run()
    assert recorder.ran() == ["a", "b"]


def test_an_action_that_makes_other_bytes_is_believed(store: Store) -> None:
    """Its record says otherwise; what comes after it gets its key from what it makes now."""
    count = iter(range(100))

    def fickle(job: Job) -> Output:
        return job.store.add_blob(b"%d" % min(next(count), 1))

    kinds = {**KINDS, "fickle": Kind(1, fickle)}
    plan = Plan.of([Action("f", "fickle"), cat("a", "x", "f"), cat("b", "y", "a")])
    first = Execution(plan, kinds, store, events.silent, 1).run()
    assert store.blob(first["b"].digest).read_bytes() == b"yx0"
    for name in "fab":
        store.blob(first[name].digest).unlink()
    again = Execution(plan, kinds, store, events.silent, 1, goals=["b"]).run()
    assert store.blob(again["b"].digest).read_bytes() == b"yx1"


def test_why_an_action_ran_is_remembered(store: Store) -> None:
    execute(store, cat("a", "1"))
    execute(store, cat("a", "2"))
    last = store.history.last("a")
    assert last
    assert last.reason["changes"] == [{"path": "parameters.text", "old": "1", "new": "2"}]


def test_a_damaged_input_is_made_again_before_it_goes_on(store: Store) -> None:
    execute(store, cat("a", "1"), cat("b", "2", "a"), cat("x", "9"))
    for content in (b"1", b"21"):
        flip(store.blob(digests.of_bytes(content)), 0)
    plan = (cat("a", "1"), cat("b", "2", "a"), cat("c", "3", "b", "a"))
    outputs, recorder = execute(store, *plan)
    assert outputs == {"a": b"1", "b": b"21", "c": b"3211"}
    assert recorder.ran() == ["a", "b", "c"]
    warned = [e.message for e in recorder.events if isinstance(e, events.Warned)]
    assert len(warned) == 2
    assert all("damaged" in message for message in warned)


def test_what_is_damaged_as_soon_as_it_is_made_ends_in_an_error(store: Store) -> None:
    def rotten(job: Job) -> Output:
        output = job.store.add_blob(b"rotten")
        # Who reads it meanwhile removes what is damaged, perhaps under the hand that damages it.
        with suppress(FileNotFoundError):
            flip(job.store.blob(output.digest), 0)
        return output

    kinds = {**KINDS, "rotten": Kind(1, rotten)}
    users = [cat(name, name, "r") for name in "abcd"]
    with pytest.raises(DamageError, match="what r makes"):
        Execution(Plan.of([Action("r", "rotten"), *users]), kinds, store, events.silent, 2).run()


def test_what_nobody_needs_is_not_read(store: Store) -> None:
    execute(store, cat("a", "1"), cat("b", "2", "a"))
    flip(store.blob(digests.of_bytes(b"1")), 0)
    recorder = Recorder()
    plan = Plan.of([cat("a", "1"), cat("b", "2", "a"), cat("c", "3", "b")])
    Execution(plan, KINDS, store, recorder, 2, goals=["c"]).run()
    assert recorder.ran() == ["c"]
