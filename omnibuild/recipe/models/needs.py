"""What the wheel of a source is built with besides what Python packages bring, as locks have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import field

from omnibuild.patterns import regex
from omnibuild.recipe.fields import Name, OptionalLine, Variable

# Of what a component or a wheel is built with: what a sandbox is made of, and what makes builds the
# same everywhere.
FIXED_VARIABLES = regex(
    "PATH|HOME|TMPDIR|PREFIX|JOBS|MAKEFLAGS|SOURCE_DATE_EPOCH|LD_(PRELOAD|LIBRARY_PATH|AUDIT)"
)


class SourceNeeds(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """In ``[packages.tool.omnibuild]``: components and variables that building a source takes.

    A wheel is built with what was locked, whatever becomes of the table that it was taken from.

    Args:
        needs: components that it links or loads, which the app brings.
        build_needs: components that only its build needs.
        environment: variables that its build sees; ``$PREFIX`` is where components are.
    """

    needs: tuple[Name, ...] = ()
    build_needs: tuple[Name, ...] = ()
    environment: dict[Variable, OptionalLine] = field(default_factory=dict)


NO_NEEDS = SourceNeeds()


def source_needs(tool: Mapping[str, Any] | None) -> SourceNeeds:
    """Return what ``[packages.tool]`` says of building a package.

    Raises :class:`msgspec.ValidationError` when it says nothing valid.
    """
    own = (tool or {}).get("omnibuild", {})
    return msgspec.convert(own, SourceNeeds)
