from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import PackageError
from omnibuild.package.relations import (
    Relation,
    calls,
    deb_depends,
    parse_relation,
    parse_single_relation,
)
from omnibuild.package.rpm.notation import RpmRelation, parse_rpm_relation
from omnibuild.package.rpm.relations import relation_fields
from omnibuild.package.rpm.tags import Sense, Tag
from omnibuild.payload.model import Metadata, Payload, Relations
from omnibuild.tree import Tree
from tests.unit.package.samples import EVERYTHING, METADATA


@pytest.mark.parametrize(
    ("text", "relations"),
    [
        ("libc6", (Relation("libc6"),)),
        ("libc6 (>= 2.31)", (Relation("libc6", ">=", "2.31"),)),
        ("libc6(<<1:2.31-4~x)", (Relation("libc6", "<<", "1:2.31-4~x"),)),
        ("a1 (= 1) | b2", (Relation("a1", "=", "1"), Relation("b2"))),
        ("python3:any", (Relation("python3", any_architecture=True),)),
    ],
)
def test_notation(text: str, relations: tuple[Relation, ...]) -> None:
    assert parse_relation(text) == relations


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "UPPER",
        "lib c",
        "libc6 (> 1)",
        "libc6 (>= )",
        "a1 |",
        "a1, b2",
        "a1\nb2",
        "a1 |\nb2",
    ],
)
def test_other_notations_are_refused(text: str) -> None:
    with pytest.raises(PackageError):
        parse_relation(text)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        relations = parse_relation(text)
    except PackageError:
        return
    assert parse_relation(" | ".join(map(str, relations))) == relations


def test_fields_without_alternatives() -> None:
    with pytest.raises(PackageError, match="Conflicts takes no alternatives"):
        parse_single_relation("a1 | b2", "Conflicts")


GLIBC = {"libc.so.6": ("GLIBC_2.2.5", "GLIBC_2.30"), "libm.so.6": ("GLIBC_2.4",)}


def payload_of(metadata: Metadata, **scripts: dict[str, str]) -> Payload:
    return Payload(metadata, Path("/none"), Tree(()), "/opt/hello", scripts=scripts)


def test_debs_depend_on_what_their_programs_and_scripts_need() -> None:
    bare = replace(METADATA, relations=Relations())
    script = "#!/bin/sh\n# mount it\ncreate() {\n    if true; then useradd x; fi\n}\n"
    payload = replace(payload_of(bare, deb={"postinst": script}), glibc=GLIBC)
    assert deb_depends(payload) == (
        "libc6 (>= 2.30)",
        "passwd | systemd-standalone-sysusers | systemd",
    )
    assert deb_depends(payload_of(bare, deb={"postinst": "echo mount\n"})) == ()
    # What the recipe says counts.
    assert deb_depends(replace(payload_of(METADATA), glibc=GLIBC)) == ()


@pytest.mark.parametrize(
    ("script", "called"),
    [
        ("umount /x", True),
        ("if a; then umount /x; fi", True),
        ("a || umount /x", True),
        ("# umount /x", False),
        ("say 'umount /x'", False),
        ("echo umount", False),
        ("umount-all", False),
    ],
)
def test_calls_of_commands(script: str, called: bool) -> None:
    assert calls(script, "umount") is called


def test_rpm_fields() -> None:
    payload = payload_of(METADATA, rpm={"pre": "create() {\n    useradd x\n}\n"})
    fields = relation_fields(replace(payload, glibc=GLIBC), "1.4.2-3")
    requires = dict(
        zip(
            fields[Tag.REQUIRE_NAME].value,
            zip(fields[Tag.REQUIRE_VERSION].value, fields[Tag.REQUIRE_FLAGS].value, strict=True),
            strict=True,
        )
    )
    assert requires["libc6"] == ("2.31", Sense.GREATER | Sense.EQUAL)
    assert requires["(systemd or systemd-standalone-sysusers > 249)"] == ("", 0)
    assert requires["rpmlib(RichDependencies)"][0] == "4.12.0-1"
    assert requires["libc.so.6()(64bit)"] == ("", 0)
    assert requires["libc.so.6(GLIBC_2.30)(64bit)"] == ("", 0)
    assert requires["rtld(GNU_HASH)"] == ("", 0)
    assert requires["shadow-utils"] == ("", Sense.SCRIPT_PRE)
    assert requires["/bin/sh"] == ("", Sense.INTERPRETER | Sense.SCRIPT_PRE)
    assert fields[Tag.PROVIDE_NAME].value == ("greeter", "hello")
    assert fields[Tag.PROVIDE_VERSION].value == ("1.4", "1.4.2-3")
    assert fields[Tag.CONFLICT_FLAGS].value == (Sense.LESS,)
    assert fields[Tag.OBSOLETE_NAME].value == ("hello-classic",)
    assert fields[Tag.RECOMMEND_NAME].value == ("postgresql",)


def test_rpm_words_for_what_dpkg_says() -> None:
    fields = relation_fields(payload_of(EVERYTHING), EVERYTHING.full_version("3"))
    requires = dict(
        zip(fields[Tag.REQUIRE_NAME].value, fields[Tag.REQUIRE_FLAGS].value, strict=True)
    )
    assert requires["adduser"] == Sense.GREATER | Sense.EQUAL | Sense.SCRIPT_PRE
    assert requires["(passwd or shadow)"] == Sense.SCRIPT_PRE
    assert requires["bash"] == 0
    assert fields[Tag.SUGGEST_NAME].value == ("(redis or valkey >= 7)",)
    assert fields[Tag.ENHANCE_NAME].value == ("nginx",)
    # Of the two, rpm knows the harder one.
    assert fields[Tag.CONFLICT_NAME].value == ("hello-classic", "hello-client")
    assert fields[Tag.CONFLICT_VERSION].value == ("", "2.0")
    assert fields[Tag.PROVIDE_VERSION].value == ("", "2:1.4.2-3")
    own = replace(EVERYTHING, overrides={"rpm": {"conflicts": ("hello < 1",), "suggests": ()}})
    fields = relation_fields(payload_of(own), "1-1")
    assert fields[Tag.CONFLICT_NAME].value == ("hello",)
    assert Tag.SUGGEST_NAME not in fields


