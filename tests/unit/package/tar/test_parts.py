from __future__ import annotations

from pathlib import Path

from omnibuild.package.tar.parts import PART_LIST, part_list, read_part_list
from omnibuild.package.tar.writer import write_tar
from omnibuild.tree import Tree, scan
from tests.unit.package.samples import TAR, read_tar, sample_payload, unzstd


def tree(directory: Path, *paths: str) -> Tree:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).touch()
    return scan(directory)


def test_a_tarball_says_which_part_brought_what(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    inside = [entry for entry in payload.tree.entries if entry.path.startswith("opt/hello/")]
    parts = {"python-3.13": Tree.of([inside[0]]), "host:files": payload.tree}
    artifact = write_tar(payload, TAR, tmp_path / "out", parts=parts)
    found, _ = read_tar(unzstd(artifact.path.read_bytes()), "hello-1.4.2")
    plain, _ = read_tar(
        unzstd(write_tar(payload, TAR, tmp_path / "2").path.read_bytes()), "hello-1.4.2"
    )
    assert found.keys() - plain.keys() == {"share/omnibuild", PART_LIST}


def test_lists_are_read_as_they_were_written(tmp_path: Path) -> None:
    shared = tree(tmp_path / "1", "lib/a.so", "part x", "bad\udce9")
    second = tree(tmp_path / "2", "lib/a.so", "lib/b.so", "pruned")
    listed = part_list(
        {"zlib": shared, "python:shop": second, "nothing": shared},
        "/opt/shop",
        ["lib/a.so", "lib/b.so", "part x", "bad\udce9", "generated"],
    )
    assert listed == (b"part zlib\n./bad\xe9\n./lib/a.so\n./part x\npart python:shop\n./lib/b.so\n")
    assert read_part_list(listed) == {
        "bad\udce9": "zlib",
        "lib/a.so": "zlib",
        "part x": "zlib",
        "lib/b.so": "python:shop",
    }


def test_what_is_no_list_says_nothing() -> None:
    assert read_part_list(b"./x\nother\n\0\xff\n") == {}
