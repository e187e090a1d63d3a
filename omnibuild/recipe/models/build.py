"""How an app is built: its components, and what its own build makes of it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from omnibuild.recipe.fields import BelowApp, Name, OptionalLine, Text, Variable
from omnibuild.recipe.models.base import Model


class Node(Model, frozen=True, kw_only=True):
    """``[build.node]``: a front end that node bundles, of the packages in ``package-lock.json``."""

    directory: Annotated[
        OptionalLine,
        Meta(
            description="Directory of its `package.json` and `package-lock.json`, relative to the"
            " project; its build sees nothing else.",
            examples=["frontend"],
        ),
    ] = "."
    run: Annotated[
        Text,
        Meta(
            description="Shell that builds it, there and without a network, after `npm ci`.",
            min_length=1,
        ),
    ] = "npm run build"
    output: Annotated[
        BelowApp,
        Meta(description="Directory that this fills, relative to `directory`.", examples=["dist"]),
    ] = "dist"
    target: Annotated[
        BelowApp,
        Meta(description="Where the app has that, below `share/`, and steps of [build] find it."),
    ] = "share/frontend"
    version: Annotated[
        str,
        Meta(
            description="Series of Node.js; when empty the newest, when `omnibuild lock` first"
            " pins it.",
            pattern=r"^([1-9][0-9]{0,2}(\.[0-9]{1,3}){0,2})?\Z",
            examples=["24"],
        ),
    ] = ""


class Build(Model, frozen=True, kw_only=True):
    """``[build]``: how components are compiled, and what is made of the installed app."""

    profile: Annotated[
        Literal["release"] | None,
        Meta(
            description="`release` takes what makes programs faster and builds slower, as profile-"
            "guided optimization of CPython; components without such a profile stay as they are."
            " `omnibuild build --release` does so for any recipe."
        ),
    ] = None
    symbols: Annotated[
        bool,
        Meta(
            description="Whether the debug symbols of components are kept, in packages of their"
            " own: `<app>-dbgsym` beside each .deb, and `<app>-debuginfo` beside each .rpm."
            " All components are compiled once more for it."
        ),
    ] = False
    steps: Annotated[
        tuple[Annotated[Text, Meta(min_length=1)], ...],
        Meta(
            description="Shell, run one after the other with -eu over the installed app, in its"
            " project's directory and without a network. What they write below `share/`, which is"
            " `$<APP>_SHARE` while building and on hosts, or beside the project's own files is"
            " part of the app.",
            examples=[["python manage.py collectstatic --noinput"]],
        ),
    ] = ()
    environment: Annotated[
        dict[Variable, OptionalLine],
        Meta(
            description="Variables of the steps and of [build.node], and of nothing else; no place"
            " for secrets."
        ),
    ] = field(default_factory=dict)
    needs: Annotated[
        tuple[Name, ...],
        Meta(
            description="Components that only the steps need, as `gettext`; the app does not bring"
            " them."
        ),
    ] = ()
    node: Node | UnsetType = UNSET
