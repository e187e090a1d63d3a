"""What a package says it is made of, in the manifest inside it: read as foreign input."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

# Relative to the app's directory.
MANIFEST: Final = "share/omnibuild/manifest.json"
# Bytes; one with 1000 packages has 300,000.
LARGEST: Final = 1 << 22


class Component(Struct, frozen=True):
    """Something that a package is made of."""

    name: str
    version: str = ""
    license: str = ""


class Described(Struct, frozen=True):
    """What a manifest says; all else in it is for programs.

    Args:
        components: what was compiled or brought along.
        python: installed Python distributions.
        npm: packages that its front end is made of.
        name: of the app.
        profile: `release`, if it was built with that.
    """

    components: tuple[Component, ...]
    python: tuple[Component, ...] = ()
    npm: tuple[Component, ...] = ()
    name: str = ""
    profile: str = ""


def place_of_manifest(app: str) -> str:
    """Return where an app's package has it, relative to the host's root."""
    return f"opt/{app}/{MANIFEST}"


def described(manifest: bytes) -> Described | None:
    """Read a manifest; nothing for what is none."""
    try:
        return msgspec.json.decode(manifest, type=Described)
    except (msgspec.DecodeError, RecursionError):
        return None


def built_quickly(manifest: bytes) -> str:
    """Return the name of an app that was built to be looked at; empty for a release, or no app."""
    found = described(manifest) if manifest else None
    return found.name if found and found.profile != "release" else ""
