from __future__ import annotations

import re
from pathlib import Path

import pytest

from omnibuild.discovery.findings import Findings
from omnibuild.discovery.metadata import declared
from omnibuild.errors import LockError
from omnibuild.sources.python.indexes import MACHINE
from omnibuild.sources.python.pins.finding import directories, pins_file, pins_record
from omnibuild.sources.python.pins.pins import Pin
from omnibuild.sources.python.pins.requirementstxt import (
    included,
    named_indexes,
    read_requirements,
)
from omnibuild.sources.python.project.rules import NO_RULES

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "base.txt").write_text("click>=8\n-c limits.txt\n")
    (tmp_path / "limits.txt").write_text("werkzeug==3.0.1\nblinker<2\n-r requirements.txt\n")
    path = tmp_path / "requirements.txt"
    path.write_text(
        f"""# pinned
-r base.txt
--require-hashes
Flask[async]==3.0.1 \\
    --hash=sha256:{ONE} \\
    --hash=sha256:{TWO.upper()}
pywin32==300 ; sys_platform == "win32"
numpy==2.*  # a series
"""
    )
    return path


def test_pins_constraints_and_digests(path: Path) -> None:
    pins = read_requirements(path, "3.13", path.parent)
    assert pins.versions == {"flask": Pin("3.0.1", frozenset({ONE, TWO})), "werkzeug": Pin("3.0.1")}
    assert sorted(map(str, pins.requires)) == ["Flask[async]==3.0.1", "click>=8", "numpy==2.*"]
    constraints = sorted(map(str, pins.all_constraints()))
    assert constraints == ["blinker<2", "click>=8", "flask==3.0.1", "numpy==2.*", "werkzeug==3.0.1"]