@pytest.mark.parametrize("metadata", [METADATA, EVERYTHING], ids=["some", "everything"])
def test_metadata_is_stored_and_read_again(metadata: Metadata) -> None:
    payload = payload_of(metadata)
    data = payload.to_data()
    assert Payload.from_data(data, payload.root, payload.tree) == payload
    # What nobody says is not written: payloads of before keep their digests.
    assert ("epoch" in data["metadata"]) == ("breaks" in data["metadata"]["relations"])


def test_rich_dependencies_are_asked_for_only_when_used() -> None:
    plain = replace(METADATA, relations=Relations())
    names = relation_fields(payload_of(plain), "1-1")[Tag.REQUIRE_NAME].value
    assert "rpmlib(RichDependencies)" not in names
    assert "/bin/sh" not in names


@pytest.mark.parametrize(
    ("flags", "comparison"),
    [(0, ""), (Sense.LESS, "LT"), (10, "LE"), (8, "EQ"), (12, "GE"), (4, "GT"), (16777226, "LE")],
)
def test_comparisons_as_yum_calls_them(flags: int, comparison: str) -> None:
    assert RpmRelation("name", "1", flags).comparison == comparison


def test_what_must_be_there_before_scripts() -> None:
    assert RpmRelation("/bin/sh", "", Sense.INTERPRETER | Sense.SCRIPT_POST).is_prerequisite
    assert not RpmRelation("/bin/sh", "", Sense.INTERPRETER | Sense.SCRIPT_PREUN).is_prerequisite
    assert RpmRelation("rpmlib(X)", "", Sense.RPMLIB).is_feature


RPM_WORDS = {
    "depends": (
        "openssh-clients >= 8.0p1-4.el9",
        "/usr/bin/convert",
        "libfoo.so.1()(64bit)",
        "libc.so.6(GLIBC_2.30)(64bit)",
        "(postgresql >= 13 or (mariadb and mariadb-server))",
    ),
    "conflicts": (),
    "provides": ("hello(api) = 2",),
}


def test_formats_have_relations_of_their_own() -> None:
    overrides = {"rpm": RPM_WORDS, "deb": {"depends": ("openssh-client (>= 1:8.0)",)}}
    metadata = replace(METADATA, overrides=overrides)
    fields = relation_fields(payload_of(metadata), "1-1")
    names = fields[Tag.REQUIRE_NAME].value
    assert "(postgresql >= 13 or (mariadb and mariadb-server))" in names
    assert {"openssh-clients", "/usr/bin/convert", "libfoo.so.1()(64bit)"} <= set(names)
    assert "libc6" not in names
    assert "rpmlib(RichDependencies)" in names
    assert Tag.CONFLICT_NAME not in fields
    assert "hello(api)" in fields[Tag.PROVIDE_NAME].value
    # What an override does not name stays: dpkg's words, translated.
    assert fields[Tag.RECOMMEND_NAME].value == ("postgresql",)
    assert metadata.deb_relations.depends == ("openssh-client (>= 1:8.0)",)
    assert metadata.deb_relations.conflicts == METADATA.relations.conflicts


@pytest.mark.parametrize(
    "text",
    [
        "a (>= 1)",
        "a | b",
        "a>=1",
        "a >= ",
        "a >> 1",
        "a, b",
        "",
        "(a",
        "(a or b) c",
        "(" * 10_000,
        "(a or b and c)",
        "(a or)",
        "(a else b)",
        "()",
        "a >= 1-2-3",
        "two words",
        "x\n",
    ],
)
def test_what_rpm_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(PackageError, match="not a relation that rpm knows"):
        parse_rpm_relation(text, condition="if")


def test_only_requirements_and_conflicts_take_expressions() -> None:
    with pytest.raises(PackageError):
        parse_rpm_relation("(a or b)")


@given(st.text("ab()<>= |or/1.-:", max_size=20))
def test_any_text_is_taken_by_rpm_or_refused(text: str) -> None:
    try:
        name, _, _ = parse_rpm_relation(text, condition="if")
    except PackageError:
        return
    assert name


def test_what_hosts_bring_comes_besides_the_recipes_own_words() -> None:
    """Generic relations, and those of a format, in whose words they are."""
    besides = {"deb": ("libgl1 | libgl1-mesa-glx",), "rpm": ("libGL.so.1()(64bit)",)}
    generic = replace(METADATA, depends=besides)
    assert generic.deb_relations.depends == (*METADATA.relations.depends, besides["deb"][0])
    own = replace(generic, overrides={"rpm": {"depends": ("openssh >= 8",)}})
    for metadata, names in ((generic, "libc6"), (own, "openssh")):
        payload = Payload(metadata, Path(), Tree(()), "/opt/x")
        required = relation_fields(payload, "1-1")[Tag.REQUIRE_NAME].value
        assert {names, "libGL.so.1()(64bit)"} <= set(required)
        assert Payload.from_data(payload.to_data(), Path(), Tree(())) == payload
