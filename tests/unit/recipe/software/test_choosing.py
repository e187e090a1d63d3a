from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.blueprint.components import Components
from omnibuild.errors import DefinitionError
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.software.choosing import Choice, choices, is_of, versions
from tests.unit.recipe.samples import GOLDEN, SOFTWARE, assert_golden, workspace

VARIANTS = """
[variants.debug]
about = "With symbols"
needs = ["bzip2"]
build-needs = ["xz"]
steps = [{ make = ["extra"] }]
environment = { OPTIONS = "--debug" }

[variants.fast.environment]
OPTIONS = "--fast"

[variants.release.environment]
LEVEL = "3"
"""
OLDER = 'name = "zlib-1.2"\nversion = "1.2.13"\nextends = "zlib"\nenvironment = { OLD = "1" }\n'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    software = workspace(tmp_path) / "software"
    (software / "zlib.toml").write_text(SOFTWARE + VARIANTS)
    (software / "zlib-1.2.toml").write_text(OLDER)
    (software / "zlib-ng.toml").write_text('name = "zlib-ng"\nversion = "2.0"\nextends = "zlib"\n')
    (software / "over.toml").write_text(
        SOFTWARE.replace('"zlib"', '"over"').replace("needs = []", 'needs = ["zlib"]')
    )
    return tmp_path


def chosen(directory: Path, *lines: str) -> dict[str, Choice]:
    path = directory / "recipes/own.toml"
    said = "\n".join(lines)
    path.write_text(
        '[app]\nname = "own"\nversion = "1"\nsummary = "Own"\nlicense = "MIT"\n'
        f'maintainer = "Me <me@example.com>"\n\n[software]\n{said}\n'
    )
    definitions = Definitions(directory)
    recipe, _ = definitions.recipe("own")
    return choices(definitions, recipe, path)


def test_versions_are_definitions_that_are_called_after_their_series(directory: Path) -> None:
    definitions = Definitions(directory)
    assert versions(definitions, "zlib") == {"zlib-1.2": "1.2.13", "zlib": "1.3.1"}
    assert "python-3.13" in versions(definitions, "python")
    assert versions(definitions, "nothing") == {}


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [("3.0.22", "3.0", True), ("3.0.22", "3.0.2", False), ("3.0", "3.0", True), ("3.0", "", True)],
)
def test_a_series_is_whole_numbers(version: str, wanted: str, fits: bool) -> None:
    assert is_of(version, wanted) is fits


@pytest.mark.parametrize(
    ("said", "definition"),
    [
        ('"1.3.1"', "zlib"),
        ('"1.2"', "zlib-1.2"),
        ('"1.2.13"', "zlib-1.2"),
        # The component's own definition comes first where both would do.
        ('"1"', "zlib"),
        ("{}", "zlib"),
        ('{ version = "1.2" }', "zlib-1.2"),
    ],
)
def test_a_recipe_chooses_a_version(directory: Path, said: str, definition: str) -> None:
    assert chosen(directory, f"zlib = {said}") == {"zlib": Choice(definition)}


def test_a_definition_that_is_wrong_is_told_to_who_may_take_it(directory: Path) -> None:
    broken = OLDER.replace("1.2", "1.1")
    (directory / "software/zlib-1.1.toml").write_text(f'patches = ["gone.patch"]\n{broken}')
    assert chosen(directory, 'zlib = "1.2"') == {"zlib": Choice("zlib-1.2")}
    assert chosen(directory, 'zlib = "1.3.1"') == {"zlib": Choice("zlib")}
    for wanted in ("1.1", "1.1.13", "9"):
        with pytest.raises(DefinitionError, match="there is no patch `gone"):
            chosen(directory, f'zlib = "{wanted}"')
    (directory / "software/zlib.toml").write_text("name = ")
    with pytest.raises(DefinitionError, match="zlib"):
        chosen(directory, 'zlib = ""')