def test_all_that_it_includes_is_in_the_record(path: Path) -> None:
    assert {file.name for file in included(path)} == {"requirements.txt", "base.txt", "limits.txt"}
    before = pins_record(path)
    (path.parent / "limits.txt").write_text("blinker<3\n")
    assert pins_record(path) != before


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--index-url ./here", "is no address of an index"),
        ("--extra-index-url https://${USER}@example.org/simple", "is no address of an index"),
        ("--find-links ./wheels", "`--find-links` changes"),
        ("--pre", "`--pre` changes"),
        ("-e ./local", "does not say which package is there"),
        ("lib @ https://${TOKEN}@x.org/lib-1.zip", "names a variable"),
        (".[more]", "chooses extras of the project itself"),
        ("./lib%00", "names what no path can be"),
        pytest.param(f"./{'n' * 5000}", "does not say which package is there", id="long"),
        pytest.param(f"file:///{'n' * 5000}", "does not say which package is there", id="url"),
        ("https://example.org/page.html", "does not say which package is there"),
        ("git+https://example.org/a/b.git", "does not say which package is there"),
        ("flask >>> 3", "not a requirement"),
        ("${SECRET}", "not a requirement"),
        ("six==1 --hash=md5:00112233445566778899aabbccddeeff", "SHA-256"),
        ("-r missing.txt", "no such requirements file"),
    ],
)
def test_what_is_not_obeyed_is_refused_with_its_line(path: Path, line: str, says: str) -> None:
    path.write_text(f"click\n{line}\n")
    with pytest.raises(LockError, match=says) as caught:
        read_requirements(path, "3.13", path.parent)
    assert caught.value.where is not None
    assert caught.value.where.file.endswith("missing.txt") or caught.value.where.line == 2


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("a @ https://x.org/a.zip", "a @ https://x.org/a.zip"),
        ("git+https://x.org/a/b.git@v2#egg=lib", "lib @ git+https://x.org/a/b.git@v2"),
        (
            "-e git+ssh://git@x.org/b.git@v#egg=lib[x]&subdirectory=p/q",
            "lib[x] @ git+ssh://git@x.org/b.git@v#subdirectory=p/q",
        ),
        (
            f"https://x.org/Lib-2.tar.gz#sha256={ONE}",
            f"lib @ https://x.org/Lib-2.tar.gz#sha256={ONE}",
        ),
        (
            f"https://x.org/lib-2.0-py3-none-any.whl --hash=sha256:{ONE}",
            f"lib @ https://x.org/lib-2.0-py3-none-any.whl#sha256={ONE}",
        ),
        ("./own[more] ; python_version > '3'", "called[more] @ {}/own"),
        ("--editable=own", "called @ {}/own"),
        ("./own ; python_version < '3'", ""),
        ("./bare#egg=lib", "lib @ {}/bare"),
        (".", ""),
    ],
)
def test_addresses_and_paths(tmp_path: Path, line: str, read: str) -> None:
    for name, text in {"own": "[project]\nname = 'called'\n", "bare": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(text)
    path = tmp_path / "requirements.txt"
    path.write_text(f"{line}\n")
    pins = read_requirements(path, "3.13", tmp_path)
    for each in pins.requires:
        each.marker = None
    assert [str(each) for each in pins.requires] == (
        [read.format(tmp_path.as_uri())] if read else []
    )
    # Neither of them is something that an index is asked for.
    assert not pins.versions
    assert not pins.constraints
    beside = directories(path, "3.13", tmp_path)
    assert set(beside) == ({re.split(r"[\[ ]", read)[0]} if "{}" in read else set())


def test_indexes(path: Path) -> None:
    (path.parent / "base.txt").write_text("-i https://a.example/simple  # --index-url https://x/\n")
    path.write_text(
        "-r base.txt\n--extra-index-url=https://b.example --extra-index-url https://c.example\n"
    )
    assert not read_requirements(path, "3.13", path.parent).requires
    more, own = named_indexes(path)
    assert (more, own) == (["https://b.example", "https://c.example"], "https://a.example/simple")
    found = NO_RULES.with_indexes(more, own).indexes.ordered
    assert [index.url for index in found] == [
        *("https://b.example/", "https://c.example/", "https://a.example/simple/")
    ]
    assert NO_RULES.with_indexes(["https://b.example"], "").indexes.ordered[-1] is MACHINE
    assert NO_RULES.with_indexes([], "") == NO_RULES


def test_which_file_counts(tmp_path: Path) -> None:
    own = tmp_path / "pylock.toml"
    assert pins_file(tmp_path, "", own) is None
    for name in ("requirements.txt", "pylock.toml", "Pipfile.lock", "uv.lock"):
        (tmp_path / name).touch()
    assert pins_file(tmp_path, "", own) == tmp_path / "uv.lock"
    assert pins_file(tmp_path, "requirements.txt", own) == tmp_path / "requirements.txt"
    (tmp_path / "uv.lock").unlink()
    (tmp_path / "Pipfile.lock").unlink()
    # What is made of it is not what it is made of.
    assert pins_file(tmp_path, "", own) == tmp_path / "requirements.txt"


def test_files_that_include_each_other_without_end(tmp_path: Path) -> None:
    names = [f"{number}.txt" for number in range(20)]
    everybody = "".join(f"-r ../{tmp_path.name}/{name}\n-c {name}\n" for name in names)
    for name in names:
        (tmp_path / name).write_text(f"{everybody}six==1.17\n")
    assert read_requirements(tmp_path / "0.txt", "3.13", tmp_path).versions == {"six": Pin("1.17")}
    assert len(list(included(tmp_path / "0.txt"))) == len(names)
    for number in range(300):
        (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n")
    with pytest.raises(LockError, match="more than 200 files"):
        read_requirements(tmp_path / "0.txt", "3.13", tmp_path)
    assert len(list(included(tmp_path / "0.txt"))) == 200


def test_a_name_that_is_too_long_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"-r {'9' * 5000}.txt\n")
    with pytest.raises(LockError, match="no such requirements file"):
        read_requirements(path, "3.13", path.parent)
    assert list(included(path)) == [path]
    path.write_text("-r a\0b.txt\n")
    assert list(included(path)) == [path]


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-8"])
def test_a_file_is_in_what_its_first_bytes_say(tmp_path: Path, coding: str) -> None:
    path, more = tmp_path / "requirements.txt", tmp_path / "more.txt"
    mark = "" if coding == "utf-16" else "\ufeff"
    path.write_bytes(f"{mark}six==1 # gr\xfc\xdfe\r\n-r more.txt\r\n".encode(coding))
    more.write_text("click<9\n")
    assert read_requirements(path, "3.13", tmp_path).versions == {"six": Pin("1")}
    # A lock of it is stale, too, when what it includes changes.
    assert list(included(path)) == [path, more]
    found = Findings()
    declared(tmp_path, found)
    assert found.requirements == {"six"}


@pytest.mark.parametrize("content", [b"six==1\xff\n", b"# -*- coding: nosuch -*-\nsix==1\n"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(content)
    with pytest.raises(LockError, match="no requirements file") as caught:
        read_requirements(path, "3.13", path.parent)
    assert str(caught.value.where) == str(path)
