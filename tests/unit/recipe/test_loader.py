from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import omnibuild.host
from omnibuild.errors import DefinitionError, UnknownNameError, Where
from omnibuild.recipe import located
from omnibuild.recipe.checks import service_user
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.loader import error_in, load
from omnibuild.recipe.models import Model, Platform, Recipe, Web
from omnibuild.recipe.running import environment
from tests.unit.recipe.samples import GOLDEN, RECIPE, SOFTWARE, assert_golden, workspace

KINDS: dict[str, type[Model]] = {"recipes": Recipe, "platforms": Platform}
CASES = sorted(path.relative_to(GOLDEN) for kind in KINDS for path in GOLDEN.glob(f"{kind}/*.toml"))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden_messages(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(DefinitionError) as caught:
        load(case, KINDS[case.parts[0]])
    text = str(caught.value)
    assert_golden(GOLDEN / case.with_suffix(".txt"), text)
    # Nothing that a terminal obeys comes through from a file.
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)


def test_valid_recipe_has_every_default(tmp_path: Path) -> None:
    recipe = load(workspace(tmp_path) / "recipes/shop.toml", Recipe)
    assert isinstance(recipe.web, Web)
    assert recipe.web.listen == "127.0.0.1:8080"
    assert recipe.package.recommends == ("postgresql", "redis")
    assert recipe.package.revision == "1"
    assert service_user(recipe) == "shop"


def test_valid_software_and_shipped_platforms_load(tmp_path: Path) -> None:
    software = Definitions(workspace(tmp_path)).software("zlib").software
    assert str(software.steps[1]).splitlines() == ["make -j$JOBS", "make install"]


@pytest.mark.parametrize(
    ("lines", "user"),
    [
        ("", ""),
        ('[package]\nuser = "other"', "other"),
        ('[services.worker]\ncommand = "work"', "shop"),
        ('[services.worker]\ncommand = "work"\n[package]\nuser = "other"', "other"),
    ],
)
def test_service_user(tmp_path: Path, lines: str, user: str) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(RECIPE.partition("[source]")[0] + '[software]\nzlib = "1"\n' + lines)
    assert service_user(load(path, Recipe)) == user


def test_every_problem_is_an_object_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(RECIPE.replace("workers = 4", 'workers = "4"').replace("libpq", "L"))
    with pytest.raises(DefinitionError) as caught:
        load(path, Recipe)
    places = [problem.where for problem in caught.value.problems]
    assert places == [Where(str(path), 16, 1), Where(str(path), 22, 11)]
    assert caught.value.where == Where(str(path))
    assert caught.value.code == "definition"


def test_a_single_problem_is_the_error_itself(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(RECIPE.replace("workers = 4", "worker = 4"))
    with pytest.raises(DefinitionError) as caught:
        load(path, Recipe)
    assert caught.value.what == "unknown key `worker` in [web]"
    assert caught.value.where == Where(str(path), 22, 1)
    assert caught.value.hint == "did you mean `workers`?"


@pytest.mark.parametrize("place", ["/usr/share/man/man1/shop.1", "/var/lib/shop/x", "/etcetera"])
def test_configuration_is_below_etc(tmp_path: Path, place: str) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    path.write_text(RECIPE.replace("/etc/shop/shop.toml", place))
    with pytest.raises(DefinitionError, match="is not below /etc") as caught:
        load(path, Recipe)
    assert "manual pages" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("secrets/key", "and so no secret"),
        ("keep-data", "that operators and dpkg use"),
        ("shop.conf.dpkg-dist", "that operators and dpkg use"),
    ],
)
def test_configuration_has_names_of_its_own(tmp_path: Path, name: str, said: str) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    path.write_text(RECIPE.replace("/etc/shop/shop.toml", f"/etc/shop/{name}"))
    with pytest.raises(DefinitionError, match=said):
        load(path, Recipe)


def test_an_environment_of_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    text = RECIPE.partition("[source]")[0] + '[software]\nzlib = "1"\n[environment]\nA = "b"\n'
    path.write_text(text)
    with pytest.raises(DefinitionError, match="is for services and commands") as caught:
        load(path, Recipe)
    assert caught.value.where
    assert caught.value.where.line > 1
    path.write_text(text + '[commands]\nshop = "shop"\n')
    assert load(path, Recipe).environment == {"A": "b"}


