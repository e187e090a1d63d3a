"""What packages say that they are made of comes along with them, and goes with the last of them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.events import Event, Warned
from omnibuild.recipe.models import Platform
from omnibuild.repository import intake
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import publish, remove
from tests.unit.repository.mending.damage import WAYS, damage
from tests.unit.repository.samples import (
    DEBIAN_12,
    EL9,
    LINUX,
    PLATFORMS,
    listing,
    package,
    signer,
)
from tests.unit.repository.web.test_landing import Page

MANIFEST = json.dumps(
    {
        "components": [
            {"name": "zlib", "version": "1.3.1", "license": "Zlib", "source": {"sha256": "0"}},
            {"name": "cpython", "version": "3.13.5", "license": "PSF-2.0 <b>"},
        ],
        "python": [{"name": "flask", "version": "3.1.0", "file": "f.whl", "sha256": "1"}],
    }
)
PATH = f"manifests/{digests.of_bytes(MANIFEST.encode())}.json"
KINDS = pytest.mark.parametrize("platform", [DEBIAN_12, EL9, LINUX], ids=["deb", "rpm", "tarball"])


def add(root: Path, *files: Path, channel: str = "stable") -> None:
    publish(files, root, signer(), channel, PLATFORMS, "https://shop.example/r")


@KINDS
def test_who_publishes_what_was_built_quickly_is_told(tmp_path: Path, platform: Platform) -> None:
    def warnings(**more: str) -> list[str]:
        manifest = json.dumps({**json.loads(MANIFEST), "name": "hello", **more})
        events: list[Event] = []
        files = [package(tmp_path, platform=platform, manifest=manifest)]
        files.append(package(tmp_path, "other", platform=platform))
        root = tmp_path / more.get("profile", "quick")
        publish(files, root, signer(), platforms=PLATFORMS, emit=events.append)
        return [each.message for each in events if isinstance(each, Warned)]

    (told,) = warnings()
    assert told.startswith("hello was built without --release: omnibuild build hello --release ")
    assert warnings(profile="release") == []


@KINDS
def test_a_version_leads_to_its_manifest(tmp_path: Path, platform: Platform) -> None:
    root = tmp_path / "repository"
    add(root, package(tmp_path, platform=platform, manifest=MANIFEST))
    assert (root / PATH).read_text() == MANIFEST
    (row,) = json.loads((root / "packages.json").read_text())["packages"]
    assert row["manifest"] == PATH
    page = (root / "packages/hello.html").read_text()
    assert re.search(f'href="../{PATH}" aria-label="Manifest of hello[^"]*">manifest</a>', page)
    text = " ".join(Page(page).text.split())
    assert "Components: 2 cpython 3.13.5 PSF-2.0 <b> zlib 1.3.1 Zlib" in text
    assert "Python packages: 1 flask 3.1.0" in text
    assert "npm" not in text


def test_all_formats_of_a_version_share_it(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    add(root, *(package(tmp_path, platform=each, manifest=MANIFEST) for each in PLATFORMS))
    assert [str(path.relative_to(root)) for path in root.glob("manifests/*")] == [PATH]


@KINDS
def test_who_says_nothing_readable_has_none(tmp_path: Path, platform: Platform) -> None:
    root = tmp_path / "repository"
    for number, manifest in enumerate(("", "{}", "[", '{"components": 1}', "[" * 100_000)):
        name = f"hello{number}x"
        add(root, package(tmp_path, name, platform=platform, manifest=manifest))
        assert "manifest" not in (root / f"packages/{name}.html").read_text()
    assert not (root / "manifests").exists()
    assert "manifest" not in (root / "packages.json").read_text()
    assert check(root, deep=True).faults == []


def test_a_long_list_is_cut_on_the_page(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    many = [{"name": f"part{number:04}", "version": "1"} for number in range(1500)]
    add(root, package(tmp_path, manifest=json.dumps({"components": [], "python": many})))
    page = (root / "packages/hello.html").read_text()
    assert "And 1,200 more." in page
    assert len(page) < 50_000


@KINDS
def test_it_goes_with_promotions_and_with_the_last_that_needs_it(
    tmp_path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "repository"
    add(root, package(tmp_path, platform=platform, manifest=MANIFEST), package(tmp_path, "other"))
    promote(["hello=1.0"], root, signer(), "stable", "beta")
    assert "Components: 2" in Page((root / "packages/hello.html").read_text()).text
    remove(["hello"], root, signer(), reason="broken")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 10 * 86400)
    collect(root, now + 9 * 86400)
    assert (root / PATH).is_file()
    remove(["hello"], root, signer(), "beta")
    monkeypatch.setattr("time.time", lambda: now + 20 * 86400)
    collect(root, now + 19 * 86400)
    assert not (root / PATH).exists()
    assert check(root, deep=True).faults == []


@KINDS
@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_one_is_told_and_taken_out_of_its_package_again(
    tmp_path: Path, platform: Platform, way: str
) -> None:
    root = tmp_path / "repository"
    add(root, package(tmp_path, platform=platform, manifest=MANIFEST))
    before = listing(root)
    damage(root / PATH, way)
    (fault,) = check(root, deep=True).faults
    assert fault.place == str(root / PATH)
    done = repair(root, signer())
    assert [each.place for each in done.mended] == [str(root / PATH)]
    assert done.lost == []
    assert listing(root) == before


def test_whose_package_is_lost_too_is_told(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    add(root, package(tmp_path, manifest=MANIFEST))
    (deb,) = root.glob("apt/pool/main/h/hello/*.deb")
    damage(deb, "truncated")
    damage(root / PATH, "deleted")
    assert {each.place for each in repair(root, signer()).lost} == {str(deb), str(root / PATH)}


@KINDS
def test_what_is_inside_is_found_when_a_package_is_read(tmp_path: Path, platform: Platform) -> None:
    file = package(tmp_path, platform=platform, manifest=MANIFEST)
    assert intake.inspect(file).manifest == MANIFEST.encode()
