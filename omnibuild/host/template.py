"""Templates of what runs on hosts: shell stays shell, with @NAME@ where values go."""

from __future__ import annotations

import re
from importlib import resources

_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


def render(template: str, values: dict[str, str]) -> str:
    """Return ``templates/<template>`` with every ``@NAME@`` replaced; values are never read again.

    Values are inserted as they are: the caller quotes them for the place they go to.
    """
    source = resources.files("omnibuild.host").joinpath("templates", template).read_text("utf-8")
    return _PLACEHOLDER.sub(lambda match: values[match[1]], source)
