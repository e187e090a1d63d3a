"""HTML that all pages are made of: one document each, with nothing from elsewhere.

All that comes from packages is escaped. The policy of a page lets its one script run, and nothing
else, whatever escaping might have let through.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from omnibuild.host.template import fill
from omnibuild.patterns import regex

# importlib.resources, which knows archives, takes longer to load than a page to be written.
_TEMPLATES = Path(__file__).parent / "templates"

# What HTML has no letters for.
_CONTROL = regex("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

# As html.escape has it, which is loaded with all names that characters have in HTML.
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def render(template: str, values: Mapping[str, str]) -> str:
    """Return ``templates/<template>`` with every ``@NAME@`` replaced by HTML."""
    return fill(_source(template), values)


def document(title: str, body: str) -> str:
    """Return a whole page."""
    style, script = _source("style.css"), _source("copy.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_digest(style)}';"
        f" script-src 'sha256-{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )
    values = {
        "TITLE": text(title),
        "POLICY": policy,
        "STYLE": style,
        "SCRIPT": script,
        "BODY": body.rstrip("\n"),
    }
    return render("document.html.in", values)


def text(said: str) -> str:
    """Return text as HTML, for elements and quoted attributes."""
    return _CONTROL.sub("�", said).translate(_ESCAPED)


def code(commands: str, label: str) -> str:
    """Return commands as they are to be copied, and what they do."""
    name = text(label)
    # One line breaks where it has to; of several, each stays what it is.
    kind = "code" if "\n" in commands else "code line"
    return (
        f'<figure class="{kind}"><figcaption>{name}</figcaption>'
        f'<pre tabindex="0" role="group" aria-label="{name}"><code>{text(commands)}</code></pre>'
        "</figure>\n"
    )


@cache
def _source(template: str) -> str:
    file = _TEMPLATES / template
    return file.read_text("utf-8")


@cache
def _digest(said: str) -> str:
    return b64encode(hashlib.sha256(said.encode()).digest()).decode()
