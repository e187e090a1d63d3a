"""What all definitions have in common."""

from __future__ import annotations

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
