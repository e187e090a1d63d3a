"""Decisions in words and as drawings."""

import xml.etree.ElementTree as ElementTree

from omnibuild.plan.decisions import Decision, Verdict, Where
from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.reasons import FIRST, Change, Reason
from omnibuild.report.explain import plan_lines, reason_lines
from omnibuild.report.graph import dot, svg

PLAN = Plan.of(
    [
        Action("fetch:zlib source", "fetch"),
        Action("component:zlib", "component", inputs={"source": "fetch:zlib source"}),
        Action("component:openssl", "component"),
        Action(
            "component:python",
            "component",
            inputs={"layer:zlib": "component:zlib", "layer:openssl": "component:openssl"},
        ),
        Action("payload:<shop>", "payload", inputs={"part:python": "component:python"}),
    ]
)
DECISIONS = (
    Decision("fetch:zlib source", "fetch", Verdict.HIT, where=Where.UNNEEDED),
    Decision("component:zlib", "component", Verdict.HIT, where=Where.REMOTE),
    Decision("component:openssl", "component", Verdict.RUN, reason=FIRST),
    Decision("component:python", "component", Verdict.PENDING, pending_on=("component:openssl",)),
    Decision("payload:<shop>", "payload", Verdict.PENDING, pending_on=("component:python",)),
)


def test_a_plan_in_words() -> None:
    assert "\n".join(plan_lines(DECISIONS)) == (
        "HIT     remote    component:zlib\n"
        "RUN               component:openssl  it was never built here\n"
        "PENDING           component:python  waits for component:openssl\n"
        "PENDING           payload:<shop>  waits for component:python\n"
        "5 actions: 2 hit (1 remote), 1 run, 2 pending; 1 files need no fetching"
    )


def test_a_reason_in_words() -> None:
    changes = (
        Change("inputs.source", "aa", "bb"),
        Change("parameters.steps[2]", "configure\nmake -j4\ninstall", "configure\nmake\ninstall"),
        Change("parameters.needs[1]", None, "zlib"),
    )
    assert "\n".join(reason_lines(Reason("changed: inputs.source and more", changes))) == (
        "changed: inputs.source and more\n"
        "  inputs.source\n"
        "    - aa\n"
        "    + bb\n"
        "  parameters.steps[2]\n"
        "     configure\n"
        "    -make -j4\n"
        "    +make\n"
        "     install\n"
        "  parameters.needs[1]\n"
        "    + zlib"
    )


def test_drawings_hold_every_action_but_fetches_that_are_not_done() -> None:
    text = dot(PLAN, DECISIONS)
    assert '"component:zlib" -> "component:python"' in text
    assert "fetch:" not in text
    drawing = ElementTree.fromstring(svg(PLAN, DECISIONS))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    names = [element.text for element in drawing.iter(f"{space}text")]
    assert names == ["component:zlib", "component:openssl", "component:python", "payload:<shop>"]
    assert len(list(drawing.iter(f"{space}path"))) == 3


def test_in_the_picture_everything_is_right_of_what_it_needs() -> None:
    drawing = ElementTree.fromstring(svg(PLAN, DECISIONS))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    lefts = [float(element.attrib["x"]) for element in drawing.iter(f"{space}rect")]
    zlib, openssl, python, payload = lefts
    assert zlib == openssl < python < payload
