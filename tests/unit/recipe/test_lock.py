from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.errors import LockError, Where
from omnibuild.recipe.lock import load_lock
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.recipe.wheeltags import same_release, same_version
from omnibuild.sources.python.told import version_variables
from tests.unit.recipe.samples import GOLDEN, assert_golden
from tests.unit.recipe.test_positions import texts, written
from tests.unit.recipe.test_validate import junk, mutate

DIGEST = "0123456789abcdef" * 4
MANY = ".".join("abcdefghijklmnop")
HASHES = f'hashes = {{sha256 = "{DIGEST}"}}'

LOCK = f"""\
lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
requires-python = ">=3.11"
created-by = "somebody"
extras = ["dev"]
future-key = 1

[[packages]]
name = "typing-extensions"
version = "4.12.2"
index = "https://index.example.org/simple"
wheels = [
    {{name = "typing_extensions-4.12.2-py3-none-any.whl", size = 37438, {HASHES}}},
]
[packages.sdist]
url = "https://files.example.org/a%2Fb/typing_extensions-4.12.2.tar.gz?x=/y.whl#z"
{HASHES}

[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == 'win32'"
sdist = {{path = "files/colorama-0.4.6.tar.gz", {HASHES}}}

[[packages]]
name = "tomli"
version = "2.0.1"
marker = "python_full_version < '3.12.4'"
sdist = {{name = "tomli-2.0.1.tar.gz", {HASHES}}}

[[packages]]
name = "tomli"
version = "2.0.2"
marker = "python_full_version < '3.11.4'"
sdist = {{name = "tomli-2.0.2.tar.gz", {HASHES}}}

[[packages]]
name = "extra"
version = "1"
marker = "'dev' in extras or 'test' in dependency_groups"
sdist = {{name = "extra-1.tar.gz", {HASHES}}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "pylock.toml").write_text(LOCK)
    return tmp_path / "pylock.toml"


def selected(path: Path, python: str = "3.13", glibc: str = "2.31") -> list[LockedFile]:
    return list(load_lock(path).select(python, glibc))


def test_reads_names_digests_and_places(path: Path) -> None:
    (wheel,) = selected(path)
    name = "typing_extensions-4.12.2-py3-none-any.whl"
    assert wheel == LockedFile("typing-extensions", "4.12.2", name, DIGEST)
    path.write_text(re.sub(r"wheels = \[.*?\n\]", "", LOCK, flags=re.DOTALL))
    (sdist,) = selected(path)
    assert sdist == LockedFile(
        "typing-extensions",
        "4.12.2",
        "typing_extensions-4.12.2.tar.gz",
        DIGEST,
        "https://files.example.org/a%2Fb/typing_extensions-4.12.2.tar.gz?x=/y.whl#z",
    )


@pytest.mark.parametrize(
    ("python", "names"),
    [
        ("3.13", ["typing-extensions"]),
        ("3.12.3", ["typing-extensions", "tomli"]),
        ("3.11", ["typing-extensions", "tomli"]),
        ("3.12", ["typing-extensions"]),  # a series is its newest patch release
    ],
)
def test_markers_choose_packages(path: Path, python: str, names: list[str]) -> None:
    assert [file.package for file in selected(path, python)] == names


def test_a_lock_for_another_python(path: Path) -> None:
    with pytest.raises(LockError, match=r"this lock is for Python >=3.11, not for 3.10") as caught:
        selected(path, "3.10")
    assert caught.value.where == Where(str(path))


def test_two_versions_that_both_apply(path: Path) -> None:
    with pytest.raises(LockError, match=r"does not fit CPython 3.11.2") as caught:
        selected(path, "3.11.2")
    assert "'tomli'" in caught.value.why
    assert caught.value.where == Where(str(path))


def test_missing_lock_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LockError) as caught:
        load_lock(tmp_path / "pylock.toml")
    assert caught.value.code == "lock"
    assert caught.value.hint == "run: omnibuild lock"


@pytest.mark.parametrize(
    "name", ["broken", "origins", "types", "syntax", "wheel-name", "no-files", "no-hashes"]
)
def test_golden_messages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(LockError) as caught:
        load_lock(Path(f"locks/pylock.{name}.toml"))
    assert_golden(GOLDEN / f"locks/pylock.{name}.txt", str(caught.value))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_mutation_is_a_lock_or_located_problems(tmp_path: Path, data: st.DataObject) -> None:
    file: dict[str, Any] = {"name": "six-1.17.0-py3-none-any.whl", "hashes": {"sha256": DIGEST}}
    package = {"name": "six", "version": "1.17.0", "marker": "os_name == 'posix'", "wheels": [file]}
    lock = {
        "lock-version": "1.0",
        "created-by": "x",
        "requires-python": ">=3.8",
        "packages": [package],
    }
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(lock, data.draw)
    path = tmp_path / "pylock.toml"
    path.write_text("\n".join(f"{written(k, '')} = {written(v, '')}" for k, v in lock.items()))
    try:
        selected(path)
    except LockError as error:
        for problem in error.problems:
            assert 1 <= problem.where.line <= len(path.read_text().split("\n"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=texts | junk, version=texts, marker=texts)
def test_markers_and_names_of_any_text(
    tmp_path: Path, name: Any, version: str, marker: str
) -> None:
    text = f"""lock-version = "1.0"
