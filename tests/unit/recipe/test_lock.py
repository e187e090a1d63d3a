from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.errors import LockError, Where
from omnibuild.recipe.lock import LockedFile, LockedPackage, choose_file, load_lock
from tests.unit.recipe.samples import GOLDEN, assert_golden
from tests.unit.recipe.test_positions import texts, written
from tests.unit.recipe.test_validate import junk, mutate

DIGEST = "0123456789abcdef" * 4
HASHES = f'hashes = {{sha256 = "{DIGEST}"}}'

LOCK = f"""\
lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
requires-python = ">=3.11"
created-by = "somebody"
future-key = 1

[[packages]]
name = "Typing_Extensions"
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


def test_reads_names_digests_and_places(path: Path) -> None:
    package = load_lock(path).packages[0]
    assert package == LockedPackage(
        name="typing-extensions",
        version="4.12.2",
        wheels=(LockedFile("typing_extensions-4.12.2-py3-none-any.whl", DIGEST),),
        sdist=LockedFile(
            "typing_extensions-4.12.2.tar.gz",
            DIGEST,
            "https://files.example.org/a%2Fb/typing_extensions-4.12.2.tar.gz?x=/y.whl#z",
        ),
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
    assert [package.name for package in load_lock(path).packages_for(python)] == names


def test_a_lock_for_another_python(path: Path) -> None:
    with pytest.raises(LockError, match=r"this lock is for Python >=3.11, not for 3.10") as caught:
        load_lock(path).packages_for("3.10")
    assert caught.value.where == Where(str(path))


def test_two_versions_that_both_apply(path: Path) -> None:
    with pytest.raises(LockError, match=r"tomli is locked twice for Python 3.11.2") as caught:
        load_lock(path).packages_for("3.11.2")
    assert caught.value.why == "as 2.0.1 and as 2.0.2"


def test_missing_lock_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LockError) as caught:
        load_lock(tmp_path / "pylock.toml")
    assert caught.value.code == "lock"
    assert caught.value.hint == "run: omnibuild lock RECIPE"


@pytest.mark.parametrize("name", ["broken", "origins", "types", "syntax"])
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
    lock = {"lock-version": "1.0", "requires-python": ">=3.8", "packages": [package]}
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(lock, data.draw)
    path = tmp_path / "pylock.toml"
    path.write_text("\n".join(f"{written(k, '')} = {written(v, '')}" for k, v in lock.items()))
    try:
        load_lock(path).packages_for("3.13")
    except LockError as error:
        for problem in error.problems:
            assert 1 <= problem.where.line <= len(path.read_text().split("\n"))


@given(name=texts | junk, version=texts, marker=texts)
def test_markers_and_names_of_any_text(name: Any, version: str, marker: str) -> None:
    text = f"""lock-version = "1.0"
[[packages]]
name = {written(name, "")}
version = {written(version, "")}
marker = {written(marker, "")}
sdist = {{url = {written(version, "")}, hashes = {{}}}}"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "exists", lambda self: True)
        patch.setattr(Path, "read_bytes", lambda self: text.encode())
        with pytest.raises(LockError):
            load_lock(Path("pylock.toml"))


def numpy(*tags: str, sdist: bool = False) -> LockedPackage:
    wheels = tuple(LockedFile(f"numpy-2.3.0-{tag}.whl", DIGEST) for tag in tags)
    return LockedPackage(
        "numpy", "2.3.0", wheels, LockedFile("numpy-2.3.0.tar.gz", DIGEST) if sdist else None
    )


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
def test_best_wheel(tags: list[str], chosen: int) -> None:
    for order in (1, -1):
        package = numpy(*tags[::order], sdist=True)
        assert choose_file(package, "3.13", "2.31").name == f"numpy-2.3.0-{tags[chosen]}.whl"


def test_source_when_no_wheel_fits() -> None:
    package = numpy("cp313-cp313-manylinux_2_34_x86_64", "py2-none-any", sdist=True)
    assert choose_file(package, "3.13", "2.31").name == "numpy-2.3.0.tar.gz"
    assert choose_file(package, "3.13.5", "2.34").name.endswith("manylinux_2_34_x86_64.whl")


def test_no_file_fits() -> None:
    with pytest.raises(LockError) as caught:
        choose_file(numpy("cp312-cp312-win_amd64"), "3.13", "2.31")
    assert caught.value.what == "numpy 2.3.0 has no file for CPython 3.13 and glibc 2.31"
    assert caught.value.why == "locked: numpy-2.3.0-cp312-cp312-win_amd64.whl"
