"""The pages as people see and use them: on phones and desktops, by keyboard, without JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from omnibuild.payload.model import Change
from omnibuild.repository.publish import publish, remove
from tests.integration.repository.browser import DESKTOP, PHONE, PLAIN_HOST, Browser, chromium
from tests.integration.repository.clients import web_server
from tests.unit.repository.samples import PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

HOSTILE = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
LONG = f"shop-{'with-a-very-long-name-' * 6}end"
CHANGES = (Change("1.1-1", 1_710_000_000, "Shop team <team@shop.example>", (HOSTILE, "More.")),)
URL = "https://shop.example/r"
PAGES = (
    "index.html",
    "packages/shop.html",
    f"packages/{LONG}.html",
    "packages/gone.html",
    "lists/evil.html",
)
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a repository of packages of many kinds, in two channels."""
    tmp_path = tmp_path_factory.mktemp("site")
    root = tmp_path / "repository"
    part = {"name": LONG, "version": HOSTILE, "license": HOSTILE}
    made_of = json.dumps({"components": [part] * 9})
    files = [package(tmp_path, "shop", platform=p, manifest=made_of) for p in PLATFORMS]
    files += [package(tmp_path, "shop", "0.9", platform=each) for each in PLATFORMS]
    files += [package(tmp_path, "gone", version) for version in ("1.0", "1.1")]
    files += [package(tmp_path, "evil", summary=HOSTILE, description=f"{HOSTILE}\n\n{HOSTILE}")]
    files += [package(tmp_path, LONG, "1.0+git20240501.deadbeefdeadbeef", summary="x" * 300)]
    files += [package(tmp_path, "rtl", summary="متجر يبيع كل شيء 1.0", description="שלום עולם")]
    newer = [package(tmp_path, "shop", "1.1", platform=p, changes=CHANGES) for p in PLATFORMS]
    with pytest.MonkeyPatch.context() as patched:
        publish(files, root, signer(), platforms=PLATFORMS, base_url=URL)
        publish(newer, root, signer(), "beta", PLATFORMS)
        remove(["shop=0.9", "gone"], root, signer(), reason=f"{HOSTILE} {LONG}")
        few = (root / "index.html").read_bytes()
        patched.setattr("omnibuild.repository.web.lists.NAMES_OF_FRONT", 0)
        publish([], root, signer(), platforms=PLATFORMS)
    (root / "many.html").write_bytes((root / "index.html").read_bytes())
    (root / "index.html").write_bytes(few)
    publish([], tmp_path / "repository/empty", signer(), platforms=PLATFORMS)
    with web_server(root) as url:
        yield url


