"""Whatever is installed passes capture, store, placing, assembly and packaging as it is."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from omnibuild.errors import CaptureError, PackageError
from omnibuild.files import remove_tree
from omnibuild.layers.capture import capture
from omnibuild.layers.environment import SOURCE_DATE_EPOCH
from omnibuild.package.deb.writer import write_deb
from omnibuild.package.rpm.writer import write_rpm
from omnibuild.package.tar.writer import write_tar
from omnibuild.payload.assembly import Part, assemble
from omnibuild.payload.model import Metadata, Payload
from omnibuild.payload.placing import check_capture, place_tree
from omnibuild.recipe.models import Debian, Rpm, Tar
from omnibuild.store.store import Store
from omnibuild.tree import Kind, Tree, scan

LONGEST_NAME = 255
# dpkg and rpm unpack files under longer names.
LONGEST_PACKED = 246
SPARSE = 3_000_000


@dataclass(frozen=True)
class Item:
    """What is to be installed; ``text`` is a symlink's target or the name that a link repeats."""

    kind: Kind
    mode: int = 0o644
    content: bytes = b""
    text: bytes = b""


Items = Mapping[bytes, Item]

# Every oddity at once; nothing here is refused by any format but for its name's encoding.
ODD: Items = {
    b"a file with spaces": Item(Kind.FILE, 0o644, b"x"),
    b"-rf": Item(Kind.FILE, 0o755, b"x"),
    "caf\u00e9".encode(): Item(Kind.FILE, 0o644, b"composed"),
    "cafe\u0301".encode(): Item(Kind.FILE, 0o644, b"decomposed"),
    b"n" * LONGEST_PACKED: Item(Kind.FILE, 0o600, b"long"),
    b"closed": Item(Kind.FILE, 0o000, b"none"),
    b"secret": Item(Kind.FILE, 0o400, b"owner"),
    b"execute-only": Item(Kind.FILE, 0o4111, b"setuid"),
    b"setgid": Item(Kind.FILE, 0o2755, b"setgid"),
    b"sparse": Item(Kind.FILE, 0o644, bytes(SPARSE)),
    b"empty": Item(Kind.FILE, 0o644),
    b"z-first": Item(Kind.FILE, 0o640, b"linked"),
    b"b-second": Item(Kind.HARDLINK, text=b"z-first"),
    b"shared": Item(Kind.DIRECTORY, 0o1777),
    b"read-only": Item(Kind.DIRECTORY, 0o555),
    b"read-only/inside": Item(Kind.FILE, 0o444, b"x"),
    b"without-search": Item(Kind.DIRECTORY, 0o600),
    b"without-search/third": Item(Kind.HARDLINK, text=b"z-first"),
    b"nobody": Item(Kind.DIRECTORY, 0o000),
    b"dangling": Item(Kind.SYMLINK, text=b"no/such/file"),
    b"long-way": Item(Kind.SYMLINK, text=b"./" * 1500 + b"secret"),
    b"/".join([b"deep"] * 200): Item(Kind.FILE, 0o644, b"deep"),
}
NOT_UTF8: Items = {
    b"latin-\xe9": Item(Kind.FILE, 0o644, b"x"),
    b"link": Item(Kind.SYMLINK, text=b"\xff"),
}

names = st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)
modes = st.integers(0, 0o7777)
items_of_one_name = st.one_of(
    st.builds(Item, st.just(Kind.FILE), modes, st.binary(max_size=40)),
    st.builds(Item, st.just(Kind.DIRECTORY), modes),
    st.builds(Item, st.just(Kind.SYMLINK), text=names),
)


@st.composite
def trees(draw: st.DrawFn) -> Items:
    made: dict[bytes, Item] = {b"one": Item(Kind.FILE, 0o644, b"1")}
    for _ in range(draw(st.integers(0, 12))):
        directories = [p + b"/" for p, item in made.items() if item.kind is Kind.DIRECTORY]
        path = draw(st.sampled_from([b"", *directories])) + draw(names)
        files = [p for p, item in made.items() if item.kind is Kind.FILE]
        link = st.builds(Item, st.just(Kind.HARDLINK), text=st.sampled_from(files))
        made.setdefault(path, draw(st.one_of(items_of_one_name, link)))
    return made


def install(base: Path, items: Items, *, later: int = 0) -> None:
    """Write the items as a build step would; ``later`` changes what must not matter."""
    base.mkdir(parents=True)
    root = os.fsencode(base)
    ordered = sorted(items.items(), reverse=bool(later))
    for path, item in ordered:
        target = root + b"/" + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if item.kind is Kind.DIRECTORY:
            os.makedirs(target, exist_ok=True)
        elif item.kind is Kind.SYMLINK:
            os.symlink(item.text, target)
        elif item.kind is Kind.FILE:
            with open(target, "wb") as stream:
                stream.write(item.content.rstrip(b"\0"))
                stream.truncate(len(item.content))
            os.chmod(target, item.mode)
    for path, item in ordered:
        if item.kind is Kind.HARDLINK:
            os.link(root + b"/" + item.text, root + b"/" + path)
    os.utime(base, (later, later))
    for path, item in sorted(items.items(), reverse=True):
        if item.kind is Kind.DIRECTORY:
            os.chmod(root + b"/" + path, item.mode)


