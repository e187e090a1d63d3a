"""The loader's rules as we follow them agree with the real loader of this machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from omnibuild import elf
from omnibuild.elf.loader import Found, Loader
from omnibuild.tools import Tool

LD_SO = "/lib64/ld-linux-x86-64.so.2"
GCC, LD = Tool("gcc", "gcc"), Tool("ld", "binutils")
DIRECTORIES = ("one", "two", "three")
NAMES = tuple(f"libtry-{letter}.so" for letter in "abcdef")
LINE = re.compile(r"\t(\S+) => (.+?)(?: \(0x[0-9a-f]+\))?$", re.MULTILINE)


@pytest.fixture(scope="module")
def linker(tmp_path_factory):
    """An object, and a stub for each name: what is linked against it needs that name."""
    base = tmp_path_factory.mktemp("linker")
    (base / "x.c").write_text("int x;")
    GCC.run("-c", "-fPIC", "x.c", directory=base)
    for name in NAMES:
        LD.run("-shared", "-soname", name, "x.o", "-o", name, directory=base)
    return base


def linked(random: Random, linker: Path, path: Path, soname: str) -> Path:
    """Link a library that needs some others and searches in some directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ["-shared", "--no-as-needed", "x.o", *random.sample(NAMES, random.choice((0, 1, 1, 2)))]
    words += ["-soname", soname] if soname else []
    places = random.sample(DIRECTORIES, random.choice((0, 1, 2, 3)))
    if places:
        tags = random.choice(("--enable-new-dtags", "--disable-new-dtags", "--disable-new-dtags"))
        words += ["-rpath", ":".join(f"$ORIGIN/../{place}" for place in places), tags]
    LD.run(*words, "-o", path, directory=linker)
    return path


def graph(random: Random, linker: Path, base: Path) -> Iterator[Path]:
    """Fill directories with libraries that need each other; return what nobody needs."""
    made: list[Path] = []
    for name in random.sample(NAMES, random.choice((5, 6))):
        for directory in random.sample(DIRECTORIES, random.choice((1, 1, 2))):
            path = base / directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if made and random.random() < 0.15:
                path.symlink_to(os.path.relpath(random.choice(made), path.parent))
            else:
                soname = random.choice((name, name, name, "libtry-other.so", ""))
                made.append(linked(random, linker, path, soname))
    for number in range(3):
        yield linked(random, linker, base / f"one/start-{number}.so", "")


def really(path: Path) -> tuple[list[str], list[str]]:
    """Return the files that the real loader loads, in their order, and what it does not find."""
    done = subprocess.run(
        [LD_SO, path],
        env={"LD_TRACE_LOADED_OBJECTS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = LINE.findall(done.stdout)
    found = [os.path.realpath(place) for _, place in lines if place != "not found"]
    return [str(path), *found], [name for name, place in lines if place == "not found"]


def followed(path: Path) -> tuple[list[str], list[str]]:
    """Return what we say of it."""

    def find(place: str) -> Found | None:
        real = Path(os.path.realpath(place))
        return Found(str(real), elf.parse(real.read_bytes())) if real.is_file() else None

    first = find(str(path))
    loading = Loader(find, frozenset()).load(first.path, first.elf)
    return list(loading.files), [missing.name for missing in loading.missing]


def test_it_loads_the_same_files_in_the_same_order(linker, tmp_path):
    ends = []
    for seed in range(20):
        for start in graph(Random(seed), linker, tmp_path / str(seed)):  # noqa: S311
            files, missing = followed(start)
            expected, faults = really(start)
            assert (start, files, sorted(missing)) == (start, expected, sorted(faults))
            ends.append((len(files), len(missing)))
    # The graphs are worth it: of many files, and in many ways incomplete.
    complete = [count for count, missing in ends if not missing]
    assert (len(ends) - len(complete), sum(count > 2 for count in complete)) > (15, 5)
