from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.recipe.models import Debian, Rpm, Tar
from tests.unit.package.samples import DEB, RPM, TAR, sample_payload

Package = Callable[..., Path]
Capture = pytest.CaptureFixture[str]
MANIFEST = "share/omnibuild/manifest.json"


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """What writes packages of the sample."""
    payload = sample_payload(tmp_path / "root")
    (tmp_path / "out").mkdir()

    def write(version: str, form: Debian | Rpm | Tar = DEB, depends: tuple[str, ...] = ()) -> Path:
        relations = dataclasses.replace(
            payload.metadata.relations, depends=(*payload.metadata.relations.depends, *depends)
        )
        metadata = dataclasses.replace(payload.metadata, version=version, relations=relations)
        named = dataclasses.replace(payload, metadata=metadata)
        return write_package(named, form, Making(tmp_path / "out")).path

    return write


def tree(base: Path, component: str, text: str) -> Path:
    """Make a directory that stands for a host's, with an app."""
    top = base / "opt/shop"
    (top / MANIFEST).parent.mkdir(parents=True)
    described = {"components": [{"name": "zlib", "version": component}]}
    (top / MANIFEST).write_text(json.dumps(described))
    (top / "app.py").write_text(text)
    return base


def diff(*words: object) -> int:
    return main(["artifact", "diff", *map(str, words)])


def test_a_package_and_its_copy(package: Package, capsys: Capture) -> None:
    path = package("1.0")
    assert diff(path, path) == 0
    assert capsys.readouterr().out.endswith("; the same\n")


def test_the_same_files_in_packages_that_say_other_things(
    package: Package, capsys: Capture
) -> None:
    first, second = package("1.0"), package("1.1")
    assert diff(first, second) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "changed Version  1.0-3, then 1.1-3"
    assert said[-1].endswith("; the same files, in other packages")


def test_relations_and_scripts_are_told_item_by_item(package: Package, capsys: Capture) -> None:
    first, second = package("1.0", RPM), package("1.1", RPM, depends=("mawk (>= 2)",))
    assert diff(first, second, "--json") == 1
    fields = {each["name"]: each for each in json.loads(capsys.readouterr().out)["fields"]}
    assert fields["requires"]["after"] == "mawk >= 2"
    assert fields["version"]["before"] == "0:1.0-3"


def test_formats_can_be_compared(package: Package, capsys: Capture) -> None:
    deb, rpm, tar = (package("1.0", form) for form in (DEB, RPM, TAR))
    # Configuration is where a deb's postinst lays it, as if it were a file of the package.
    assert diff(deb, rpm) == 1
    assert capsys.readouterr().out.endswith("; the same files, in other packages\n")
    assert diff(deb, tar) == 1
    lines = capsys.readouterr().out.splitlines()[:-1]
    # A tarball has its app's directory alone, and a copy of what is elsewhere.
    below = ("/", "etc/")
    assert all(line.split()[1].startswith(below) for line in lines), lines


def test_rights_are_told(package: Package, tmp_path: Path, capsys: Capture) -> None:
    payload = sample_payload(tmp_path / "other")
    changed = dataclasses.replace(
        payload,
        owners={"/opt/hello/share/empty": ("hello", "hello")},
        capabilities={"/opt/hello/bin/hallo": "cap_net_raw=ep"},
    )
    first = package("1.0", RPM)
    (tmp_path / "more").mkdir()
    second = write_package(changed, RPM, Making(tmp_path / "more")).path
    assert diff(first, second, "--json") == 1
    files = {each["name"]: each for each in json.loads(capsys.readouterr().out)["files"]}
    assert files["share/empty"]["after"].endswith(", of hello:hello")
    assert files["bin/hallo"]["after"].endswith(", cap_net_raw=ep")


def test_versions_and_files_are_told(tmp_path: Path, capsys: Capture) -> None:
    first = tree(tmp_path / "1", "1.3", "1")
    second = tree(tmp_path / "2", "1.3.1", "1234")
    (second / "opt/shop/link").symlink_to("app.py")
    assert diff(first, second) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "changed component zlib  1.3, then 1.3.1"
    assert said[1:-1] == [
        "changed app.py  +3 B",
        "added   link",
        f"changed {MANIFEST}  +2 B",
    ]
    assert diff(first, second, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["parts"][0]["after"] == "1.3.1"
    assert document["files"][1]["after"] == "a symlink to app.py"


def test_names_do_not_draw_on_a_terminal(tmp_path: Path, capsys: Capture) -> None:
    first, second = tree(tmp_path / "1", "1", ""), tree(tmp_path / "2", "\33[2J", "")
    (second / "opt/shop/\33[31m\nred").write_text("")
    assert diff(first, second) == 1
    said = capsys.readouterr().out
    assert "\33" not in said
    assert len(said.splitlines()) == 4


def test_many_files_are_counted(tmp_path: Path, capsys: Capture) -> None:
    first, second = tree(tmp_path / "1", "1", ""), tree(tmp_path / "2", "1", "")
    for number in range(70):
        (second / f"opt/shop/{number:02}").write_text("")
    assert diff(first, second) == 1
    assert "and 10 files more; --json tells all" in capsys.readouterr().out


def test_what_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    assert diff(tmp_path / "a.deb", tmp_path) == 2
    assert "there is no file or directory" in capsys.readouterr().err