def check(tree: Tree, directory: Path, items: Items, below: str = "") -> None:
    """Compare a tree, and the directory it is in, with what was installed."""
    assert scan(directory).digest == tree.digest
    for path, item in items.items():
        entry = tree.by_path[below + os.fsdecode(path)]
        status = os.lstat(directory / entry.path)
        first = items[item.text] if item.kind is Kind.HARDLINK else item
        if item.kind is Kind.SYMLINK:
            assert os.fsencode(entry.target) == item.text
        elif item.kind is Kind.DIRECTORY:
            assert entry.mode == item.mode | 0o500
        else:
            assert stat.S_IMODE(status.st_mode) == entry.mode == first.mode | 0o400
            assert status.st_size == len(first.content)
            assert (directory / entry.path).read_bytes() == first.content
        if item.kind is Kind.HARDLINK:
            other = os.lstat(os.fsencode(directory / below) + b"/" + item.text)
            assert other.st_ino == status.st_ino


def captured(store: Store, base: Path, items: Items, *, later: int = 0) -> str:
    """Install and capture; return the digest of the stored tree."""
    install(base / "files", items, later=later)
    tree = capture("odd", base / "files", {})
    check_capture(base / "files", tree)
    return store.add_scanned_tree(base, tree).digest


def payload_of(store: Store, digest: str, base: Path) -> Payload:
    tree, source = store.tree(digest), store.tree_directory(digest)
    placed = place_tree(tree, source, base / "placed", "/opt/odd")
    united = assemble([Part("odd", placed, base / "placed")], "/opt/odd", {}, {}, base / "payload")
    metadata = Metadata(
        name="odd",
        version="1",
        revision="1",
        summary="odd",
        description="",
        license="MIT",
        maintainer="Tester <tester@example.com>",
        homepage="",
        vendor="",
        date=SOURCE_DATE_EPOCH,
    )
    return Payload(metadata, base / "payload", united, "/opt/odd")


def packages(payload: Payload, directory: Path) -> dict[str, bytes]:
    directory.mkdir()
    found = {}
    for writer, settings in (
        (write_deb, Debian(compression="zstd", architecture="amd64")),
        (write_rpm, Rpm(architecture="x86_64", tree="el9")),
        (write_tar, Tar(architecture="x86_64")),
    ):
        try:
            found[writer.__name__] = writer(payload, settings, directory).path.read_bytes()
        except PackageError as error:
            found[writer.__name__] = str(error).encode()
    return found


@given(trees())
@example(ODD)
@example({**ODD, **NOT_UTF8, b"two\nlines": Item(Kind.FILE)})
def test_a_cached_tree_is_a_clean_one(items: Items) -> None:
    base = Path(tempfile.mkdtemp())
    try:
        store = Store(base / "store")
        digest = captured(store, base / "first", items)
        check(store.tree(digest), store.tree_directory(digest), items)
        # Made elsewhere, in another order, at another time: the same tree.
        again = Store(base / "again")
        assert captured(again, base / "second", items, later=1_000_000) == digest
        for path in store.tree_directory(digest).rglob("*"):
            assert path.lstat().st_mtime == SOURCE_DATE_EPOCH
        cached = payload_of(store, digest, base / "from-cache")
        check(cached.tree, cached.root, items, "opt/odd/")
        clean = payload_of(again, digest, base / "clean")
        assert clean.tree == cached.tree
        assert packages(clean, base / "a") == packages(cached, base / "b")
    finally:
        remove_tree(base)


def test_packages_hold_every_oddity(tmp_path: Path) -> None:
    items = {**ODD, **NOT_UTF8}
    store = Store(tmp_path / "store")
    digest = captured(store, tmp_path / "first", items)
    payload = payload_of(store, digest, tmp_path / "made")
    made = packages(payload, tmp_path / "packages")
    assert b"is not UTF-8, which rpm demands" in made["write_rpm"]
    (deb,) = (tmp_path / "packages").glob("*.deb")
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True)
    check_archive(data.stdout, "./opt/odd/", items)
    unpacked = zstandard.ZstdDecompressor().stream_reader(made["write_tar"]).read()
    check_archive(unpacked, "odd-1/", items)


