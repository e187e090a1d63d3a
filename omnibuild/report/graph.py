"""A plan as a drawing: DOT for Graphviz, or an SVG that needs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from omnibuild.plan.decisions import Decision, Verdict
from omnibuild.plan.graph import Plan

COLOURS = {Verdict.HIT: "#d5e8d4", Verdict.RUN: "#f8cecc", Verdict.PENDING: "#fff2cc"}

# Pixels of the SVG.
ROW, COLUMN, HEIGHT, CHARACTER, MARGIN = 34, 60, 24, 7.2, 20


def _drawn(plan: Plan, decisions: Sequence[Decision]) -> dict[str, Decision]:
    """Return what is drawn: all but fetches that need not be done, or a root is full of them."""
    return {
        decision.action: decision
        for decision in decisions
        if decision.kind != "fetch" or decision.verdict is not Verdict.HIT
    }


def dot(plan: Plan, decisions: Sequence[Decision]) -> str:
    """Return the plan in Graphviz's language."""
    drawn = _drawn(plan, decisions)
    lines = [
        "digraph plan {",
        "  rankdir=LR;",
        '  node [shape=box, style=filled, fontname="sans"];',
    ]
    lines += [
        f'  "{name}" [fillcolor="{COLOURS[decision.verdict]}"];' for name, decision in drawn.items()
    ]
    for name in drawn:
        needs = [need for need in plan.actions[name].needs if need in drawn]
        lines += [f'  "{need}" -> "{name}";' for need in needs]
    return "\n".join([*lines, "}"]) + "\n"


def svg(plan: Plan, decisions: Sequence[Decision]) -> str:
    """Return the plan as a picture: what comes first is on the left."""
    drawn = _drawn(plan, decisions)
    columns = _columns(plan, drawn)
    places: dict[str, tuple[float, float, float]] = {}
    left, height = float(MARGIN), 0.0
    for names in columns:
        width = max(len(name) for name in names) * CHARACTER + 16
        for row, name in enumerate(names):
            places[name] = (left, MARGIN + row * ROW, width)
        left += width + COLUMN
        height = max(height, MARGIN + len(names) * ROW)
    parts = [_edge(places[need], places[name]) for name, need in _edges(plan, drawn)]
    parts += [_box(name, decision, *places[name]) for name, decision in drawn.items()]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left:.0f}" height="{height:.0f}"'
        ' font-family="monospace" font-size="12">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _columns(plan: Plan, drawn: Mapping[str, Decision]) -> list[list[str]]:
    """Put every action one column to the right of the last one it needs."""
    depth: dict[str, int] = {}
    columns: list[list[str]] = []
    for name in (action.name for action in plan if action.name in drawn):
        needs = [depth[need] for need in plan.actions[name].needs if need in drawn]
        depth[name] = max(needs, default=-1) + 1
        columns += [[] for _ in range(depth[name] + 1 - len(columns))]
        columns[depth[name]].append(name)
    return columns


def _edges(plan: Plan, drawn: Mapping[str, Decision]) -> list[tuple[str, str]]:
    return [(name, need) for name in drawn for need in plan.actions[name].needs if need in drawn]


def _edge(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    x1, y1 = start[0] + start[2], start[1] + HEIGHT / 2
    x2, y2 = end[0], end[1] + HEIGHT / 2
    bend = COLUMN / 2
    return (
        f'<path d="M{x1:.0f},{y1:.0f} C{x1 + bend:.0f},{y1:.0f} {x2 - bend:.0f},{y2:.0f}'
        f' {x2:.0f},{y2:.0f}" fill="none" stroke="#999"/>'
    )


def _box(name: str, decision: Decision, x: float, y: float, width: float) -> str:
    colour = COLOURS[decision.verdict]
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}" rx="4"'
        f' fill="{colour}" stroke="#666"/>'
        f'<text x="{x + 8:.0f}" y="{y + 16:.0f}">{escape(name)}</text>'
    )
