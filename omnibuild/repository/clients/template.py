"""Templates of this room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from omnibuild.host.template import fill

# importlib.resources, which knows archives, takes longer to load than all pages to be written.
_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, values: Mapping[str, str]) -> str:
    """Return ``templates/<template>`` with every ``@NAME@`` replaced.

    Values are inserted as they are: the caller quotes or escapes them for their place.
    """
    return fill((_TEMPLATES / template).read_text("utf-8"), values)
