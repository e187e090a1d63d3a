"""Requirements: PEP 508 and nothing else.

Resolvers read more in a line than that: options, paths, other files, addresses. Each of them can
run code, read a file or change the index, so none gets as far as the resolver.
"""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement

from omnibuild.recipe.located import printable
from omnibuild.recipe.wheeltags import is_shallow

# Of one requirement; those of real projects, with markers, stay below 300 characters.
_LONGEST = 1000
_SHOWN = 60


class NotARequirementError(ValueError):
    """A text is no requirement that an index can satisfy; ``hint`` says what to write."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def checked(text: str, *, addressed: bool = False) -> Requirement:
    """Return what an index can satisfy; raises :class:`NotARequirementError` otherwise.

    Args:
        text: of the requirement.
        addressed: it may say where the package is.
    """
    shown = printable(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
    try:
        # Blanks at the ends are harmless, line breaks never are.
        bounded = len(text) <= _LONGEST and is_shallow(text)
        requirement = Requirement(text.strip(" ")) if bounded else None
    except InvalidRequirement:
        requirement = None
    if requirement is None:
        raise NotARequirementError(
            f"`{shown}` is not a requirement", "write it like `shop>=1.4`, as PEP 508 has it"
        )
    if requirement.url and not addressed:
        raise NotARequirementError(
            f"`{shown}` is at an address that no digest pins",
            "require it by name and version, and let your index serve a wheel of it",
        )
    return requirement