created-by = "x"
[[packages]]
name = {written(name, "")}
version = {written(version, "")}
marker = {written(marker, "")}
sdist = {{url = {written(version, "")}, hashes = {{}}}}"""
    (tmp_path / "pylock.toml").write_text(text)
    with pytest.raises(LockError):
        load_lock(tmp_path / "pylock.toml")


def numpy(path: Path, *tags: str, sdist: bool = False) -> Path:
    wheels = ",\n".join(f'{{name = "numpy-2.3.0-{tag}.whl", {HASHES}}}' for tag in tags)
    path.write_text(
        f"""lock-version = "1.0"
created-by = "x"
[[packages]]
name = "numpy"
version = "2.3.0"
wheels = [{wheels}]
"""
        + (f'sdist = {{name = "numpy-2.3.0.tar.gz", {HASHES}}}' if sdist else "")
    )
    return path


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        # the interpreter's own ABI beats abi3, which beats pure
        (["py3-none-any", "cp39-abi3-manylinux2014_x86_64", "cp313-cp313-manylinux2014_x86_64"], 2),
        (["py3-none-any", "cp39-abi3-manylinux2014_x86_64", "cp312-cp312-manylinux1_x86_64"], 1),
        (["cp313-cp313t-manylinux2014_x86_64", "py2.py3-none-any"], 1),
        # the newest glibc within the ceiling, never beyond it, nor another libc or machine
        (["cp313-cp313-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_31_x86_64"], 1),
        (["cp313-cp313-manylinux_2_34_x86_64", "cp313-cp313-manylinux_2_28_x86_64"], 1),
        (["cp313-cp313-musllinux_1_2_x86_64", "cp313-cp313-manylinux1_x86_64"], 1),
        (["cp313-cp313-manylinux_2_28_aarch64", "cp313-cp313-manylinux2010_x86_64"], 1),
        (["cp313-cp313-macosx_11_0_arm64", "cp313-cp313-win_amd64", "py3-none-any"], 2),
        # several platforms in one name
        (["py3-none-any", "cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64"], 1),
        # the higher build number
        (["1-py3-none-any", "10-py3-none-any", "py3-none-any"], 1),
    ],
)
def test_best_wheel(tmp_path: Path, tags: list[str], chosen: int) -> None:
    for order in (1, -1):
        path = numpy(tmp_path / "pylock.toml", *tags[::order], sdist=True)
        assert [file.name for file in selected(path)] == [f"numpy-2.3.0-{tags[chosen]}.whl"]


def test_source_when_no_wheel_fits(tmp_path: Path) -> None:
    tags = ("cp313-cp313-manylinux_2_34_x86_64", "py2-none-any")
    path = numpy(tmp_path / "pylock.toml", *tags, sdist=True)
    assert selected(path)[0].name == "numpy-2.3.0.tar.gz"
    assert selected(path, "3.13.5", "2.34")[0].name.endswith("manylinux_2_34_x86_64.whl")


def test_no_file_fits(tmp_path: Path) -> None:
    path = numpy(tmp_path / "pylock.toml", "cp312-cp312-win_amd64")
    with pytest.raises(LockError, match=r"does not fit CPython 3.13 and glibc 2.31") as caught:
        selected(path)
    assert "'numpy'" in caught.value.why


def one_package(**keys: str) -> str:
    keys = {"name": "a", "version": "1", **keys}
    sdist = keys.pop("sdist", f'{{name = "a-1.tar.gz", {HASHES}}}')
    lines = [f'{key} = "{value}"' for key, value in keys.items()]
    lines += [f"sdist = {sdist}"] if sdist else []
    return "\n".join(['lock-version = "1.0"', 'created-by = "x"', "[[packages]]", *lines, ""])


def wheels(*names: str) -> str:
    listed = ",".join(f'{{name = "{name}", {HASHES}}}' for name in names)
    return one_package(sdist="") + f"wheels = [{listed}]\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(one_package(version="9" * 5000), "5000 characters", id="digits"),
        pytest.param(one_package(marker="(" * 5000), "5000 characters", id="long marker"),
        pytest.param(
            one_package(marker="(" * 330 + "os_name=='a'" + ")" * 330),
            "too deeply",
            id="deep marker",
        ),
        pytest.param(
            wheels("a-1-" + ".".join(["py3"] * 300) + "-none-any.whl"), "name of a file", id="tags"
        ),
        pytest.param(
            wheels("a-1-" + "-".join([".".join("abcdefgh")] * 3) + ".whl"), "a file", id="product"
        ),
        pytest.param(
            wheels(*(f"a-1-{n}-{MANY}-{MANY}-any.whl" for n in range(500))),
            "too many tags",
            id="many tags",
        ),
        pytest.param(wheels("../a-1-py3-none-any.whl"), "name of a file", id="slash"),
        pytest.param(wheels("b-1-py3-none-any.whl"), "not consistent", id="another's"),
        pytest.param(
            one_package(sdist=f'{{url = "http://[::1/x", {HASHES}}}'), "not a URL", id="url"
        ),
        pytest.param(one_package(sdist=f'{{name = "../a-1.tar.gz", {HASHES}}}'), "a file", id="up"),
        pytest.param("a = " + "[" * 16_000, "nested too deeply", id="arrays"),
        pytest.param("x." * 16_000 + "x = 1", "nested too deeply", id="keys"),
        pytest.param("[" + "x . " * 16_000 + "x]", "nested too deeply", id="header"),
        pytest.param("a = {" + "'x'." * 16_000 + "x = 1}", "nested too deeply", id="inline"),
        pytest.param("#" * (5 << 20), "larger than", id="size"),
    ],
)
def test_out_of_bounds(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pylock.toml").write_text(text)
    started = time.process_time()
    with pytest.raises(LockError, match=says):
        load_lock(tmp_path / "pylock.toml")
    # Of the processor, and far from what it takes: these once took minutes.
    assert time.process_time() - started < 10


def test_a_lock_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pylock.toml")
    with pytest.raises(LockError, match="no regular file"):
        load_lock(tmp_path / "pylock.toml")


@pytest.mark.parametrize("same", [same_version, same_release])
def test_numbers_of_thousands_of_digits_are_no_versions(same: Callable[[str, str], bool]) -> None:
    many = "9" * 5000
    assert same(many, many)
    assert not same(many, "1.0")
    assert version_variables("shop", many) == {}
