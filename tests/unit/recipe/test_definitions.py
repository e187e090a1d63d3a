from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import DefinitionError, UnknownNameError
from omnibuild.recipe import definitions
from omnibuild.recipe.definitions import Definitions, shipped
from tests.unit.recipe.samples import CHECKOUT, SOFTWARE, workspace


@pytest.fixture
def found(tmp_path: Path) -> Definitions:
    return Definitions(workspace(tmp_path))


def test_shipped_is_the_checkout_or_inside_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shipped() == CHECKOUT
    package = tmp_path / "omnibuild"
    (package / "definitions").mkdir(parents=True)
    monkeypatch.setattr(definitions, "__file__", str(package / "recipe/definitions.py"))
    assert shipped() == package / "definitions"


def test_finds_the_workspace_first_then_what_ships(found: Definitions, tmp_path: Path) -> None:
    assert found.directories == (tmp_path, CHECKOUT)
    recipe, path = found.recipe("shop")
    assert (recipe.app.name, path) == ("shop", tmp_path / "recipes/shop.toml")
    platform, path = found.platform("ubuntu-22.04")
    assert (platform.glibc, path) == ("2.35", CHECKOUT / "platforms/ubuntu-22.04.toml")
    (tmp_path / "platforms/ubuntu-22.04.toml").write_text(path.read_text().replace("2.35", "2.30"))
    # Directories are listed once.
    assert Definitions(tmp_path).platform("ubuntu-22.04")[0].glibc == "2.30"


@pytest.mark.parametrize(
    ("word", "makers"),
    [
        ("apk", "wolfi"),
        ("archlinux", "arch"),
        ("pacman", "arch"),
        ("docker", "oci"),
        ("rpm", "el9"),
    ],
)
def test_who_names_a_format_is_told_the_platforms(
    found: Definitions, word: str, makers: str
) -> None:
    with pytest.raises(UnknownNameError, match=f"`{word}`: that is a format") as caught:
        found.platform(word)
    assert caught.value.hint == f"platforms that make it: {makers}"


def test_the_same_directory_is_searched_once() -> None:
    assert Definitions(CHECKOUT).directories == (CHECKOUT,)


def test_series_are_definitions_of_their_own(found: Definitions, tmp_path: Path) -> None:
    for name in ("python-3.11", "python-3.13"):
        text = SOFTWARE.replace('name = "zlib"', f'name = "{name}"')
        (tmp_path / f"software/{name}.toml").write_text(text)
    assert {"python-3.11", "python-3.13"} <= set(found.names("software"))
    assert found.software("python-3.13").software.name == "python-3.13"
    (tmp_path / "software/python-3.12.toml").write_text(text)
    found = Definitions(tmp_path)
    with pytest.raises(DefinitionError, match=r"`name` must be the file's name, `python-3.12`"):
        found.software("python-3.12")


def test_names_pass_over_locks_and_other_files(found: Definitions, tmp_path: Path) -> None:
    for name in ("pylock.toml", "pylock.shop.toml", "shop.pylock.toml", ".tmp-x.toml", "README"):
        (tmp_path / "recipes" / name).touch()
    names = found.names("recipes")
    assert "shop" in names
    assert not [name for name in names if "pylock" in name or "tmp" in name or "README" in name]
    assert list(names) == sorted(names)


def test_unknown_names_say_what_there_is(found: Definitions) -> None:
    with pytest.raises(UnknownNameError) as caught:
        found.platform("debian12")
    assert caught.value.what == "no platform is called `debian12`"
    assert "available: arch, debian-11, debian-12, debian-13, el9, linux" in caught.value.why
    assert f"searched {CHECKOUT / 'platforms'}" in caught.value.why
    assert caught.value.hint == "did you mean `debian-12`?"


@pytest.mark.parametrize("name", ["", "../recipes/shop", "/etc/passwd", "shop.toml", "x\x00"])
def test_names_are_never_paths(found: Definitions, name: str) -> None:
    with pytest.raises(UnknownNameError):
        found.software(name)


def test_a_directory_need_not_be_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "recipes").touch()
    assert Definitions(tmp_path).names("platforms") == Definitions(CHECKOUT).names("platforms")


def test_root_locks(found: Definitions, tmp_path: Path) -> None:
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots/tiny.lock.json").touch()
    assert found.root_lock("tiny") == tmp_path / "roots/tiny.lock.json"
    with pytest.raises(UnknownNameError, match="no root is called `tinny`"):
        found.root_lock("tinny")


def test_shipped_definitions_are_valid() -> None:
    everything = Definitions(CHECKOUT)
    for name in everything.names("platforms"):
        everything.platform(name)
    for name in everything.names("software"):
        everything.software(name)
    for name in everything.names("recipes"):
        everything.recipe(name)
    assert {"debian-11", "debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04"} < set(
        everything.names("platforms")
    )


def test_only_debian_11_has_other_bytes_and_so_another_suite() -> None:
    everything = Definitions(CHECKOUT)
    debs = {name: everything.platform(name)[0].deb for name in everything.names("platforms")}
    other = {name: deb for name, deb in debs.items() if deb and deb.compression != "zstd"}
    assert list(other) == ["debian-11"]
    assert [name for name, deb in debs.items() if deb and deb.revision_suffix] == ["debian-11"]
