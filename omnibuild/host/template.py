"""Templates: what runs on hosts stays shell, with @NAME@ where values go."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from omnibuild.patterns import regex

_PLACEHOLDER = regex(r"@([A-Z_]+)@")


def render(template: str, values: Mapping[str, str]) -> str:
    """Return ``templates/<template>`` with every ``@NAME@`` replaced; values are never read again.

    Values are inserted as they are: the caller quotes them for the place they go to.
    """
    from importlib import resources

    source = resources.files("omnibuild.host").joinpath("templates", template).read_text("utf-8")
    return fill(source, values)


def fill(source: str, values: Mapping[str, str]) -> str:
    """Return a template's text with every ``@NAME@`` replaced, as :func:`render` does."""
    # Texts and names in turns.
    parts = list(_parts(source))
    parts[1::2] = [values[name] for name in parts[1::2]]
    return "".join(parts)


@cache
def _parts(source: str) -> list[str]:
    return _PLACEHOLDER.split(source)
