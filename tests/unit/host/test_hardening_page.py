"""The page that says what a unit may names every directive that units have."""

from __future__ import annotations

import re

from omnibuild.host.units.service import HARDENING
from tests.unit.host.apps import CHECKOUT


def test_every_directive_is_explained() -> None:
    page = (CHECKOUT / "docs/guides/services.md").read_text()
    section = page.partition("## What a unit may")[2]
    said = set(re.findall(r"`([A-Za-z]+)=", section))
    assert {line.partition("=")[0] for line in HARDENING} <= said
