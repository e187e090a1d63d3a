"""``[python]``: the interpreter of an app, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta, field

from omnibuild.recipe.fields import Distribution, Line, LockFile, OptionalLine
from omnibuild.recipe.models.base import Model


class Python(Model, frozen=True, kw_only=True):
    """``[python]``: the interpreter and the packages the app needs."""

    retired: ClassVar[Mapping[str, str]] = {
        "build-lock": "delete the line: `omnibuild lock` pins in `lock` what builds wheels, too"
    }

    version: Annotated[
        str, Meta(description="CPython series.", pattern=r"^3\.[0-9]{1,2}\Z", examples=["3.13"])
    ]
    lock: Annotated[
        LockFile,
        Meta(
            description="Lock of the app's packages and of what builds them (PEP 751), made by"
            " `omnibuild lock`, relative to the recipe; `pylock.<app>.toml` beside it when empty."
        ),
    ] = ""
    require: Annotated[
        tuple[Line, ...],
        Meta(
            description="What it takes besides what its project and its server require (PEP 508);"
            " `omnibuild lock --require` adds to it.",
            examples=[["bcrypt", "psycopg[c]>=3.2"]],
        ),
    ] = ()
    extras: Annotated[
        tuple[Distribution, ...],
        Meta(
            description="Extras of the app's own package to install: optional dependencies that its"
            " project declares.",
            examples=[["postgres"]],
        ),
    ] = ()
    groups: Annotated[
        tuple[Distribution, ...],
        Meta(
            description="Dependency groups of the project to install, of `[dependency-groups]` or"
            " of its tool; no group is taken unasked.",
            examples=[["prod"]],
        ),
    ] = ()
    pins: Annotated[
        OptionalLine,
        Meta(
            description="File that says which versions the project takes, relative to it: uv.lock,"
            " poetry.lock, Pipfile.lock, pylock.toml or a requirements file; when empty the first"
            " of these that is there.",
            examples=["requirements/production.txt"],
        ),
    ] = ""
    from_source: Annotated[
        tuple[Distribution, ...],
        Meta(description="Packages that `omnibuild lock` pins as source, to be compiled here."),
    ] = ()
    additions: Annotated[
        bool,
        Meta(
            description="Whether operators may install packages beside it, as plugins, by the"
            " command `<app>-pip`: upgrades keep them, in `/var/lib/<app>-additions`."
        ),
    ] = False
    sources: Annotated[
        bool,
        Meta(
            description="Whether the sources of modules stay beside their bytecode. Without them an"
            " app is smaller, tracebacks show no lines of code, and code cannot read its source."
        ),
    ] = True
    prune: Annotated[
        dict[Distribution, tuple[Line, ...]],
        Meta(
            description="Package to globs below the app's directory that it does not bring, `*`"
            " within one name, `**` for any number of directories; all below a directory goes with"
            " it: for tests, and for files that two packages both want. A glob that covers nothing"
            " is told at each build."
        ),
    ] = field(default_factory=dict)
