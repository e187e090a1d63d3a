"""The parser agrees with readelf about real files of this machine."""

import re
import sys
from pathlib import Path

import pytest

from omnibuild import elf
from omnibuild.elf.tables import Image
from omnibuild.tools import Tool

READELF = Tool("readelf", "binutils")


def is_loadable(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        header = stream.read(20)
    # Executables and shared objects; objects of the linker have no dynamic tables.
    return elf.machine_of(header) is not None and header[16] in (2, 3)


def samples() -> list[Path]:
    found = {Path(sys.executable).resolve()}
    for directory in ("/usr/bin", "/usr/lib/x86_64-linux-gnu", sys.prefix):
        loadable = [path.resolve() for path in sorted(Path(directory).rglob("*.so*"))]
        loadable += sorted(Path(directory).glob("*"))
        found.update([path.resolve() for path in loadable if is_loadable(path)][::40])
    return sorted(found)


def readelf(path, *options):
    return READELF.run("-W", *options, path, check=False).stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("path", samples(), ids=str)
def test_the_parser_agrees_with_readelf(path):
    data = path.read_bytes()
    found = elf.parse(data)
    assert found is not None
    dynamic = readelf(path, "--dynamic")
    assert found.needed == tuple(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    assert found.soname == "".join(re.findall(r"\(SONAME\).*\[(.*)\]", dynamic))
    assert found.runpath == "".join(re.findall(r"\(RUNPATH\).*\[(.*)\]", dynamic))
    names = {name for library in (found.versions or {}).values() for name in library}
    assert names == set(re.findall(r"Name: (\S+) +Flags", readelf(path, "--version-info")))
    symbols = re.search(r"contains (\d+) entr", readelf(path, "--dyn-syms"))
    if symbols:
        assert sum(1 for _ in Image(data)._symbols()) == int(symbols[1])
