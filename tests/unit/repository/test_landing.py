"""The landing page: whole, escaped, and without anything from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.repository.clients.catalogue import catalogued
from omnibuild.repository.clients.landing import first_channel, landing_page
from omnibuild.repository.clients.listing import newest, rows_of
from omnibuild.repository.clients.packages import as_json, front_rows, pages
from omnibuild.repository.publish import publish
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import Deb, Download
from omnibuild.repository.state.head import Repository
from omnibuild.repository.targets.directory import DirectoryTarget
from tests.unit.repository.samples import DEBIAN_11, EL9, LINUX, PLATFORMS, package, signer
from tests.unit.repository.test_ledger import Memory

VOID = {"meta", "link", "br"}
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


class Page(HTMLParser):
    """Reads a page; every element that is opened must be closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def channel(*debs: Deb) -> Channel:
    content = Channel.of(DirectoryTarget(Path("nowhere")))
    for each in debs:
        content.suite("stable").list(each.architecture).put(each)
    content.suite("stable").add_architecture("amd64")
    return content


def downloads(*names: str) -> Channel:
    content = Channel.of(DirectoryTarget(Path("nowhere")))
    for name in names:
        content.downloads.put(Download(name=name, digest="", size=1))
    return content


def deb(name: str, version: str, summary: str = "A shop") -> Deb:
    return Deb(
        name=name,
        version=version,
        architecture="amd64",
        summary=summary,
        digest=name + version,
        size=46_300_000,
        path=f"pool/{name}_{version}.deb",
        stanza="",
    )


def record(base_url: str = "https://shop.example", title: str = "Shop") -> Repository:
    return Repository(name="shop", title=title, fingerprint=FINGERPRINT, base_url=base_url)


def test_a_page_of_a_real_repository(tmp_path: Path) -> None:
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    root = tmp_path / "repository"
    publish(files, root, signer(), platforms=PLATFORMS, base_url="https://shop.example/r")
    page = Page((root / "index.html").read_text())
    assert "script" not in page.tags
    assert "curl -fsSL https://shop.example/r/install.sh | sudo sh -s -- hello" in page.text
    assert signer().fingerprint in page.text.replace(" ", "")
    assert "stable-deb11" in page.text
    for link in page.links:
        assert (root / link).is_file(), link


def site(record: Repository, channels: dict[str, Channel]) -> dict[str, str]:
    """Return all pages, of channels that are written nowhere but here."""
    target = Memory()
    edition = catalogued(target, first_channel(channels, "stable"), channels)
    rows = front_rows(target, edition)
    listed = as_json(rows or (), () if rows is not None else edition.leaves)
    return {
        "index.html": landing_page(record, channels, "stable", edition, rows),
        "packages.json": listed,
        **(dict(pages(target, record, edition)) if rows is None else {}),
    }


def front(record: Repository, content: Channel) -> str:
    return site(record, {"stable": content})["index.html"]


@pytest.mark.parametrize("order", [("1.9", "1.10~rc1", "1.10"), ("1.10", "1.10~rc1", "1.9")])
def test_only_the_newest_version_is_listed_whenever_it_came(order: tuple[str, ...]) -> None:
    text = front(record(), channel(*(deb("a", version) for version in order)))
    assert "<td>1.10</td>" in text
    assert "<td>1.9</td>" not in text
    assert "rc1" not in text
    assert newest([]) == []


def test_rpms_and_tarballs_have_orders_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    for version in ("1.10", "1.9"):
        files = [package(tmp_path, version=version, platform=p) for p in (EL9, LINUX)]
        publish(files, root, signer(), platforms=PLATFORMS)
    text = (root / "index.html").read_text()
    assert "<td>1.10-1</td>" in text
    assert "<td>1.10</td><td>linux-x86_64</td>" in text
    assert "<td>1.9" not in text
    # The example of the instructions is the newest, too.
    assert "downloads/hello-1.10-linux-x86_64.tar.zst.asc" in text


