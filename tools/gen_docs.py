"""Write the reference pages that come from code: definitions and errors.

Run it after a change of ``omnibuild/recipe/models`` or ``omnibuild/errors.py``; a unit test
fails as long as ``docs/reference`` says something else than the code.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from omnibuild import errors
from omnibuild.errors import OmnibuildError
from omnibuild.recipe.models import Platform, Recipe, Software
from omnibuild.recipe.schema import reference_markdown

DIRECTORY = Path(__file__).parent.parent / "docs" / "reference"


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    models = {"recipe.md": Recipe, "software.md": Software, "platform.md": Platform}
    texts = {name: reference_markdown(model) for name, model in models.items()}
    return {**texts, "errors.md": errors_markdown()}


def errors_markdown() -> str:
    """Return the catalogue of errors: code, exit status, meaning."""
    lines = [
        "# Errors",
        "",
        "Every error names what went wrong, where, why, and what to do next. Its code and the"
        " exit status of the command are stable; the wording is not.",
        "",
        "| code | exit status | meaning |",
        "|---|---|---|",
    ]
    for error in _errors():
        meaning = (inspect.getdoc(error) or "").partition("\n\n")[0].replace("\n", " ")
        lines.append(f"| `{error.code}` | {error.exit_status} | {meaning} |")
    return "\n".join(lines) + "\n"


def _errors() -> Iterator[type[OmnibuildError]]:
    """Yield the errors a user can meet, in the order of the module."""
    for each in vars(errors).values():
        is_error = isinstance(each, type) and issubclass(each, OmnibuildError)
        if is_error and each is not OmnibuildError:
            yield each


def main() -> None:
    """Write all pages."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
