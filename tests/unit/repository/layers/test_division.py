"""How a tarball is divided, and that equal files are equal bytes whatever release they are of."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import zstandard

from omnibuild.package.tar.parts import PART_LIST
from omnibuild.repository.layers.division import SMALL, SMALL_PARTS, Layer, divide
from omnibuild.tree import Kind
from tests.unit.repository.samples import LINUX, layered_tarball, package

LARGE = "x" * SMALL
PARTS = {
    "python-3.13": {"bin/python3": LARGE, "lib/python3.13/os.py": "os"},
    "python:flask": {"lib/python3.13/site-packages/flask.py": LARGE},
    "python:six": {"lib/python3.13/site-packages/six.py": "six"},
    "zlib": {"lib/libz.so": "zlib"},
    "python:Hello": {"lib/python3.13/site-packages/hello.py": "1.0"},
    "recipe:steps": {"share/page": "1.0"},
}


def divided(tarball: Path, scratch: Path) -> dict[str, Layer]:
    scratch.mkdir()
    layers = divide(tarball, "hello", scratch)
    return {f"{number} {layer.title}": layer for number, layer in enumerate(layers)}


def blocks(layer: Layer, scratch: Path) -> bytes:
    return b"".join(layer.blocks(scratch))


def unpacked(archive: bytes, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    subprocess.run(["tar", "-x", "-C", directory], input=archive, check=True)


def files(layer: Layer) -> set[str]:
    return {each.path for each in layer.members if each.kind is not Kind.DIRECTORY}


def foreign(path: Path, *members: tarfile.TarInfo, listed: str = "") -> Path:
    """Write a tarball that somebody else made, with a list of parts if it is to have one."""
    if listed:
        parts = tarfile.TarInfo(f"shop-9/{PART_LIST}")
        parts.size = len(listed)
        members = (*members, parts)
    with tarfile.open(path, "w:gz") as tar:
        for each in members:
            content = listed.encode() if each.name.endswith(PART_LIST) else bytes(each.size)
            tar.addfile(each, io.BytesIO(content))
    return path


def entry(name: str, **said: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in said.items():
        setattr(info, key, value)
    return info


def test_each_part_is_a_layer_and_what_changes_stands_alone(tmp_path: Path) -> None:
    found = divided(layered_tarball(tmp_path, "1.0", PARTS), tmp_path / "scratch")
    assert {title: files(layer) for title, layer in found.items()} == {
        "0 python-3.13": {"bin/python3", "lib/python3.13/os.py"},
        "1 flask": {"lib/python3.13/site-packages/flask.py"},
        "2 Hello": {"lib/python3.13/site-packages/hello.py"},
        "3 steps": {"share/page"},
        f"4 {SMALL_PARTS}": {"lib/libz.so", "lib/python3.13/site-packages/six.py"},
        "5 hello": {"bin/hello"},
    }


def test_what_did_not_change_is_the_same_bytes_in_another_release(tmp_path: Path) -> None:
    first = divided(layered_tarball(tmp_path, "1.0", PARTS), tmp_path / "1")
    parts = {**PARTS, "python:Hello": {"lib/python3.13/site-packages/hello.py": "1.1"}}
    second = divided(layered_tarball(tmp_path, "1.1", parts), tmp_path / "2")
    same = {
        title
        for title, layer in second.items()
        if blocks(layer, tmp_path / "2") == blocks(first[title], tmp_path / "1")
    }
    assert same == second.keys() - {"2 Hello", "5 hello"}
    # A web server that goes by time and size sees that these are others.
    assert second["2 Hello"].size == first["2 Hello"].size
    assert second["2 Hello"].date != first["2 Hello"].date


def test_all_layers_together_are_the_tarball(tmp_path: Path) -> None:
    tarball = layered_tarball(tmp_path, "1.0", PARTS)
    scratch = tmp_path / "scratch"
    together = tmp_path / "together"
    for layer in divided(tarball, scratch).values():
        unpacked(blocks(layer, scratch), together)
    with tarball.open("rb") as stream:
        unpacked(zstandard.ZstdDecompressor().stream_reader(stream).read(), tmp_path / "whole")
    (whole,) = (tmp_path / "whole").iterdir()
    (whole / PART_LIST).unlink()

    def listed(root: Path) -> dict[str, tuple[int, bytes]]:
        return {
            str(path.relative_to(root)): (
                path.stat().st_mode,
                path.read_bytes() if path.is_file() else b"",
            )
            for path in root.rglob("*")
        }

    assert listed(together) == listed(whole)


def test_a_tarball_without_a_list_stays_whole(tmp_path: Path) -> None:
    assert divided(package(tmp_path, platform=LINUX), tmp_path / "1") == {}
    damaged = tmp_path / "other.tar.gz"
    damaged.write_bytes(b"no archive")
    assert divided(damaged, tmp_path / "2") == {}


def test_links_and_odd_directories_come_back(tmp_path: Path) -> None:
    tarball = foreign(
        tmp_path / "shop-9-linux-x86_64.tar.gz",
        entry("shop-9/lib/a", size=SMALL),
        entry("shop-9/lib/closed", type=tarfile.DIRTYPE, mode=0o555),
        entry("shop-9/lib/closed/b", type=tarfile.LNKTYPE, linkname="shop-9/lib/a"),
        entry("shop-9/lib/c", type=tarfile.LNKTYPE, linkname="shop-9/lib/a"),
        entry("shop-9/lib/d", type=tarfile.SYMTYPE, linkname="a"),
        entry("shop-9/empty", type=tarfile.DIRTYPE, mode=0o700),
        listed="part shop\n./lib/a\n./lib/d\n./lib/c\n./gone\npart two\n./lib/closed/b\n",
    )
    found = divided(tarball, tmp_path / "scratch")
    first, small, last = found.values()
    assert [each.kind for each in first.members if each.path in ("lib/a", "lib/c", "lib/d")] == [
        Kind.FILE,
        Kind.HARDLINK,
        Kind.SYMLINK,
    ]
    # No link leads into another layer, and later layers can write where this one did.
    by_path = {each.path: each for each in small.members}
    assert by_path["lib/closed/b"].kind is Kind.FILE
    assert by_path["lib/closed"].mode == 0o755
    assert {each.path: each.mode for each in last.members if each.path != "lib"} == {
        "empty": 0o700,
        "lib/closed": 0o555,
        "share": 0o755,
        "share/omnibuild": 0o755,
    }


def test_what_no_layer_can_hold_stays_whole(tmp_path: Path) -> None:
    for number, odd in enumerate(
        (entry("shop-9/pipe", type=tarfile.FIFOTYPE), entry("beside", size=1))
    ):
        tarball = foreign(tmp_path / f"{number}.tar.gz", odd, listed="part shop\n./x\n")
        assert divided(tarball, tmp_path / str(number)) == {}