def check_archive(data: bytes, top: str, items: Items) -> None:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for path, item in items.items():
            member = tar.getmember(top + os.fsdecode(path))
            if item.kind is Kind.SYMLINK:
                assert os.fsencode(member.linkname) == item.text
            elif item.kind is Kind.DIRECTORY:
                assert member.isdir()
                assert member.mode == item.mode | 0o500
            else:
                first = items[item.text] if item.kind is Kind.HARDLINK else item
                stream = tar.extractfile(member)
                assert stream
                assert stream.read() == first.content
                assert member.mode == first.mode | 0o400
        linked = {member.name for member in tar if member.islnk()}
        assert linked == {f"{top}without-search/third", f"{top}z-first"}


def test_an_rpm_holds_every_oddity_but_names_that_are_not_utf8(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    payload = payload_of(store, captured(store, tmp_path / "first", ODD), tmp_path / "made")
    packages(payload, tmp_path / "packages")
    (rpm,) = (tmp_path / "packages").glob("*.rpm")
    query = "[%{FILEMODES:octal} %{FILENAMES}\n]"
    told = subprocess.run(
        ["rpm", "-qp", "--nosignature", "--qf", query, rpm], capture_output=True, check=True
    ).stdout.decode()
    modes_by_path = {line.split(" ", 1)[1]: int(line.split()[0], 8) for line in told.splitlines()}
    for path, item in ODD.items():
        first = ODD[item.text] if item.kind is Kind.HARDLINK else item
        if item.kind is not Kind.SYMLINK:
            opened = 0o500 if item.kind is Kind.DIRECTORY else 0o400
            assert modes_by_path[f"/opt/odd/{path.decode()}"] & 0o7777 == first.mode | opened


@pytest.mark.parametrize(
    ("make", "told"),
    [
        pytest.param(lambda d: os.mkfifo(d / "x"), "strange", id="a named pipe"),
        pytest.param(lambda d: os.truncate(d / "file", 2**33), "too large", id="a huge file"),
        pytest.param(
            lambda d: (d / "/".join("d" * 251)).mkdir(parents=True), "too deep", id="too deep"
        ),
        pytest.param(
            lambda d: (d / "/".join(["d" * 250] * 9)).mkdir(parents=True), "too long", id="too long"
        ),
        pytest.param(
            lambda d: os.setxattr(d, "user.overlay.opaque", b"y"), "removed", id="hiding all below"
        ),
        pytest.param(lambda d: (d / "share").symlink_to("/"), "not a directory", id="a way out"),
        pytest.param(
            lambda d: (d / "share/licenses/odd/LICENSE").mkdir(parents=True),
            "is a directory",
            id="in the way of the licence",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, make: object, told: str) -> None:
    (tmp_path / "upper").mkdir()
    (tmp_path / "upper/file").write_text("x")
    make(tmp_path / "upper")  # type: ignore[operator]
    with pytest.raises(CaptureError) as caught:
        capture("odd", tmp_path / "upper", {}, {"share/licenses/odd/LICENSE": b"free"})
    assert told in str(caught.value)


def test_attributes_are_not_captured(tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "lib").mkdir(parents=True)
    (upper / "lib/file").write_text("x")
    for path, name in ((upper, "redirect"), (upper / "lib", "origin"), (upper / "lib/file", "x")):
        os.setxattr(path, f"user.overlay.{name}", b"/")
    (upper / "lib/file").chmod(0o444)
    capture("odd", upper, {})
    assert [os.listxattr(p) for p in (upper, upper / "lib", upper / "lib/file")] == [[], [], []]
    assert (upper / "lib/file").stat().st_mode & 0o777 == 0o444


def test_a_licence_is_a_file_of_its_own(tmp_path: Path) -> None:
    """Neither through a symlink nor through another name of a file is anything overwritten."""
    upper, outside = tmp_path / "upper", tmp_path / "outside"
    outside.write_text("mine")
    (upper / "share/licenses/odd").mkdir(parents=True)
    (upper / "other").write_text("other")
    (upper / "share/licenses/odd/A").symlink_to(outside)
    os.link(upper / "other", upper / "share/licenses/odd/B")
    (upper / "share/licenses/odd").chmod(0o500)
    added = {f"share/licenses/odd/{name}": b"free" for name in "AB"}
    tree = capture("odd", upper, {}, added)
    assert outside.read_text() == "mine"
    assert (upper / "other").read_text() == "other"
    assert {tree.by_path[path].kind for path in added} == {Kind.FILE}
    assert tree.by_path["share/licenses/odd"].mode == 0o500


def test_the_callers_umask_is_not_captured(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        upper = tmp_path / "upper"
        upper.mkdir()
        (upper / "file").touch(mode=0o644)
        (upper / "file").chmod(0o644)
        tree = capture("odd", upper, {}, {"share/licenses/odd/LICENSE": b"free"})
    finally:
        os.umask(before)
    found = {entry.path: entry.mode for entry in tree.entries}
    assert found["share"] == found["share/licenses/odd"] == 0o755
    assert found["share/licenses/odd/LICENSE"] == 0o644
    assert upper.stat().st_mode & 0o777 == 0o755
