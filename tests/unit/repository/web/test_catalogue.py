"""The catalogue: a change concerns its names, and the result is as if made from nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.channel import Channel, Contents
from omnibuild.repository.state.entries import Deb, Download, Rpm
from omnibuild.repository.state.head import Repository
from omnibuild.repository.web.catalogue import Edition, catalogued, changed_names, updated
from omnibuild.repository.web.listing import offers
from omnibuild.repository.web.lists import front_of, lists
from omnibuild.repository.web.package import package_page
from omnibuild.repository.web.site import Site
from tests.unit.repository.samples import EL9, LINUX, PLATFORMS, listing, package, signer
from tests.unit.repository.test_ledger import Memory

SITE = Site(Repository(name="shop", title="Shop", fingerprint="0" * 40), "stable", "stable")


class Files(Memory):
    """Forgets, too."""

    def remove(self, path: str) -> None:
        del self.files[path]


def deb(name: str, version: str, architecture: str) -> Deb:
    about = f"{name}_{version}_{architecture}"
    return Deb(
        name=name,
        version=version,
        architecture=architecture,
        summary="",
        digest=about,
        size=1,
        path=f"pool/{about}.deb",
        stanza="",
    )


def rpm(name: str, version: str, architecture: str) -> Rpm:
    about = f"{name}-{version}.{architecture}"
    return Rpm(
        name=name,
        version=version,
        architecture=architecture,
        summary="",
        identity=about,
        digest=about,
        size=1,
        path=f"Packages/{about}.rpm",
        primary="",
        other="",
    )


def change(content: Channel, kind: str, item: tuple[str, str, str], *, out: bool) -> None:
    """Have one package more or less."""
    name, version, architecture = item
    if kind == "tar":
        file = Download(name=f"{name}-{version}-linux-{architecture}.tar.gz", digest="", size=1)
        (content.downloads.withdraw if out else content.downloads.put)(file)
    elif kind == "deb":
        suite = content.suite("stable")
        found = deb(name, version, architecture)
        ledger = suite.list(architecture)
        suite.add_architecture("amd64" if architecture == "all" else architecture)
        (ledger.withdraw if out else ledger.put)(found)
    else:
        tree = content.tree("el9")
        ledgers = tree.list(architecture)
        tree.add_architecture("x86_64" if architecture == "noarch" else architecture)
        (ledgers.withdraw if out else ledgers.put)(rpm(name, version, architecture))


# Names enough for several leaves.
items = st.tuples(
    st.sampled_from([f"{letter}{number}" for letter in "abc" for number in range(100)]),
    st.sampled_from(["1.0", "1.1"]),
    st.sampled_from(["all", "noarch", "amd64", "arm64"]),
)
changes = st.lists(
    st.tuples(
        st.sampled_from(["stable", "beta"]),
        st.sampled_from(["deb", "rpm", "tar"]),
        items,
        st.booleans(),
    ),
    max_size=30,
)


def changed(target: Memory, channels: dict[str, Channel], changes: object) -> dict[str, Channel]:
    for channel, kind, item, out in changes:  # type: ignore[attr-defined]
        change(channels[channel], kind, item, out=out)
    return {name: Channel.of(target, each.contents()) for name, each in channels.items()}


@given(st.integers(0, 300), st.lists(changes, max_size=4))
def test_an_updated_catalogue_is_the_one_from_nothing(count: int, rounds: list[object]) -> None:
    target = Files()
    channels = {name: Channel.of(target) for name in ("stable", "beta")}
    before = {name: Contents() for name in channels}
    edition = Edition("stable")
    begun = [("stable", "deb", (f"a{n}", "1.0", "amd64"), False) for n in range(count)]
    for changes in (begun, *rounds):
        channels = changed(target, channels, changes)
        names = {
            name
            for channel, content in channels.items()
            for name in changed_names(target, before[channel], content.contents())
        }
        edition = updated(target, edition, offers(channels, names))
        before = {name: content.contents() for name, content in channels.items()}
        anew = Memory()
        again = catalogued(anew, "stable", offers(channels))
        assert edition == again
        assert front_of(target, edition) == front_of(anew, again)
        assert dict(lists(target, SITE, edition)) == dict(lists(anew, SITE, again))


def test_one_more_package_is_a_leaf_or_two() -> None:
    target = Files()
    begun = [("stable", "deb", (f"n{n:05}", "1.0", "amd64"), False) for n in range(3000)]
    channels = changed(target, {"stable": Channel.of(target)}, begun)
    edition = catalogued(target, "stable", offers(channels))
    before = channels["stable"].contents()
    more = [("stable", "deb", ("n01500", "1.1", "amd64"), False)]
    channels = changed(target, channels, more)
    names = changed_names(target, before, channels["stable"].contents())
    assert names == {"n01500"}
    after = updated(target, edition, offers(channels, names))
    assert len(set(after.leaves) - set(edition.leaves)) == 1
    assert len(dict(lists(target, SITE, after, edition.leaves))) == 2


@pytest.mark.parametrize("few", [True, False])
def test_publishing_on_is_publishing_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: bool
) -> None:
    if not few:
        monkeypatch.setattr("omnibuild.repository.web.lists.NAMES_OF_FRONT", 0)
    root = tmp_path / "repository"

    def add(*files: Path, channel: str = "stable") -> None:
        publish(files, root, signer(), channel, PLATFORMS)

    add(package(tmp_path), package(tmp_path, "shop"))
    add(package(tmp_path, version="1.1"), channel="beta")
    add(package(tmp_path, "shop", platform=EL9), package(tmp_path, platform=LINUX))
    remove(["shop=1.0-1"], root, signer())
    on = listing(root)
    assert ("lists/hello.html" in on) is not few
    assert [path for path in on if path.startswith("packages/")] == ["packages/hello.html"]
    add()
    assert listing(root) == on
    shutil.rmtree(root / "state/catalogue")
    (root / "state/catalogue.json").unlink()
    add()
    assert listing(root) == on


def test_a_damaged_catalogue_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibuild.repository.web.lists.NAMES_OF_FRONT", 0)
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, signer(), platforms=PLATFORMS)
    (leaf,) = (root / "state/catalogue").iterdir()
    leaf.write_bytes(b"damaged")
    (root / "packages/hello.html").unlink()
    publish([package(tmp_path, "shop")], root, signer(), platforms=PLATFORMS)
    assert "pool/main/h/hello" in (root / "packages/hello.html").read_text()
    page = (root / "lists/hello.html").read_text()
    assert "../packages/hello.html" in page
    assert "../packages/shop.html" in page


def test_who_was_killed_among_pages_has_all_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages may then say more than what is recorded: nothing of them is taken for right."""
    monkeypatch.setattr("omnibuild.repository.web.lists.NAMES_OF_FRONT", 0)
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, signer(), platforms=PLATFORMS)

    def killed(*words: Any) -> str:
        if words[1] == "shop":
            raise KeyboardInterrupt
        return package_page(*words)

    with monkeypatch.context() as patched:
        patched.setattr("omnibuild.repository.pages.TOGETHER", 1)
        patched.setattr("omnibuild.repository.pages.package_page", killed)
        more = [package(tmp_path, version="2.0"), package(tmp_path, "shop")]
        with pytest.raises(KeyboardInterrupt):
            publish(more, root, signer(), platforms=PLATFORMS)
    assert "hello_2.0-1" in (root / "packages/hello.html").read_text()
    remove(["shop", "hello=2.0"], root, signer())
    assert "hello_2.0-1" not in (root / "packages/hello.html").read_text()
    assert [path.name for path in (root / "packages").iterdir()] == ["hello.html"]
    assert "packages/shop.html" not in (root / "lists/hello.html").read_text()


def test_a_package_that_nobody_has_any_more_has_no_page(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path), package(tmp_path, "shop")], root, signer(), platforms=PLATFORMS)
    remove(["shop"], root, signer())
    assert [path.name for path in (root / "packages").iterdir()] == ["hello.html"]


def test_publishing_writes_only_pages_that_change(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    publish([package(tmp_path), package(tmp_path, "shop")], root, signer(), platforms=PLATFORMS)
    before = {path.name: path.stat().st_ino for path in (root / "packages").iterdir()}
    publish([package(tmp_path, version="2.0")], root, signer(), platforms=PLATFORMS)
    after = {path.name: path.stat().st_ino for path in (root / "packages").iterdir()}
    assert after["shop.html"] == before["shop.html"]
    assert after["hello.html"] != before["hello.html"]
