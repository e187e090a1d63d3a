"""Regular expressions that are compiled when they are first used.

A command imports many more than it uses, and compiling one takes longer than importing a module.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what ``re.compile`` does, without compiling it yet.

    >>> regex("[a-z]+").fullmatch("shop")[0]
    'shop'
    """
    return cast("re.Pattern[AnyStr]", _Uncompiled(pattern, flags))


class _Uncompiled:
    """Has the attributes of a compiled pattern, each from when it is first asked for."""

    def __init__(self, *source: Any) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._source), name)
        setattr(self, name, found)
        return found
