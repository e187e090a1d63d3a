"""A stored tree equals the directory that was stored: told by lstat, not by our own reader."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests
from omnibuild.store.inventory import Held, take_inventory
from omnibuild.store.store import Store
from omnibuild.store.verify import verify
from omnibuild.tree import scan

ODD_NAMES = (
    b"-rf",
    b"line\nbreak",
    b" blank ",
    b"\xff\xfe no utf-8",
    "ümläut".encode(),
    b"n" * 255,
    b"quote'\"\\",
    b"a",
    b"a-b",
    b"tree.json",
    b".tmp-omnibuild-x",
)
HOLE = 5_000_000

names = st.sampled_from(ODD_NAMES) | st.binary(min_size=1, max_size=9).filter(
    lambda name: not {0, ord("/")} & {*name} and name not in (b".", b"..")
)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
files = st.tuples(
    st.just("file"),
    st.binary(max_size=40),
    st.sampled_from((0o644, 0o755, 0o600, 0o400, 0o4755, 0o2755, 0o6711, 0o777)),
)
others = st.tuples(
    st.sampled_from(("directory", "symlink", "hard link", "sparse")),
    st.sampled_from((b"a", b"../x", b"\xff", b"/etc/passwd", b"t" * 300)),
    st.sampled_from((0o755, 0o700, 0o1777, 0o2775)),
)
trees = st.dictionaries(paths, files | others, max_size=8)


def make(root: bytes, contents: dict[bytes, tuple[str, bytes, int]]) -> None:
    """Make what fits; a path below a file or a symlink, or twice, is left out."""
    made: list[bytes] = []
    for relative, (kind, data, mode) in contents.items():
        path = os.path.join(root, relative)
        above = relative.split(b"/")[:-1]
        if any(os.path.islink(os.path.join(root, *above[:n])) for n in range(1, len(above) + 1)):
            continue
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            continue
        if os.path.lexists(path):
            continue
        if kind == "directory":
            os.mkdir(path)
            os.chmod(path, mode)
        elif kind == "symlink":
            os.symlink(data, path)
        elif kind == "hard link" and made:
            os.link(made[0], path)
        else:
            with open(path, "wb") as stream:
                stream.write(data)
                stream.truncate(HOLE if kind == "sparse" else len(data))
            os.chmod(path, mode)
            made.append(path)


def facts(root: bytes) -> dict[bytes, object]:
    """Return all that matters of everything below a directory, hard links by their names."""
    found: dict[bytes, object] = {}
    same: dict[int, set[bytes]] = {}
    for directory, subdirectories, file_names in os.walk(root):
        for name in (*subdirectories, *file_names):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            relative = os.path.relpath(path, root)
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                same.setdefault(status.st_ino, set()).add(relative)
                digest = digests.of_file(Path(os.fsdecode(path)))
                content = (status.st_size, status.st_blocks, digest, same[status.st_ino])
            found[relative] = (status.st_mode, content)
    return found


@given(trees)
def test_a_stored_tree_equals_the_directory(contents: dict[bytes, tuple[str, bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as base:
        store = Store(Path(base, "store"))
        with store.scratch() as scratch:
            (scratch / "tree/files").mkdir(parents=True)
            make(os.fsencode(scratch / "tree/files"), contents)
            before = facts(os.fsencode(scratch / "tree/files"))
            output = store.add_tree(scratch / "tree")
        stored = Store(store.root)
        directory = stored.tree_directory(output.digest)
        assert facts(os.fsencode(directory)) == before
        # The list that was written down says the same as the files, and is whole.
        assert {os.fsencode(e.path) for e in stored.tree(output.digest).entries} == {*before}
        assert stored.tree(output.digest) == scan(directory)
        assert verify(stored, 1, lambda *_: None).damaged == ()
        assert len(take_inventory(stored).of(Held.TREE)) == 1


@given(trees, trees)
def test_equal_digests_mean_equal_directories(
    one: dict[bytes, tuple[str, bytes, int]], other: dict[bytes, tuple[str, bytes, int]]
) -> None:
    with tempfile.TemporaryDirectory() as base:
        digest, seen = [], []
        for name, contents in ((b"one", one), (b"other", other)):
            root = os.path.join(os.fsencode(base), name)
            os.mkdir(root)
            make(root, contents)
            digest.append(scan(Path(os.fsdecode(root))).digest)
            # What a file takes on disk is no part of what it is.
            seen.append(without_blocks(facts(root)))
        assert (digest[0] == digest[1]) == (seen[0] == seen[1])


def without_blocks(found: dict[bytes, object]) -> dict[bytes, object]:
    def strip(fact: object) -> object:
        mode, content = fact  # type: ignore[misc]
        return mode, (content[0], *content[2:]) if isinstance(content, tuple) else content

    return {path: strip(fact) for path, fact in found.items()}
