import io
import json
import time

from rich.console import Console

from omnibuild import events
from omnibuild.report.console import LiveReport
from omnibuild.report.plain import JsonReport, PlainReport

STORY = [
    events.PlanReady(("fetch:zlib source", "component:zlib", "payload")),
    events.ActionFinished("fetch:zlib source", "fetch", True, 0.0),
    events.ActionStarted("component:zlib", "component"),
    events.ActionProgress("component:zlib", 500_000, 2_000_000),
    events.ActionFinished("component:zlib", "component", False, 3.25),
    events.Warned("the mirror is slow"),
    events.ActionStarted("place:zlib", "place"),
    events.ActionFinished("place:zlib", "place", False, 0.1),
    events.ActionFailed("payload", "payload", "capture", "two want one path", ""),
    events.ArtifactReady("dist/hello.deb", 12_345_678, "ab" * 32),
    events.ArtifactAdded("dist/hello.deb", 12_345_678, "ab" * 32),
    events.Finished(1, 1, 4.0),
]


def test_lines_for_pipes() -> None:
    stream = io.StringIO()
    for event in STORY:
        PlainReport(stream)(event)
    assert stream.getvalue().splitlines() == [
        "done    component:zlib  3.2 s",
        "warning the mirror is slow",
        "failed  payload: two want one path",
        "wrote   dist/hello.deb  12.3 MB",
        "added   dist/hello.deb  12.3 MB",
        "finished in 4.0 s: 1 run, 1 cached",
    ]


def test_a_pipe_is_told_what_runs_for_long() -> None:
    stream = io.StringIO()
    with PlainReport(stream, patience=0.05) as report:
        report(events.ActionStarted("place:zlib", "place"))
        report(events.ActionFinished("place:zlib", "place", False, 0.0))
        report(events.ActionStarted("component:\x1b[1mzlib", "component"))
        deadline = time.monotonic() + 10
        while not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert stream.getvalue() == "start   component:\\x1b[1mzlib\n"
        time.sleep(0.1)
        report(events.ActionFinished("component:zlib", "component", False, 2.0))
    assert stream.getvalue().count("start ") == 1


def test_json_lines_hold_every_field_of_every_event() -> None:
    stream = io.StringIO()
    for event in STORY:
        JsonReport(stream)(event)
    documents = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [d.pop("event") for d in documents] == [type(e).__name__ for e in STORY]
    assert documents[2] == {"action": "component:zlib", "kind": "component"}


def test_a_terminal_shows_what_runs_and_what_is_next() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with LiveReport(console) as report:
        for event in STORY[:4]:
            report(event)
        shown = Console(file=(plain := io.StringIO()), width=80)
        shown.print(report)
    assert "component:zlib" in plain.getvalue()
    assert "500.0 kB of 2.0 MB" in plain.getvalue()
    assert "1 of 3 done; next: payload" in plain.getvalue()


def test_names_that_others_chose_are_shown_and_not_obeyed() -> None:
    stream, drawn = io.StringIO(), io.StringIO()
    warning = events.Warned("the package holds a key: /opt/app/\x1b]0;owned\x07\udce9.pem")
    PlainReport(stream)(warning)
    with LiveReport(Console(file=drawn, force_terminal=True, width=200)) as report:
        report(warning)
    for text in (stream.getvalue(), drawn.getvalue()):
        assert "\\x1b]0;owned\\x07\\udce9.pem" in text
        assert "\x1b]0" not in text