def test_a_mode_is_said_not_guessed(tmp_path: Path) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    (tmp_path / "files/shop.toml").chmod(0o604 & 0o640)
    with pytest.raises(DefinitionError, match="mode 0600") as caught:
        load(path, Recipe)
    words = '{ source = "../files/shop.toml", mode = "0600" }'
    assert f"write {words}, or chmod a+r" in caught.value.hint
    # The words that the message proposes are right ones.
    path.write_text(RECIPE.replace('"../files/shop.toml"', words))
    assert load(path, Recipe).config_files["/etc/shop/shop.toml"].permissions == 0o600


def test_a_directory_that_its_owner_cannot_enter_is_refused(tmp_path: Path) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    path.write_text(f'{RECIPE}[files]\n"/opt/shop/spool" = {{ directory = true, mode = "0600" }}\n')
    with pytest.raises(DefinitionError, match="does not let its owner into the directory"):
        load(path, Recipe)


@pytest.mark.parametrize(
    ("said", "column", "what"),
    [
        ('mode = "0646"', 65, "lets everybody write it"),
        ('mode = "0244"', 65, "does not let its owner read it"),
        ('mode = "4755"', 65, "cannot be `4755`"),
        ("mode = 640", 65, "must be a string, not an integer"),
        ('owner = "www-data"', 66, "`www-data` cannot be the owner of a configuration file"),
        ('group = "adm"', 66, "`adm` cannot be the group of a configuration file"),
        ('gruop = "shop"', 58, "unknown key `gruop`"),
    ],
)
def test_modes_and_owners_that_no_host_should_have(
    tmp_path: Path, said: str, column: int, what: str
) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    words = f'{{ source = "../files/shop.toml", {said} }}'
    text = RECIPE.replace('"../files/shop.toml"', words)
    path.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        load(path, Recipe)
    assert what in caught.value.what
    line = text[: text.index(words)].count("\n") + 1
    assert caught.value.where == Where(str(path), line, column)


@pytest.mark.parametrize("said", ['"../files/shop.toml"', '{ source = "../files/shop.toml" }'])
def test_what_is_executable_is_not_made_otherwise_silently(tmp_path: Path, said: str) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    path.write_text(RECIPE.replace('"../files/shop.toml"', said))
    (tmp_path / "files/shop.toml").chmod(0o755)
    with pytest.raises(DefinitionError, match="is executable, and on hosts it would not be") as e:
        load(path, Recipe)
    words = '{ source = "../files/shop.toml", mode = "0755" }'
    assert f"write {words}, or chmod a-x" in e.value.hint
    path.write_text(RECIPE.replace('"../files/shop.toml"', words))
    assert load(path, Recipe).config_files["/etc/shop/shop.toml"].permissions == 0o755


def test_only_an_app_with_a_user_owns_configuration(tmp_path: Path) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    words = '{ source = "../files/shop.toml", owner = "shop", group = "shop", mode = "400" }'
    text = RECIPE.replace('"../files/shop.toml"', words)
    path.write_text(text)
    assert load(path, Recipe).config_files["/etc/shop/shop.toml"].owner == "shop"
    start, end = text.index("[web]"), text.index("[commands]")
    path.write_text(text[:start] + text[end:])
    with pytest.raises(DefinitionError) as caught:
        load(path, Recipe)
    assert [problem.what.split()[-5:] for problem in caught.value.problems] == [
        ["owner", "of", "a", "configuration", "file"],
        ["group", "of", "a", "configuration", "file"],
    ]
    assert "no services, and so no user" in caught.value.problems[0].hint


def test_endless_lists_of_problems_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(RECIPE + "depends = [" + "1, " * 100 + "]")
    with pytest.raises(DefinitionError) as caught:
        load(path, Recipe)
    assert len(caught.value.problems) == 100
    assert str(caught.value).endswith("… and 80 more")


