"""The landing page: whole, escaped, and without anything from elsewhere."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.repository.publish import publish
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import Deb, Download
from omnibuild.repository.state.head import Repository
from omnibuild.repository.targets.directory import DirectoryTarget
from omnibuild.repository.web.catalogue import catalogued
from omnibuild.repository.web.document import text as escaped
from omnibuild.repository.web.landing import landing_page
from omnibuild.repository.web.listing import Row, newest, offers, offers_of
from omnibuild.repository.web.lists import front_of, lists
from omnibuild.repository.web.package import Known, package_page
from omnibuild.repository.web.programs import overview
from omnibuild.repository.web.site import Site
from tests.unit.repository.samples import DEBIAN_11, EL9, LINUX, PLATFORMS, package, signer
from tests.unit.repository.test_ledger import Memory

VOID = {"meta", "link", "br"}
ICON = "data:,"
HOMEPAGE = "https://shop.example"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


class Page(HTMLParser):
    """Reads a page; every element that is opened must be closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.policy = ""
        self.inline: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert not self.open
        # What runs is what the policy names, and that is ours.
        assert self.tags.count("script") == self.tags.count("style") == 1
        for kind, said in self.inline.items():
            digest = b64encode(hashlib.sha256(said.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in self.policy

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        assert not [name for name in given if name.startswith("on") or name in ("src", "style")]
        href = given.get("href") or ICON
        self.links += [href] if href != ICON and not href.startswith("#") else []
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] in (["script"], ["style"]):
            self.inline[self.open[-1]] = self.inline.get(self.open[-1], "") + data
        else:
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
    assert "curl -fsSL https://shop.example/r/install.sh | sudo sh -s -- hello" in page.text
    assert signer().fingerprint in page.text.replace(" ", "")
    assert "stable-deb11" in page.text
    for link in page.links:
        assert (root / link).is_file(), link
    for path in (root / "packages").iterdir():
        for link in Page(path.read_text()).links:
            assert (path.parent / link.partition("#")[0]).is_file() or link == HOMEPAGE, link


def site(record: Repository, channels: dict[str, Channel]) -> dict[str, str]:
    """Return all pages, of channels that are written nowhere but here."""
    target = Memory()
    place = Site.of(record, channels, "stable")
    found = offers(channels)
    edition = catalogued(target, place.first, found)
    few = front_of(target, edition)
    return {
        "index.html": landing_page(place, channels, edition, few),
        "packages.json": overview(place, channels, few.rows if few else None, edition.leaves),
        **{
            f"packages/{name}.html": package_page(place, name, Known(found[name]), target.read)
            for name in found
        },
        **({} if few else dict(lists(target, place, edition))),
    }


def rows_of(content: Channel) -> list[Row]:
    return [offer.row for offer in offers_of("stable", content)]


def front(record: Repository, content: Channel) -> str:
    return site(record, {"stable": content})["index.html"]


@pytest.mark.parametrize("order", [("1.9", "1.10~rc1", "1.10"), ("1.10", "1.10~rc1", "1.9")])
def test_only_the_newest_version_is_listed_whenever_it_came(order: tuple[str, ...]) -> None:
    text = front(record(), channel(*(deb("a", version) for version in order)))
    assert '<span class="version">1.10</span>' in text
    assert "1.9" not in text
    assert "rc1" not in text
    assert newest([]) == []


def test_rpms_and_tarballs_have_orders_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    for version in ("1.10", "1.9"):
        files = [package(tmp_path, version=version, platform=p) for p in (EL9, LINUX)]
        publish(files, root, signer(), platforms=PLATFORMS)
    text = (root / "index.html").read_text()
    assert '<span class="version">1.10-1</span>' in text
    assert "1.9" not in text
    found = msgspec.json.decode((root / "packages.json").read_bytes())["packages"]
    assert [(each["format"], each["version"]) for each in found] == [
        ("tar", "1.10"),
        ("rpm", "1.10-1"),
    ]
    # The example of the instructions is the newest, too.
    assert "downloads/hello-1.10-linux-x86_64.tar.zst.asc" in text


def test_who_changes_its_architecture_is_the_same_package() -> None:
    """Also a package for all architectures is only listed where it is some host's newest."""
    newer, older = deb("a", "2.0"), msgspec.structs.replace(deb("a", "1.0"), architecture="all")
    for debs in ((newer, older), (older, newer)):
        content = channel(*debs)
        assert [row.version for row in newest(rows_of(content))] == ["2.0"]
        content.suite("stable").add_architecture("arm64")
        assert [row.version for row in newest(rows_of(content))] == ["1.0", "2.0"]


def test_names_of_tarballs_may_end_in_numbers() -> None:
    names = [f"{name}-linux-x86_64.tar.zst" for name in ("shop-1.5", "shop-2-1.0", "shop-1.10")]
    content = downloads(*names)
    rows = [(row.name, row.version) for row in newest(rows_of(content))]
    assert rows == [("shop", "1.10"), ("shop-2", "1.0")]


def test_pex_files_are_listed_beside_tarballs() -> None:
    names = ["shop-1.5.pex", "shop-2-1.0.pex", "shop-1.10-linux-x86_64.pex", "shop-1.4.tar.zst"]
    content = downloads(*names)
    rows = {(row.name, row.version, row.architecture) for row in rows_of(content)}
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
    assert "any Linux with Python" in page


def test_pex_files_alone_are_not_for_the_installer() -> None:
    content = downloads("shop-1.5.pex")
    page = front(record(), content)
    assert "install.sh" not in page
    own = site(record(), {"stable": content})["packages/shop.html"]
    assert "install.sh" not in own
    assert "../downloads/shop-1.5.pex" in own


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
        if link.startswith("lists/"):
            hrefs += [href for href in Page(found[link]).links if href.startswith("../packages/")]
    names = sorted(deb.name for deb in content.suites["stable"])
    assert sorted(hrefs) == [f"../packages/{name}.html" for name in names]
    for deb in list(content.suites["stable"])[::100]:
        assert f"../apt/{deb.path}" in Page(found[f"packages/{deb.name}.html"]).links


def test_one_more_package_changes_one_page() -> None:
    before = site(record(), {"stable": many(1000)})
    content = many(1000)
    content.suite("stable").list("amd64").put(deb("a-package-00011", "1.0"))
    after = site(record(), {"stable": content})
    changed = {path for path in after if after[path] != before.get(path)}
    # The front page says how many there are.
    changed -= {"index.html", "packages/a-package-00011.html"}
    assert len(changed) == 2, "a list, and its JSON"
    assert all("a-package-00011" in after[path] for path in changed)


def test_programs_find_every_package() -> None:
    few = msgspec.json.decode(site(record(), {"stable": many(3)})["packages.json"])
    assert few == {
        "repository": {
            "name": "shop",
            "title": "Shop",
            "url": "https://shop.example",
            "fingerprint": FINGERPRINT,
            "key": "keys/shop.asc",
        },
        "channels": ["stable"],
        "packages": [
            {
                "name": f"{letter}-package-{number:05}",
                "version": "1.0",
                "architecture": "amd64",
                "format": "deb",
                "channel": "stable",
                "suite": "stable",
                "systems": [],
                "size": 46_300_000,
                "sha256": f"{letter}-package-{number:05}1.0",
                "path": f"apt/pool/{letter}-package-{number:05}_1.0.deb",
            }
            for number, letter in enumerate("abc")
        ],
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
    assert not (root / "lists").exists()
    (root / "lists").mkdir()
    for old in ("packages/x.html", "lists/x.html"):
        (root / old).write_text("old")
    publish([], root, signer(), platforms=PLATFORMS)
    assert [path.name for path in (root / "packages").iterdir()] == ["hello.html"]
    assert list((root / "lists").iterdir()) == []


def test_without_an_address_a_person_fills_it_in() -> None:
    text = Page(front(record(""), channel())).text
    assert "install.sh | sudo sh -s -- --url https://repository.example PACKAGE" in text


@given(st.text(), st.text())
def test_foreign_text_is_escaped(title: str, summary: str) -> None:
    content = channel(deb("a", "1", f"<script>{summary}</script>"))
    for page in site(record(title=f"<b>{title}"), {"stable": content}).values():
        if page.startswith("<!DOCTYPE"):
            assert "b" not in Page(page).tags
            assert escaped(f"<script>{summary}</script>") in page


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
