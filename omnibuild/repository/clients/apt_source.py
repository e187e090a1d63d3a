"""What apt needs on a host: a source with its keyring, and a pin.

The installer and the landing page say the same: one with shell variables, one with values.
"""

from __future__ import annotations

from collections.abc import Sequence

from omnibuild.repository import layout


def keyring_path(name: str) -> str:
    """Return where apt hosts have the keys of a repository; the keyring package owns this file."""
    return f"/usr/share/keyrings/{name}.asc"


def source(
    *, url: str, suite: str, components: Sequence[str], keyring: str, architecture: str = ""
) -> str:
    """Return a ``.sources`` file; without ``architecture`` apt asks for the host's own."""
    lines = [
        "Types: deb",
        f"URIs: {url}/{layout.APT}",
        f"Suites: {suite}",
        f"Components: {' '.join(components)}",
        *([f"Architectures: {architecture}"] if architecture else []),
        f"Signed-By: {keyring}",
    ]
    return "\n".join(lines)


def preferences(title: str) -> str:
    """Return a preferences file: of two packages with one name, this repository's is taken.

    Also when the distribution's is newer: Debian has a ``hello``, too.
    """
    return f"Package: *\nPin: release o={title}\nPin-Priority: 600"
