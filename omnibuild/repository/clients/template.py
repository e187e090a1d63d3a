"""Templates of this room."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from omnibuild.host.template import fill


def render(template: str, values: Mapping[str, str]) -> str:
    """Return ``templates/<template>`` with every ``@NAME@`` replaced.

    Values are inserted as they are: the caller quotes or escapes them for their place.
    """
    file = resources.files("omnibuild.repository.clients").joinpath("templates", template)
    return fill(file.read_text("utf-8"), values)
