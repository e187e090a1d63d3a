from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.payload.model import Relations
from omnibuild.recipe.models import Debian, Rpm, Tar
from tests.unit.package.samples import DEB, RPM, TAR, sample_payload, write

Capture = pytest.CaptureFixture[str]
SCRIPTS = {"deb": ("postinst", "prerm"), "rpm": ("post", "preun")}
SITE = "opt/shop/lib/python3.13/site-packages"


def inspect(*words: object) -> int:
    return main(["artifact", "inspect", *map(str, words)])


@pytest.mark.parametrize("form", [DEB, RPM, TAR], ids=["deb", "rpm", "tar"])
def test_a_package_of_any_format(tmp_path: Path, capsys: Capture, form: Debian | Rpm | Tar) -> None:
    (tmp_path / "out").mkdir()
    path = write_package(sample_payload(tmp_path / "root"), form, Making(tmp_path / "out")).path
    assert inspect(path) == 0
    text = capsys.readouterr().out
    assert "installed: 10.3 kB in " in text
    assert inspect(path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    if form is TAR:
        assert (found["name"], found["said"]) == (path.name, {})
    else:
        assert (found["name"], found["version"]) == ("hello", "1.4.2-3")
        assert found["architecture"] == form.architecture
    assert [part["name"] for part in found["parts"]] == ["everything else"]


@pytest.mark.parametrize("form", [DEB, RPM], ids=["deb", "rpm"])
def test_relations_are_told_once_and_lines_as_lines(
    tmp_path: Path, capsys: Capture, form: Debian | Rpm
) -> None:
    (tmp_path / "out").mkdir()
    payload = sample_payload(tmp_path / "root")
    text = "First it greets.\n\nThen it goes:\n- far\n- away"
    metadata = replace(payload.metadata, description=text)
    scripts = {form: dict.fromkeys(names, "#!/bin/sh\nexit 0\n") for form, names in SCRIPTS.items()}
    payload = replace(payload, metadata=metadata, scripts=scripts)
    path = write_package(payload, form, Making(tmp_path / "out")).path
    assert inspect(path) == 0
    told = capsys.readouterr().out
    assert told.count("/bin/sh") == (form is RPM)
    for line in ("First it greets.", "Then it goes:", "- far", "- away"):
        assert f"\n  {line}\n" in told or f"\ndescription: {line}\n" in told, told


def test_many_items_of_a_field_are_lines(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "out").mkdir()
    payload = sample_payload(tmp_path / "root")
    names = tuple(f"package-with-a-long-name-{number}" for number in range(20))
    metadata = replace(payload.metadata, relations=Relations(suggests=names))
    payload = replace(payload, metadata=metadata)
    assert inspect(write_package(payload, DEB, Making(tmp_path / "out")).path) == 0
    told = capsys.readouterr().out
    assert f"\nSuggests: {names[0]}\n  {names[1]}\n" in told
    assert f"\n  {names[11]}\n  …\n" in told


def tree(base: Path, installed: object) -> Path:
    """Make a directory that stands for a host's, with an app of two parts."""
    described = {
        "components": [{"name": "zlib", "version": "1.3"}, {"name": "gcc", "version": "10"}],
        "python": [{"name": "shop", "file": ""}],
        "installed": installed,
    }
    write(base, "opt/shop/share/omnibuild/manifest.json", json.dumps(described).encode())
    write(base, "opt/shop/lib/libz.so", b"z" * 3000)
    info = f"{SITE}/shop-1.0.dist-info"
    write(base, f"{info}/METADATA", b"Name: shop\nVersion: 1.0\n")
    write(base, f"{info}/RECORD", b"shop.py,,\n")
    write(base, f"{SITE}/shop.py", b"s" * 2000)
    return base


def parts(capsys: Capture, path: Path) -> dict[str, tuple[str, int]]:
    assert inspect(path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(part["size"] for part in found["parts"]) == found["size"]
    return {part["name"]: (part["version"], part["size"]) for part in found["parts"]}


def test_parts_are_those_of_the_manifest(tmp_path: Path, capsys: Capture) -> None:
    sizes = {"zlib": 3000, "root:gcc": 5, "python:shop": 2000, "recipe:steps": 7}
    found = parts(capsys, tree(tmp_path, sizes))
    assert list(found) == [
        "component zlib",
        "project shop",
        "the recipe's own build",
        "component gcc",
        "everything else",
    ]
    assert found["component zlib"] == ("1.3", 3000)
    assert found["project shop"] == ("1.0", 2000)


@pytest.mark.parametrize("installed", [None, [], {"zlib": "3000", "python:x": -1}, {}])
def test_where_it_says_nothing_distributions_are_known_by_their_own_lists(
    tmp_path: Path, capsys: Capture, installed: object
) -> None:
    found = parts(capsys, tree(tmp_path, installed))
    assert list(found) == ["project shop", "everything else"]
    assert found["project shop"] == ("1.0", 2000)


def test_what_is_no_package(tmp_path: Path, capsys: Capture) -> None:
    assert inspect(tmp_path / "missing.deb") == 2
    (tmp_path / "x.deb").write_bytes(b"!<arch>\n")
    assert inspect(tmp_path / "x.deb") == 7
    assert capsys.readouterr().out == ""
