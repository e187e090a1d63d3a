"""Every generated file of the examples, as reviewed."""

import json
import os

import pytest

from omnibuild.host.integration import HostFiles

from .apps import GOLDEN, assert_golden, example

EXAMPLES = ("hello", "httpbin")


def everything(host: HostFiles) -> dict[str, str]:
    """Return all files and scripts by a relative path, and an index of the rest."""
    found = {f"files{path}": file.content.decode() for path, file in host.files.items()}
    for form, scripts in host.scripts.items():
        found |= {f"scripts/{form}/{name}": text for name, text in scripts.items()}
    index = {
        "modes": {path: f"{file.mode:o}" for path, file in host.files.items()},
        "symlinks": dict(host.symlinks),
        "config_files": list(host.config_files),
    }
    return found | {"index.json": json.dumps(index, indent=1) + "\n"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden(name: str) -> None:
    found = everything(example(name))
    for path, text in found.items():
        assert_golden(GOLDEN / name / path, text)
    kept = {
        os.path.relpath(path, GOLDEN / name)
        for path in (GOLDEN / name).rglob("*")
        if path.is_file()
    }
    assert kept == set(found)
