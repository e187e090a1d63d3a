"""What all definitions have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct


class Model(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="kebab",
):
    """Base of all definitions: frozen, and unknown keys are errors.

    Defaults are left out of keys: a field that a later version adds rebuilds nothing.
    """

    # Keys of earlier versions to what takes their place.
    retired: ClassVar[Mapping[str, str]] = {}
