"""Indexes of others are foreign input: what is wrong in them is one error, and leads nowhere."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import os
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError, UsageError
from omnibuild.files import remove_tree
from omnibuild.repository.importing import unpacking
from omnibuild.repository.importing.place import Directory, Listed, checked_path, open_place
from omnibuild.repository.importing.sources import Mapping, listed_in, suites_of
from omnibuild.repository.importing.unpacking import unpacked

DIGEST = hashlib.sha256(b"").hexdigest()
STANZA = f"Package: shop\nVersion: 1\nFilename: {{0}}\nSize: 3\nSHA256: {DIGEST}\n"
PRIMARY = (
    '<?xml version="1.0"?>{dtd}<metadata xmlns="http://linux.duke.edu/metadata/common">'
    '<package type="rpm"><name>shop</name><checksum type="{kind}" pkgid="YES">{digest}</checksum>'
    '<size package="3"/><location {base}href="{href}"/></package></metadata>'
)


def suite(root: Path, packages: str, form: str = "") -> Path:
    """Write a repository for apt with one suite."""
    data = packages.encode()
    data = gzip.compress(data) if form else data
    index = root / f"dists/bookworm/main/binary-amd64/Packages{form}"
    index.parent.mkdir(parents=True)
    index.write_bytes(data)
    path = index.relative_to(root / "dists/bookworm")
    row = f" {hashlib.sha256(data).hexdigest()}  {len(data):>9} {path}\n"
    (root / "dists/bookworm/Release").write_text(f"Suite: stable\nMD5Sum:\n 0 0 x\nSHA256:\n{row}")
    return root


def tree(root: Path, **words: str) -> Path:
    """Write a repository for dnf."""
    about = {"dtd": "", "kind": "sha256", "digest": DIGEST, "base": "", "href": "shop.rpm"}
    data = PRIMARY.format(**{**about, **words}).encode()
    (root / "repodata").mkdir(parents=True)
    (root / "repodata/primary.xml").write_bytes(data)
    (root / "repodata/repomd.xml").write_text(
        '<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">'
        f'<checksum type="sha256">{hashlib.sha256(data).hexdigest()}</checksum>'
        '<location href="repodata/primary.xml"/></data></repomd>'
    )
    return root


def listed(root: Path, *suites: str) -> list[Listed]:
    place, mapping = Directory(root), Mapping("stable", suites)
    return list(listed_in(place, None, mapping, suites_of(place, mapping)))


@pytest.mark.parametrize("form", ["", ".gz"])
def test_a_suite_lists_its_packages(tmp_path: Path, form: str) -> None:
    root = suite(tmp_path, STANZA.format("./pool/s/shop_1.deb"), form)
    assert listed(root) == [Listed("pool/s/shop_1.deb", 3, f"sha256:{DIGEST}", "stable", "main")]
    assert listed(root, "bookworm=testing")[0].channel == "testing"


def test_a_tree_lists_its_packages(tmp_path: Path) -> None:
    assert listed(tree(tmp_path)) == [Listed("shop.rpm", 3, f"sha256:{DIGEST}", "stable")]
    assert listed(tree(tmp_path / "below/el9"))[0].path == "shop.rpm"


@pytest.mark.parametrize("path", ["../etc/shadow", "/etc/shadow", "pool/../../x", "a\0b"])
def test_no_index_leads_outside(tmp_path: Path, path: str) -> None:
    with pytest.raises(RepositoryError, match="outside"):
        checked_path(path, "place")
    with pytest.raises(RepositoryError):
        listed(suite(tmp_path, STANZA.format(path)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"dtd": '<!DOCTYPE x [<!ENTITY a "aaaa">]>'}, "cannot be read"),
        ({"kind": "md5"}, "prove nothing"),
        ({"digest": "zz"}, "prove nothing"),
        ({"href": "../../etc/shadow"}, "outside"),
        ({"base": 'xml:base="http://other" '}, "lies elsewhere"),
        ({"href": 'a"/></metadata><x y="'}, "cannot be read"),
    ],
)
def test_metadata_that_is_no_good_is_one_error(
    tmp_path: Path, words: dict[str, str], said: str
) -> None:
    with pytest.raises(RepositoryError, match=said):
        listed(tree(tmp_path, **words))


def test_an_index_that_was_altered_is_refused(tmp_path: Path) -> None:
    root = suite(tmp_path, STANZA.format("shop.deb"))
    index = root / "dists/bookworm/main/binary-amd64/Packages"
    index.write_text(STANZA.format("evil.deb"))
    with pytest.raises(RepositoryError, match="not what Release says"):
        listed(root)


def test_a_stanza_without_a_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="no file, size or SHA-256"):
        listed(suite(tmp_path, "Package: shop\nFilename: shop.deb\nSize: 3\nMD5sum: 0\n"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("SHA256", "/etc/cron.d"),
        ("SHA256", "../../../x"),
        ("SHA256", DIGEST[:-1]),
        ("SHA512", DIGEST),
        ("Size", "²"),
        ("Size", "9" * 5000),
    ],
)
def test_digests_and_sizes_are_only_that(tmp_path: Path, field: str, value: str) -> None:
    rest = {"Filename": "shop.deb", "Size": "3", "SHA256": DIGEST, field: value}
    stanza = "".join(f"{name}: {each}\n" for name, each in rest.items())
    with pytest.raises(RepositoryError, match="no file, size or SHA-256"):
        listed(suite(tmp_path / "apt", f"Package: shop\n{stanza}"))
    if field == "SHA256":
        with pytest.raises(RepositoryError, match="prove nothing"):
            listed(tree(tmp_path / "yum", digest=value))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST", 1000)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["Packages.gz", "Packages.bz2"])
def test_what_unpacks_to_far_too_much_is_refused(name: str) -> None:
    pack = gzip.compress if name.endswith(".gz") else bz2.compress
    assert unpacked(pack(bytes(999)), name, "place") == bytes(999)
    with pytest.raises(RepositoryError, match="unpacked"):
        unpacked(pack(bytes(100_000)), name, "place")
    with pytest.raises(RepositoryError, match="unpacked"):
        unpacked(pack(bytes(999))[:-9], name, "place")


def test_several_suites_become_channels_called_like_them(tmp_path: Path) -> None:
    root = suite(tmp_path, STANZA.format("shop.deb"))
    (root / "dists/Odd").mkdir()
    (root / "dists/Odd/Release").write_text("SHA256:\n")
    with pytest.raises(UsageError, match="Odd cannot be a channel") as raised:
        listed(root)
    assert "--suite Odd=stable" in raised.value.hint


def test_a_place_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no directory"):
        open_place(str(tmp_path / "none"), tmp_path)


@pytest.mark.parametrize("path", ["dists/stable/Release", "Packages.gz"])
def test_an_index_that_is_no_file_is_one_error(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(tmp_path / path)
    with pytest.raises(RepositoryError, match="an index cannot be read") as caught:
        listed(tmp_path)
    assert path in str(caught.value)


def test_directories_may_be_deep(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        Path("hello.deb").touch()
    (found,) = listed(tmp_path)
    assert found.path == "d/" * 1200 + "hello.deb"
    remove_tree(tmp_path)


def test_directories_deeper_than_any_path_are_one_error(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        for _ in range(40):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    with pytest.raises(RepositoryError, match="a directory cannot be read"):
        listed(tmp_path)
    remove_tree(tmp_path)
