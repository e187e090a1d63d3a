"""The landing page: whole, escaped, and without anything from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from omnibuild.repository.clients.landing import landing_page, newest
from omnibuild.repository.publish import publish
from omnibuild.repository.state import Channel, Deb, Index, Repository
from tests.unit.repository.samples import PLATFORMS, package, signer

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
    content = Channel(debs={deb.digest: deb for deb in debs})
    content.suites["stable"] = Index(architectures=["amd64"], packages=list(content.debs))
    return content


def deb(name: str, version: str, summary: str = "A shop") -> Deb:
    return Deb(
        name=name,
        version=version,
        architecture="amd64",
        summary=summary,
        digest=name + version,
        size=46_300_000,
        path=f"pool/{name}.deb",
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


def test_only_the_newest_version_is_listed() -> None:
    text = landing_page(record(), {"stable": channel(deb("a", "1"), deb("a", "2"))}, "stable")
    assert "<td>2</td>" in text
    assert "<td>1</td>" not in text
    assert newest([]) == []


def test_without_an_address_a_person_fills_it_in() -> None:
    text = Page(landing_page(record(""), {"stable": channel()}, "stable")).text
    assert "install.sh | sudo sh -s -- --url https://repository.example PACKAGE" in text


@given(st.text(), st.text())
def test_foreign_text_is_escaped(title: str, summary: str) -> None:
    content = channel(deb("a", "1", f"<script>{summary}</script>"))
    page = Page(landing_page(record(title=f"<b>{title}"), {"stable": content}, "stable"))
    assert "script" not in page.tags
    assert "b" not in page.tags