def test_who_changes_its_architecture_is_the_same_package() -> None:
    """Also a package for all architectures is only listed where it is some host's newest."""
    newer, older = deb("a", "2.0"), msgspec.structs.replace(deb("a", "1.0"), architecture="all")
    for debs in ((newer, older), (older, newer)):
        content = channel(*debs)
        assert [row.version for row in newest(rows_of("stable", content))] == ["2.0"]
        content.suite("stable").add_architecture("arm64")
        assert [row.version for row in newest(rows_of("stable", content))] == ["1.0", "2.0"]


def test_names_of_tarballs_may_end_in_numbers() -> None:
    names = [f"{name}-linux-x86_64.tar.zst" for name in ("shop-1.5", "shop-2-1.0", "shop-1.10")]
    content = downloads(*names)
    rows = [(row.name, row.version) for row in newest(rows_of("stable", content))]
    assert rows == [("shop", "1.10"), ("shop-2", "1.0")]


def test_pex_files_are_listed_beside_tarballs() -> None:
    names = ["shop-1.5.pex", "shop-2-1.0.pex", "shop-1.10-linux-x86_64.pex", "shop-1.4.tar.zst"]
    content = downloads(*names)
    rows = {(row.name, row.version, row.architecture) for row in rows_of("stable", content)}
    assert rows == {
        ("shop", "1.5", ""),
        ("shop-2", "1.0", ""),
        ("shop", "1.10", "linux-x86_64"),
        ("shop-1.4.tar.zst", "", ""),
    }
    page = front(record(), content)
    # Instructions are for tarballs.
    assert "tar -xf shop-1.4.tar.zst" in page
    assert "tar -xf shop-1.5.pex" not in page
    assert "PEX file" in page


def test_pex_files_alone_are_not_for_the_installer() -> None:
    content = downloads("shop-1.5.pex")
    page = front(record(), content)
    assert "install.sh" not in page
    assert "downloads/shop-1.5.pex" in page


def many(count: int) -> Channel:
    names = [f"{'abcdefghij'[n % 10]}-package-{n:05}" for n in range(count)]
    return channel(*(deb(name, "1.0", "What it does, in words") for name in names))


def test_ten_thousand_packages_are_found_page_by_page() -> None:
    content = many(10_000)
    found = site(record(), {"stable": content})
    assert max(len(text) for text in found.values()) < 150_000
    assert len(found["index.html"]) < 30_000
    hrefs: list[str] = []
    for link in Page(found["index.html"]).links:
        if link.startswith("packages/"):
            page = Page(found[link])
            assert "script" not in page.tags
            hrefs += [href for href in page.links if href.startswith("../apt/")]
    assert sorted(hrefs) == sorted(f"../apt/{deb.path}" for deb in content.suites["stable"])


def test_one_more_package_changes_one_page() -> None:
    before = site(record(), {"stable": many(1000)})
    content = many(1000)
    content.suite("stable").list("amd64").put(deb("a-package-00011", "1.0"))
    after = site(record(), {"stable": content})
    changed = {path for path in after if after[path] != before.get(path)}
    assert len(changed) == 2, "a page, and its JSON"
    assert all("a-package-00011" in after[path] for path in changed)


def test_programs_find_every_package() -> None:
    few = msgspec.json.decode(site(record(), {"stable": many(3)})["packages.json"])
    assert few == {
        "packages": [
            {
                "name": f"{letter}-package-{number:05}",
                "version": "1.0",
                "architecture": "amd64",
                "format": "deb",
                "channel": "stable",
                "suite": "stable",
                "size": 46_300_000,
                "sha256": f"{letter}-package-{number:05}1.0",
                "path": f"apt/pool/{letter}-package-{number:05}_1.0.deb",
            }
            for number, letter in enumerate("abc")
        ]
    }
    found = site(record(), {"stable": many(1000)})
    pages = msgspec.json.decode(found["packages.json"])["pages"]
    names: list[str] = []
    for page in pages:
        rows = msgspec.json.decode(found[page["path"]])["packages"]
        assert rows[0]["name"] == page["first"]
        names += [row["name"] for row in rows]
    assert len(names) == 1000
    assert names == sorted(names)


