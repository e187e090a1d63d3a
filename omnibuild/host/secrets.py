"""Secrets: made on the host when they are first needed, kept, and in no package."""

from __future__ import annotations

from typing import Final

from omnibuild.host.model import HostModel
from omnibuild.host.template import render

# Below libexec: makes those that are missing.
PROGRAM: Final = "secrets"


def program(model: HostModel) -> str:
    """Return the program, which installations and the runner call."""
    wanted = " ".join(f"{name}:{size}" for name, size in model.secrets.items())
    return render("secrets.sh.in", {"APP": model.layout.app, "SECRETS": wanted})