@pytest.mark.parametrize(
    ("size", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop, dark"]
)
@pytest.mark.parametrize("page", [*PAGES, "many.html", "empty/index.html"])
def test_pages_are_seen_whole_and_well(
    browser: Browser, site: str, page: str, size: tuple[int, int], scheme: str
) -> None:
    browser.complaints()
    browser.open(f"{site}/{page}", size, scheme)
    # Nothing was asked for but the page, and nothing moved when it was there.
    assert browser.run("return performance.getEntriesByType('resource').map((e) => e.name)") == []
    shift = (
        "return new Promise((found) => new PerformanceObserver((list) => found(list.getEntries()"
        ".length)).observe({type: 'layout-shift', buffered: true}) || setTimeout(found, 50, 0))"
    )
    assert browser.run(shift) == 0
    browser.unfold()
    assert browser.run("return document.documentElement.scrollWidth") <= size[0]
    assert browser.complaints() == []
    assert browser.run("return document.title") not in ("", "run")
    tall = "return seen('.channel').filter((e) => e.getBoundingClientRect().height > 32).length"
    assert browser.run(tall) == 0
    # WCAG AA asks for 4.5.
    faint = browser.run(
        "return seen('body *').filter((each) => [...each.childNodes].some((node) =>"
        " node.nodeType === 3 && node.data.trim())).filter((each) =>"
        " contrast(getComputedStyle(each).color, ground(each)) < 4.5).map((each) => each.outerHTML)"
    )
    assert faint == []


@pytest.mark.parametrize("page", [*PAGES, "many.html", "empty/index.html"])
def test_pages_have_an_order_for_who_listens(browser: Browser, site: str, page: str) -> None:
    browser.open(f"{site}/{page}")
    browser.unfold()
    assert browser.run("return document.documentElement.lang") == "en"
    levels = browser.run("return seen('h1, h2, h3, h4').map((each) => Number(each.tagName[1]))")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert browser.run(
        "return [...document.body.children].filter((e) => e.tagName !== 'SCRIPT')"
        ".map((e) => e.tagName)"
    ) == ["HEADER", "MAIN", "FOOTER"]
    nameless = "return seen('a, button, summary').filter((e) => !e.textContent.trim()).length"
    assert browser.run(nameless) == 0
    missing = (
        "return [...document.querySelectorAll('[aria-labelledby], a[href^=\"#\"]')].map((e) =>"
        " e.getAttribute('aria-labelledby') ?? e.hash.slice(1))"
        ".filter((id) => document.querySelectorAll('#' + id).length !== 1)"
    )
    assert browser.run(missing) == []


@SIZES
@pytest.mark.parametrize("page", ["index.html", "packages/shop.html"])
def test_every_button_copies_its_commands(
    browser: Browser, site: str, page: str, size: tuple[int, int]
) -> None:
    browser.open(f"{site}/{page}", size)
    browser.unfold()
    commands = browser.run("return seen('figure code').map((each) => each.textContent)")
    assert any("| sudo sh -s -- " in each for each in commands)
    for number, (text, button) in enumerate(
        zip(commands, browser.all("figure button"), strict=True)
    ):
        button.click()
        browser.eventually(f"return seen('figure button')[{number}].textContent", "Copied")
        said = f"return document.querySelectorAll('[role=status]')[{number}].textContent"
        assert browser.run(said) == "Copied"
        assert browser.clipboard() == text


def test_without_https_buttons_copy_too(browser: Browser, site: str) -> None:
    browser.open(f"http://{PLAIN_HOST}:{urlsplit(site).port}/packages/shop.html")
    assert browser.run("return navigator.clipboard === undefined")
    text = browser.run("return document.querySelector('figure code').textContent")
    # Only what a person does may copy in the old way.
    browser.all("figure button")[0].send_keys(Keys.ENTER)
    browser.eventually("return document.querySelector('figure button').textContent", "Copied")
    browser.open(f"{site}/index.html")
    assert browser.clipboard() == text


def test_without_javascript_there_are_no_dead_buttons(browser: Browser, site: str) -> None:
    browser.open(f"{site}/index.html", scripts=False)
    assert browser.run("return seen('button').length") == 0
    assert "| sudo sh -s -- " in browser.run("return document.body.innerText")


@SIZES
@pytest.mark.parametrize("page", ["index.html", "packages/shop.html"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    browser: Browser, site: str, page: str, size: tuple[int, int]
) -> None:
    browser.open(f"{site}/{page}", size)
    browser.unfold()
    count = browser.run("return seen('a, button, summary').length")
    reached = set()
    for _ in range(2 * count):
        browser.press(Keys.TAB)
        place, width, ratio, inside = browser.run(
            "const at = document.activeElement, style = getComputedStyle(at);"
            "const box = at.getBoundingClientRect();"
            "return [seen('a, button, summary').indexOf(at),"
            " style.outlineStyle === 'solid' ? parseFloat(style.outlineWidth) : 0,"
            " contrast(style.outlineColor, ground(at.parentElement)),"
            " box.bottom > 0 && box.top < innerHeight]"
        )
        if place >= 0:
            reached.add(place)
            assert width >= 2
            # WCAG asks for 3 where it is no text.
            assert ratio >= 3
            assert inside
    assert len(reached) == count


def test_what_escaping_would_have_let_through_does_not_run(browser: Browser, site: str) -> None:
    browser.open(f"{site}/index.html")
    browser.complaints()
    browser.run(
        "const each = document.createElement('script'); each.textContent = 'window.evil = 1';"
        "document.body.append(each); document.body.insertAdjacentHTML('beforeend',"
        ' \'<img src="https://evil.example/x" onerror="window.evil = 2">\')'
    )
    assert browser.run("return window.evil") is None
    assert all("Content Security Policy" in each for each in browser.complaints())
