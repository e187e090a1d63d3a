"""The page of one package: its versions, where each is, how it is installed, what changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from msgspec.structs import replace

from omnibuild.payload.model import Change
from omnibuild.recipe.models import Platform
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.publish import publish, remove
from tests.unit.repository.samples import (
    DEBIAN_11,
    DEBIAN_12,
    EL9,
    LINUX,
    PLATFORMS,
    package,
    signer,
)
from tests.unit.repository.web.test_landing import Page

URL = "https://shop.example/r"
CHANGES = (
    Change("1.1-1", 1_710_000_000, "Shop team <team@shop.example>", ("Sells <b>more</b>.",)),
    Change("1.0-1", 1_700_000_000, "Shop team <team@shop.example>", ("Sells.", "Sends.")),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def add(root: Path, *files: Path, channel: str = "stable", url: str = URL) -> None:
    publish(files, root, signer(), channel, PLATFORMS, url)


def page(root: Path, name: str = "hello") -> str:
    return (root / f"packages/{name}.html").read_text()


def rows(root: Path, name: str = "hello") -> list[tuple[str, ...]]:
    """Return version, channels, hosts and file of each row, as people read them."""
    found = re.findall("<tr[^>]*><th scope=.row.>(.*?)</tr>", page(root, name), re.DOTALL)
    cells = [re.split("</t[hd]><td[^>]*>", each.removesuffix("</td>")) for each in found]
    return [tuple(unescape(re.sub("<[^>]*>", "", cell)) for cell in row) for row in cells]


def test_all_versions_are_there_the_newest_first(tmp_path: Path, root: Path) -> None:
    for version in ("1.10", "1.9", "2.0~rc1"):
        add(root, *(package(tmp_path, version=version, platform=p) for p in PLATFORMS))
    assert [row[0] for row in rows(root)] == [
        *("2.0~rc1-1", "2.0~rc1-1", "2.0~rc1-1~deb11", "2.0~rc1"),
        *("1.10-1", "1.10-1", "1.10-1~deb11", "1.10"),
        *("1.9-1", "1.9-1", "1.9-1~deb11", "1.9"),
    ]
    assert len({row[3] for row in rows(root)}) == 12


def test_each_says_its_channels_and_hosts(tmp_path: Path, root: Path) -> None:
    file = package(tmp_path)
    add(root, file, package(tmp_path, platform=EL9), package(tmp_path, platform=DEBIAN_11))
    add(root, file, package(tmp_path, platform=EL9), channel="beta")
    add(root, package(tmp_path, version="1.1", platform=LINUX), channel="beta")
    assert [row[:3] for row in rows(root)] == [
        ("1.1", "beta", "any Linux"),
        # Both channels have the same file.
        ("1.0-1", "stable beta", "Debian 12"),
        ("1.0-1", "stable beta", "Enterprise Linux 9"),
        ("1.0-1~deb11", "stable", "Debian 11"),
    ]


def test_code_names_of_hosts_are_left_out(tmp_path: Path, root: Path) -> None:
    named = replace(DEBIAN_12, title="Debian 12 (bookworm)")
    publish([package(tmp_path)], root, signer(), platforms=[named])
    assert rows(root)[0][2] == "Debian 12"


def test_older_files_are_folded_away(tmp_path: Path, root: Path) -> None:
    add(root, *(package(tmp_path, version=f"1.{number}") for number in range(20)))
    text = page(root)
    assert "8 more files" in Page(text).text
    assert "hello_1.8-1" in text.partition("<details>")[0]
    assert "hello_1.7-1" in text.partition("<details>")[2]


def test_what_was_yanked_is_told_with_its_reason_and_cannot_be_fetched(
    tmp_path: Path, root: Path
) -> None:
    reason = "CVE-2026-1 <b>leaks</b>"
    for version in ("1.0", "2.0"):
        add(root, *(package(tmp_path, version=version, platform=p) for p in PLATFORMS))
    add(root, package(tmp_path, version="2.0"), channel="beta")
    remove(["hello=2.0"], root, signer(), reason=reason)
    text = page(root)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    why = f"Withdrawn {today}: {reason}"
    assert [row[:3] for row in rows(root)][:3] == [
        ("2.0-1", "beta", "Debian 12"),
        ("2.0-1, 2.0-1~deb11, 2.0", "stable", why),
        ("1.0-1", "stable", "Debian 12"),
    ]
    assert text.count("<s>2.0-1</s>") == 1
    assert "&lt;b&gt;leaks" in text
    assert '<h1>hello <span class="version">1.0-1</span></h1>' in text
    assert len(re.findall(r'href="[^"]*2\.0-1[^"]*\.deb"', text)) == 1
    assert check(root, deep=True).faults == []


def test_of_what_is_all_yanked_only_that_is_told(tmp_path: Path, root: Path) -> None:
    add(root, package(tmp_path), package(tmp_path, "other"))
    remove(["hello"], root, signer(), reason="It broke hosts.")
    before = page(root)
    assert "All versions of this package were withdrawn." in before
    assert "It broke hosts." in before
    assert "<code>" not in before
    assert "hello" not in (root / "index.html").read_text()
    # Pages that are made of everything are the same.
    (root / "state/catalogue.json").unlink()
    add(root)
    assert page(root) == before
    # A name that is withdrawn without a reason was a mistake of somebody, and is forgotten.
    remove(["other"], root, signer())
    assert not (root / "packages/other.html").exists()


@pytest.mark.parametrize("way", ["published", "promoted"])
def test_what_came_back_is_not_withdrawn_any_more(tmp_path: Path, root: Path, way: str) -> None:
    file = package(tmp_path)
    for channel in ("stable", "beta"):
        add(root, file, channel=channel)
    remove(["hello=1.0"], root, signer(), reason="It broke hosts.")
    assert "It broke hosts." in page(root)
    if way == "published":
        add(root, file)
    else:
        promote(["hello=1.0"], root, signer(), "beta", "stable")
    assert "Withdrawn" not in page(root)
    assert [row[1] for row in rows(root)] == ["stable beta"]


def test_commands_are_those_for_what_is_there(tmp_path: Path, root: Path) -> None:
    add(root, package(tmp_path), package(tmp_path, "tool", platform=LINUX))
    text = Page(page(root)).text
    assert f"curl -fsSL {URL}/install.sh | sudo sh -s -- hello" in text
    assert "sudo apt-get install hello" in text
    assert "dnf" not in text
    assert "--user" not in text
    tool = Page(page(root, "tool")).text
    assert f"curl -fsSL {URL}/install.sh | sh -s -- --user tool" in tool
    assert "sudo" not in tool


@pytest.mark.parametrize("platform", [DEBIAN_12, EL9])
def test_what_another_channel_has_is_told(tmp_path: Path, root: Path, platform: Platform) -> None:
    add(root, package(tmp_path, platform=platform))
    add(root, package(tmp_path, version="1.1", platform=platform), channel="beta")
    add(root, package(tmp_path, "later", platform=platform), channel="beta")
    text = Page(page(root)).text
    assert "sudo sh -s -- hello" in text
    assert f"The channel beta has 1.1-1 for {platform.title}: write --channel beta" in text
    assert "sudo sh -s -- --channel beta later" in Page(page(root, "later")).text


def test_without_an_address_a_person_fills_it_in(tmp_path: Path, root: Path) -> None:
    add(root, package(tmp_path), url="")
    text = Page(page(root)).text
    assert "install.sh | sudo sh -s -- --url https://repository.example hello" in text
    assert "Write the repository's address for https://repository.example." in text


@pytest.mark.parametrize("platform", [DEBIAN_12, EL9])
def test_changes_are_told(tmp_path: Path, root: Path, platform: Platform) -> None:
    for changes in (CHANGES[1:], CHANGES):
        version = changes[0].version.partition("-")[0]
        add(root, package(tmp_path, version=version, platform=platform, changes=changes))
    found = re.findall(r"<article>\n(.*?)</article>", page(root), re.DOTALL)
    assert [re.sub("\n+", "\n", re.sub("<[^>]*>", "", each)).strip() for each in found] == [
        "1.1-1 2024-03-09\nSells &lt;b&gt;more&lt;/b&gt;.\nShop team",
        "1.0-1 2023-11-14\nSells.\nSends.\nShop team",
    ]
    assert Page(page(root)).tags.count("li") == 3


@pytest.mark.parametrize("platform", [DEBIAN_12, EL9])
def test_who_tells_of_no_changes_leaves_those_of_before(
    tmp_path: Path, root: Path, platform: Platform
) -> None:
    add(root, package(tmp_path, platform=platform, changes=CHANGES[1:]))
    add(root, package(tmp_path, version="2.0", platform=platform), channel="beta")
    assert "1.0-1 2023-11-14" in " ".join(Page(page(root)).text.split())


def test_who_tells_of_no_changes_has_no_such_part(tmp_path: Path, root: Path) -> None:
    add(root, package(tmp_path))
    assert "Changes" not in Page(page(root)).text


def test_descriptions_are_paragraphs(tmp_path: Path, root: Path) -> None:
    said = "It greets <i>everybody</i>.\n\nAnd takes its leave."
    for name, platform in (("deb", DEBIAN_12), ("rpm", EL9)):
        add(root, package(tmp_path, name, platform=platform, description=said))
        about = page(root, name).partition('<h2 id="about">')[2].partition("</section>")[0]
        assert re.findall('<p dir="auto">(.*?)</p>', about) == [
            "It greets &lt;i&gt;everybody&lt;/i&gt;.",
            "And takes its leave.",
        ]


def test_only_addresses_of_the_web_become_links(tmp_path: Path, root: Path) -> None:
    add(root, package(tmp_path))
    assert 'href="https://shop.example" rel="nofollow noreferrer"' in page(root)
    add(root, package(tmp_path, "evil", homepage="javascript:alert(1)"))
    assert "javascript" not in page(root, "evil")
