"""What is read of OSV, and which trees are told of it."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from omnibuild.errors import UsageError
from omnibuild.repository import layout
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.head import load
from omnibuild.repository.targets import open_target
from omnibuild.repository.yum.advisories import read_advisories
from tests.unit.repository.samples import EL9, PLATFORMS, listing, package, signer

RECORD: dict[str, Any] = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "modified": "2026-03-02T10:00:00Z",
    "published": "2026-03-01T10:00:00.5Z",
    "summary": "Logins <need> no password",
    "details": "Anybody\u0000 can & does.",
    "aliases": ["CVE-2026-12345", "PYSEC-2026-1"],
    "references": [{"type": "WEB", "url": "https://shop.example/advisories/1?a=b&c"}],
    "database_specific": {"severity": "HIGH"},
    "affected": [{"package": {"ecosystem": "PyPI", "name": "shop"}}],
}


def written(directory: Path, document: object) -> Path:
    path = directory / "advisories.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def updates(root: Path, channel: str = "stable") -> list[dict[str, object]]:
    """Return what each updateinfo that repomd.xml names says, the same in all generations."""
    found = []
    for repomd in root.glob(f"yum/{channel}/el9/x86_64/**/repomd.xml"):
        directory = repomd.parents[1]
        if directory.name.startswith("gen-"):
            named = (directory.parent / "mirrorlist").read_text().strip().split("/")[-2]
            if named != directory.name:
                continue
        data = ElementTree.fromstring(repomd.read_bytes())  # noqa: S314
        hrefs = [each.get("href") or "" for each in data.iter() if each.tag.endswith("location")]
        names = [href for href in hrefs if href.endswith("-updateinfo.xml.gz")]
        text = gzip.decompress((directory / names[0]).read_bytes()) if names else b"<updates/>"
        document = ElementTree.fromstring(text)  # noqa: S314
        found.append([_said(each) for each in document])
    assert found
    assert all(each == found[0] for each in found)
    return found[0]


def _said(update: ElementTree.Element) -> dict[str, object]:
    return {
        "id": update.findtext("id"),
        "title": update.findtext("title"),
        "severity": update.findtext("severity"),
        "type": update.get("type"),
        "cves": [e.get("id") for e in update.iter("reference") if e.get("type") == "cve"],
        "packages": sorted(e.text or "" for e in update.iter("filename")),
    }


def test_what_is_read(tmp_path: Path) -> None:
    for document in (RECORD, [RECORD], {"vulns": [RECORD]}):
        (advisory,) = read_advisories(written(tmp_path, document))
        assert advisory.name == "GHSA-aaaa-bbbb-cccc"
        assert advisory.severity == "Important"
        assert advisory.description == "Anybody  can & does."
        assert (advisory.issued, advisory.updated) == (1772359200, 1772445600)
        assert [each.kind for each in advisory.references] == ["cve", "other"]


def test_little_is_enough(tmp_path: Path) -> None:
    record = {"id": "CVE-2026-12345", "modified": "2026-03-02T10:00:00Z"}
    (advisory,) = read_advisories(written(tmp_path, record))
    assert (advisory.title, advisory.severity, advisory.issued) == (
        "CVE-2026-12345",
        "",
        advisory.updated,
    )
    assert [each.name for each in advisory.references] == ["CVE-2026-12345"]


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        "7",
        "[" * 100_000,
        '{"vulns": 7}',
        {},
        {**RECORD, "id": "../x"},
        {**RECORD, "id": "a" * 101},
        {**RECORD, "modified": "yesterday"},
        {**RECORD, "withdrawn": "2026-03-03T10:00:00Z"},
        {**RECORD, "summary": "x" * 1001},
        {**RECORD, "references": [{"type": "WEB", "url": "javascript:alert(1)"}]},
        [RECORD, RECORD],
        [{**RECORD, "id": f"X-{n}"} for n in range(1001)],
    ],
)
def test_what_is_refused(tmp_path: Path, document: object) -> None:
    path = written(tmp_path, document)
    with pytest.raises(UsageError, match="tells of no advisories") as error:
        read_advisories(path)
    assert error.value.where
    assert error.value.why


def test_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "advisories.json"
    with path.open("wb") as stream:
        stream.truncate((16 << 20) + 1)
    with pytest.raises(UsageError, match="tells of no advisories"):
        read_advisories(path)


def test_an_advisory_goes_with_its_packages(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    advisories = read_advisories(written(tmp_path, RECORD))

    def into(channel: str, version: str, **options: Any) -> None:
        rpm = package(tmp_path, "shop", version, platform=EL9)
        url = "https://shop.example/repo"
        publish([rpm], root, signer(), channel, PLATFORMS, url, **options)

    into("testing", "1.0")
    assert updates(root, "testing") == []
    into("testing", "1.1", advisories=advisories)
    said = {
        "id": "GHSA-aaaa-bbbb-cccc",
        "title": "Logins <need> no password",
        "severity": "Important",
        "type": "security",
        "cves": ["CVE-2026-12345"],
        "packages": ["shop-1.1-1.x86_64.rpm"],
    }
    assert updates(root, "testing") == [said]
    before = listing(root)
    into("testing", "1.1", advisories=advisories)
    assert listing(root) == before
    # A later release mends it, too.
    into("testing", "1.2", advisories=advisories)
    both = {**said, "packages": ["shop-1.1-1.x86_64.rpm", "shop-1.2-1.x86_64.rpm"]}
    assert updates(root, "testing") == [both]
    # What the other channel holds it is told of, and nothing else.
    promote(["shop=1.0"], root, signer(), "testing", "stable")
    assert updates(root) == []
    promote(["shop=1.1"], root, signer(), "testing", "stable")
    assert updates(root) == [said]
    assert check(root, deep=True).faults == []
    demote(root, signer(), "testing")
    assert updates(root, "testing") == [said]
    remove(["shop=1.1"], root, signer(), "stable", reason="it is worse")
    assert updates(root) == []
    assert check(root, deep=True).faults == []


def test_an_advisory_can_come_later_than_its_package(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    rpm = package(tmp_path, "shop", platform=EL9)
    for channel in ("testing", "stable"):
        publish([rpm], root, signer(), channel, PLATFORMS)
    advisories = read_advisories(written(tmp_path, RECORD))
    publish([rpm], root, signer(), "testing", PLATFORMS, advisories=advisories)
    assert [each["id"] for each in updates(root, "testing")] == [RECORD["id"]]
    assert updates(root) == []
    promote([], root, signer(), "testing", "stable")
    assert [each["id"] for each in updates(root)] == [RECORD["id"]]


def test_a_repair_makes_advisories_again_of_what_hosts_are_told(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    advisories = read_advisories(written(tmp_path, RECORD))
    rpms = [package(tmp_path, "shop", version, platform=EL9) for version in ("1.0", "1.1")]
    publish(rpms, root, signer(), "stable", PLATFORMS, advisories=advisories)
    said, held = updates(root), load(open_target(root)).channels["stable"].advisories
    leaf = root / layout.leaf(held.leaves[0].digest)
    before = leaf.read_bytes()
    leaf.unlink()
    done = repair(root, signer())
    assert [(each.place, each.what) for each in done.mended] == [(str(leaf), "the same bytes")]
    assert leaf.read_bytes() == before
    shutil.rmtree(root / "state")
    assert repair(root, signer()).lost == []
    assert list(load(open_target(root)).channels["stable"].advisories) == list(held)
    assert updates(root) == said
    assert check(root, deep=True).faults == []