def test_what_is_chosen_stands_under_all_that_need_it(directory: Path) -> None:
    choice = chosen(directory, 'zlib = "1.2"')
    components = Components(Definitions(directory), "bullseye", None, choice)
    over = components.actions[components.add("over")]
    zlib = components.actions[over.inputs["layer:zlib"]]
    assert components.software("zlib").version == "1.2.13"
    assert (zlib.parameters["name"], zlib.parameters["environment"]["OLD"]) == ("zlib", "1")


def test_variants_add_to_a_definition_and_to_its_key(directory: Path) -> None:
    definitions = Definitions(directory)
    plain = Components(definitions, "bullseye")
    choice = chosen(directory, 'zlib = { variants = ["debug"] }')
    components = Components(definitions, "bullseye", "release", choice)
    without, with_them = (each.actions[each.add("zlib")] for each in (plain, components))
    assert with_them.parameters["environment"] == {
        **without.parameters["environment"],
        "OPTIONS": "--debug",
        "LEVEL": "3",
    }
    assert with_them.parameters["steps"] == [
        *without.parameters["steps"],
        "make extra",
        "make -j1 install extra",
    ]
    assert with_them.parameters["needs"] == ["bzip2"]
    assert {"layer:bzip2", "layer:xz"} <= with_them.inputs.keys()
    assert components.closure(["zlib"]) == ("bzip2", "zlib")


def test_an_interpreter_that_is_not_defined_is_told_at_its_line(directory: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        chosen(directory, "[python]", 'version = "3.12"')
    assert str(caught.value.where).endswith("recipes/own.toml:10:11")
    assert "no definition of CPython is of the series `3.12`" in str(caught.value)
    assert "there are: 3.11, 3.13, 3.14; software/python-3.12.toml" in caught.value.hint


@pytest.mark.parametrize(
    ("case", "lines"),
    [
        ("version", ['zlib = "1.1"', 'bzip2 = "1.0"', 'zlip = "1.3"', 'cmake = "3"']),
        ("variant", ['zlib = { version = "1.3", variants = ["debgu", "debug", "fast"] }']),
        ("none", ['over = { variants = ["debug", "debug"], other = 1 }']),
    ],
)
def test_golden_messages(
    directory: Path, case: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)
    with pytest.raises(DefinitionError) as caught:
        chosen(Path(), *lines)
    text = str(caught.value).replace(f"{directory}/", "")
    assert_golden(GOLDEN / f"choosing.{case}.txt", text)


def test_tools_are_no_needs_of_what_apps_bring(directory: Path) -> None:
    path = directory / "software/over.toml"
    path.write_text(path.read_text().replace('needs = ["zlib"]', 'needs = ["zlib", "ninja"]'))
    with pytest.raises(DefinitionError, match="`ninja` is a tool for building") as caught:
        Components(Definitions(directory), "bullseye").add("over")
    assert caught.value.where
    assert (caught.value.where.line, caught.value.hint) == (5, "name it in `build-needs` instead")


def test_a_commit_is_a_source(directory: Path) -> None:
    text = SOFTWARE.partition("[source]")[0]
    commit = "0123456789abcdef0123456789abcdef01234567"
    (directory / "software/zlib.toml").write_text(
        f'{text}[source]\ngit = "https://example.com/zlib.git"\ncommit = "{commit}"\n'
    )
    components = Components(Definitions(directory), "bullseye")
    build = components.actions[components.add("zlib")]
    source = components.actions[build.inputs["source"]]
    assert (source.kind, source.parameters["commit"]) == ("checkout", commit)
    assert source.places["url"] == "https://example.com/zlib.git"
    assert source.places["definition"] == str(directory / "software/zlib.toml")


def test_a_tool_of_steps_that_no_definition_has(directory: Path) -> None:
    with pytest.raises(DefinitionError, match="no software is called `bzip`") as caught:
        chosen(directory, 'zlib = "1.2"', "[build]", 'needs = ["over", "bzip"]', 'steps = ["true"]')
    assert str(caught.value.where).endswith("recipes/own.toml:11:18")
    assert caught.value.hint == "did you mean `bzip2`?"
