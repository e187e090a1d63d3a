"""Every generated file of the examples, as reviewed."""

import json
import os

import pytest

from omnibuild.host.integration import HostFiles

from .apps import GOLDEN, SHAPES, assert_golden, example, integrated

EXAMPLES = ("hello", "httpbin")


def everything(host: HostFiles) -> dict[str, str]:
    """Return all files and scripts by a relative path, and an index of the rest."""
    found = {f"files{path}": file.content.decode() for path, file in host.files.items()}
    for form, scripts in host.scripts.items():
        if form != "apk":  # those of pacman, by other names
            found |= {f"scripts/{form}/{name}": text for name, text in scripts.items()}
    index = {
        "modes": {path: f"{file.mode:o}" for path, file in host.files.items()},
        "symlinks": dict(host.symlinks),
        "config_files": list(host.config_files),
    }
    return found | {"index.json": json.dumps(index, indent=1) + "\n"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_apk_has_the_scripts_of_pacman(name: str) -> None:
    scripts = example(name).scripts
    assert scripts["apk"] == {
        script.replace("_", "-").replace("remove", "deinstall"): text
        for script, text in scripts["archlinux"].items()
    }


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


# What is rendered for an app; the examples hold the programs that are the same for all.
LIBEXEC = tuple(
    f"libexec/{name}" for name in ("container", "directories", "environment", "secrets", "unit")
)


@pytest.mark.parametrize("name", SHAPES)
def test_golden_shapes(name: str) -> None:
    """What is special about the shape: what starts, the units, nginx."""
    special = ("/opt/shop/bin/shop-web", "/opt/shop/bin/shop-server", "/systemd/", "/etc/shop/")
    if name == "timers":
        special = (*special, "/shop-poll", "prerm", "postrm", "postun")
    if name == "secrets":
        special = ("shop-worker", "shop-web.", *LIBEXEC, "-run", "scripts/", "index")
    if name == "additions":
        special = ("-pip", ".pth", "/environment", "-run", "scripts/", "index")
    found = {
        path: text
        for path, text in everything(integrated(SHAPES[name])).items()
        if any(part in path for part in special) and "/opt/shop/etc/" not in path
    }
    directory = GOLDEN / "shapes" / name
    for path, text in found.items():
        assert_golden(directory / path, text)
    kept = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert kept == set(found)