def test_no_file_is_taken_from_the_machine_by_a_symlink(tmp_path: Path) -> None:
    path = tmp_path / "real/project/recipes/shop.toml"
    path.parent.mkdir(parents=True)
    (tmp_path / "here").symlink_to(tmp_path / "real")
    (tmp_path / "real/out").symlink_to("/etc")
    (path.parent / "hosts").symlink_to("../../out/hosts")
    (path.parent / "own").symlink_to("./shop.toml")
    (path.parent / "round").symlink_to("round/round")
    head = RECIPE[: RECIPE.index("[source]")] + '[software]\nzlib = "1.3"\n'
    files = '[files]\n"/opt/shop/own" = "own"\n'
    path.write_text(head + files)
    by_link = tmp_path / "here/project/recipes/shop.toml"
    assert load(by_link, Recipe).files
    path.write_text(
        f'{head}[config]\n"/etc/shop/hosts" = "hosts"\n{files}"/opt/shop/x" = "hosts"\n'
    )
    with pytest.raises(DefinitionError) as caught:
        load(by_link, Recipe)
    assert str(caught.value).count("`hosts` is, by a symlink to `/etc`, of the machine") == 2
    path.write_text(f'{head}{files}"/opt/shop/x" = "round"\n')
    with pytest.raises(DefinitionError, match="neither a file nor a directory"):
        load(by_link, Recipe)


def test_windows_line_ends_and_tabs_keep_columns(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_bytes(b'app.name = 1\r\n\tapp.version = "S"\r\n')
    with pytest.raises(DefinitionError) as caught:
        load(path, Recipe)
    problem = caught.value.problems[-1]
    assert problem.where == Where(str(path), 2, 16)
    assert problem.excerpt == '2 | \tapp.version = "S"\n  | \t              ^^^'


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no such file") as caught:
        load(tmp_path / "shop.toml", Recipe)
    assert caught.value.where == Where(str(tmp_path / "shop.toml"))


def test_directory_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="cannot read this file: Is a directory"):
        load(tmp_path, Recipe)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Give up, for a while, that root may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.touch(mode=0)
    with (
        as_nobody(),
        pytest.raises(DefinitionError, match="cannot read this file: Permission denied"),
    ):
        load(path, Recipe)


def test_file_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "recipes").touch()
    with pytest.raises(UnknownNameError):
        load(tmp_path / "recipes/shop.toml", Recipe)


@pytest.mark.parametrize(
    "text",
    ["workers = " + "9" * 5000, "workers = 0x" + "f" * 5000, "x = " + "[" * 5000, "name = 'x\x00'"],
    ids=["digits", "hex", "nesting", "nul"],
)
def test_extreme_values_are_definition_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("[web]\n" + text)
    with pytest.raises(DefinitionError):
        load(path, Recipe)


def test_nesting_that_the_parser_just_reads(tmp_path: Path) -> None:
    # Wherever Python's stack ends, in the parser or in the scanner, the error is the user's.
    for depth in range(100, 500, 7):
        path = tmp_path / "shop.toml"
        path.write_text("x = " + "[" * depth + "]" * depth)
        with pytest.raises(DefinitionError):
            load(path, Recipe)