def test_pages_that_nothing_is_on_any_more_go(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, signer(), platforms=PLATFORMS)
    assert not (root / "packages").exists()
    (root / "packages").mkdir()
    (root / "packages/x.html").write_text("old")
    publish([], root, signer(), platforms=PLATFORMS)
    assert list((root / "packages").iterdir()) == []


def test_without_an_address_a_person_fills_it_in() -> None:
    text = Page(front(record(""), channel())).text
    assert "install.sh | sudo sh -s -- --url https://repository.example PACKAGE" in text


@given(st.text(), st.text())
def test_foreign_text_is_escaped(title: str, summary: str) -> None:
    content = channel(deb("a", "1", f"<script>{summary}</script>"))
    page = Page(front(record(title=f"<b>{title}"), content))
    assert "script" not in page.tags
    assert "b" not in page.tags


def published(tmp_path: Path, *files: Path, channel: str = "stable") -> str:
    root = tmp_path / "repository"
    publish(files, root, signer(), channel, PLATFORMS, "https://shop.example/r")
    return Page((root / "index.html").read_text()).text


def test_only_what_is_there_is_promised(tmp_path: Path) -> None:
    text = published(tmp_path, package(tmp_path))
    assert "For Debian 12." in text
    assert "Signed packages for apt." in text
    for absent in ("Debian 11", "deb11", "Enterprise Linux", "dnf", "Tarball", "zstd", ".target"):
        assert absent not in text, absent


def test_the_one_suite_that_holds_something_is_the_one_to_follow(tmp_path: Path) -> None:
    text = published(tmp_path, package(tmp_path, platform=DEBIAN_11))
    assert "For Debian 11." in text
    assert "Suites: stable-deb11\n" in text
    assert "Debian 12" not in text


def test_services_of_rpms_are_told_with_a_condition(tmp_path: Path) -> None:
    text = published(tmp_path, package(tmp_path, platform=EL9))
    assert "Signed packages for dnf." in text
    assert "If the package has services, they wait to be started:" in text
    assert "apt-get" not in text


def test_tarballs_alone_are_for_users(tmp_path: Path) -> None:
    text = published(tmp_path, package(tmp_path, platform=LINUX))
    assert "Signed packages for plain Linux." in text
    assert "sudo sh" not in text
    assert "curl -fsSL https://shop.example/r/install.sh | sh -s -- --user hello" in text
    assert "tar -xf hello-1.0-linux-x86_64.tar.zst" in text


def test_who_wants_what_only_another_channel_has_is_told_its_option(tmp_path: Path) -> None:
    published(tmp_path)
    text = published(tmp_path, package(tmp_path), channel="beta")
    assert "sudo sh -s -- --channel beta hello\n" in text
    assert "sudo sh install.sh --channel beta hello\n" in text
    assert "Suites: beta\n" in text
    text = published(tmp_path, package(tmp_path, "shop"))
    assert "sudo sh -s -- shop\n" in text
    assert "What is only in the channel beta comes with --channel beta before" in text
    assert "What is only" not in published(tmp_path, package(tmp_path))


def test_a_family_that_only_another_channel_has_is_shown_there(tmp_path: Path) -> None:
    published(tmp_path, package(tmp_path))
    text = published(tmp_path, package(tmp_path, "shop", platform=EL9), channel="beta")
    assert "Signed packages for apt and dnf." in text
    assert "For Debian 12." in text
    assert "Suites: stable\n" in text
    assert "/yum/beta/el9/$basearch" in text
    assert "sudo dnf install shop" in text
    assert "What is only in the channel beta" in text
    # Also what is called alike, and is for others or newer.
    for file in (package(tmp_path, platform=EL9), package(tmp_path, version="2.0")):
        text = published(tmp_path / file.stem, package(tmp_path))
        assert "What is only" not in text
        assert "What is only" in published(tmp_path / file.stem, file, channel="beta")
