"""Rules about ``[build]``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from omnibuild.patterns import regex
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import AppSource, Build, Node, Python, Recipe
from omnibuild.recipe.validate import quoted

# What a sandbox is made of, and what makes builds the same everywhere.
_FIXED = regex("PATH|HOME|TMPDIR|PREFIX|JOBS|MAKEFLAGS|SOURCE_DATE_EPOCH|PYTHON[A-Z]*|LD_.+")


def build_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield what is wrong between the keys of ``[build]``."""
    if not isinstance(recipe.build, Build):
        return
    build = recipe.build
    told = build.steps or build.node
    for key, idle in (
        ("environment", build.environment and not told),
        ("needs", build.needs and not build.steps),
    ):
        if idle:
            what = f"`build.{key}` is for the steps of [build], and there are none"
            yield Fault(("build", key), what, "add `steps`, or take it out", in_key=True)
    if isinstance(build.node, Node):
        yield from _node_faults(recipe, build.node)
    for name in build.environment:
        if _FIXED.fullmatch(name):
            what = f"{quoted(name)} cannot be set: it is the same in every build"
            hint = "a step can set it for what it starts: NAME=value command"
            yield Fault(("build", "environment", name), what, hint, in_key=True)
    for index, name in enumerate(build.needs):
        if name in recipe.software:
            what = f"{quoted(name)} is in [software], and the steps see all of that"
            yield Fault(("build", "needs", index), what, "name it in one of them")
        elif name in build.needs[:index]:
            yield Fault(("build", "needs", index), f"{quoted(name)} is there twice")


def _node_faults(recipe: Recipe, node: Node) -> Iterator[Fault]:
    place = ("build", "node")
    if not isinstance(recipe.python, Python):
        hint = 'add [python] with `version = "3.13"`: Node.js is pinned in the lock of that'
        yield Fault(place, "[build.node] needs the lock of [python], and there is none", hint)
    if not isinstance(recipe.source, AppSource) or not recipe.source.path:
        what = "[build.node] is for a front end of the project, and [source] has no `path`"
        yield Fault(place, what)
    if posixpath.isabs(node.directory) or posixpath.normpath(node.directory).startswith(".."):
        what = f"{quoted(node.directory)} is not in the project"
        yield Fault((*place, "directory"), what, "it is relative to the project's directory")
    if not node.target.startswith("share/"):
        what = f"{quoted(node.target)} is not below `share/`"
        yield Fault((*place, "target"), what, "write it like `share/frontend`")