def test_long_lines_are_cut_around_the_carets(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("depends = [" + '"libc6", ' * 40 + "1, " + '"libc6", ' * 40 + "]")
    document = located.read(path)
    line, carets = document.problem(located.Fault(("depends", 40), "wrong")).excerpt.splitlines()
    assert len(line) < 100
    assert line[carets.index("^")] == "1"


ENDLESS = {
    "unknown keys": "".join(f"key-{n} = 1\n" for n in range(20_000)),
    "tables": "".join(f"[key-{n}]\n" for n in range(20_000)),
    "dotted key": ".".join(["x"] * 16_000) + " = 1",
    "header": "[" + ".".join(["x"] * 16_000) + "]",
    "quoted key": ".".join(["'x'"] * 16_000) + " = 1",
    "inline": "x = {a = 1, " + ".".join(["x"] * 16_000) + " = 1}",
    "arrays": "x = " + "[" * 16_000 + "]" * 16_000,
    "inline tables": "x = " + "{x=" * 16_000,
    "python": "[python]\nlock = 'x'\nversion = '3." + "9" * 5000 + "'",
    "index": "[source]\nindex = 'shop==" + "9" * 5000 + "'",
    "one string": "x = '" + "x" * (1 << 20) + "'",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_endless_input_is_one_error_soon(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(DefinitionError) as caught:
        load(path, Recipe)
    assert len(str(caught.value)) < 10_000
    # Of the processor, and with a margin: without bounds these take from ten seconds to hours.
    assert time.process_time() - started < 5


def test_more_problems_than_anybody_reads_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("".join(f"key-{n} = 1\n" for n in range(500)))
    with pytest.raises(DefinitionError, match="more than 100 problems in this file"):
        load(path, Recipe)


def test_strings_may_hold_what_looks_like_deep_keys(tmp_path: Path) -> None:
    deep = ".".join(["x"] * 40)
    path = tmp_path / "a.toml"
    path.write_text(f'host = "{deep}"\nhosts = ["{deep}", "{deep}"]\n# {deep} = 1\n')
    assert located.read(path).data["host"] == deep


@pytest.mark.parametrize("place", ["http://[::1/x", "http://host:port/x", "https://[x]/"])
def test_places_that_are_no_urls(tmp_path: Path, place: str) -> None:
    path = workspace(tmp_path) / "software/zlib.toml"
    path.write_text(SOFTWARE.replace("https://example.org/zlib-1.3.1.tar.gz", place))
    with pytest.raises(DefinitionError, match="is not a URL") as caught:
        Definitions(tmp_path).software("zlib")
    assert caught.value.where is not None
    assert caught.value.where.line > 1


@pytest.mark.parametrize(
    "name", ["root", "self", "IFS", "PATH", "UID", "BASH_ENV", "PYTHONPATH", "LD_PRELOAD", "PS4"]
)
def test_variables_that_would_be_set_in_vain(tmp_path: Path, name: str) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    path.write_text(f'{RECIPE}\n[environment]\n{name} = "x"\n')
    with pytest.raises(DefinitionError, match=f"`{name}` cannot be set") as caught:
        load(path, Recipe)
    assert caught.value.where is not None


@pytest.mark.parametrize("name", ["SHOP_ROOT", "http_proxy", "PYTHON_ENV", "LANG", "ENVIRONMENT"])
def test_other_variables_are_fine(tmp_path: Path, name: str) -> None:
    path = workspace(tmp_path) / "recipes/shop.toml"
    path.write_text(f'{RECIPE}\n[environment]\n{name} = "x"\n')
    assert load(path, Recipe).environment == {name: "x"}


def test_timers_have_an_environment(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    timer = '[timers.sweep]\ncommand = "bin/sweep"\ncalendar = "daily"\n[environment]\nA = "x"\n'
    path.write_text(RECIPE.partition("[source]")[0] + '[software]\nzlib = "1"\n' + timer)
    assert load(path, Recipe).environment == {"A": "x"}


def test_all_variables_of_the_launchers_are_refused() -> None:
    templates = (Path(omnibuild.host.__file__).parent / "templates").glob("*.in")
    used = {
        name
        for template in templates
        if template.stem in ("launcher.sh", "environment", "run.sh", "serve.sh")
        for line in template.read_text().splitlines()
        if not line.lstrip().startswith("#")
        for name in re.findall(
            r"(?:^\s*|\bfor |\bread -r )([a-z_]+)(?:=| in |\b(?= ?\|\| |;))", line
        )
    }
    assert {"root", "self"} <= used
    allowed = {n for n in used if not any(p.fullmatch(n) for p, _ in environment._NOT_VARIABLES)}
    assert allowed == set()


def test_where_a_definition_pins_its_source_or_takes_it_from(tmp_path: Path) -> None:
    path, pin = tmp_path / "tiny.toml", located.Fault(("source", "sha256"), "wrong")
    path.write_text('name = "tiny"\n[source]\nsha256 = "00"\n')
    assert str(error_in(path, [pin]).where) == f"{path}:3:10"
    path.write_text('name = "tiny"\nextends = "other"\n')
    assert str(error_in(path, [pin]).where) == f"{path}:2:11"
