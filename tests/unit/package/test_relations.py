from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import PackageError
from omnibuild.package.relations import Relation, parse_relation, parse_single_relation
from omnibuild.package.rpm.relations import RpmRelation, relation_fields
from omnibuild.package.rpm.tags import Sense, Tag
from omnibuild.payload.model import Relations
from tests.unit.package.samples import METADATA


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


def test_rpm_fields() -> None:
    fields = relation_fields(METADATA, "1.4.2-3", {"pre": ""})
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
    assert requires["/bin/sh"] == ("", Sense.INTERPRETER | Sense.SCRIPT_PRE)
    assert fields[Tag.PROVIDE_NAME].value == ("greeter", "hello")
    assert fields[Tag.PROVIDE_VERSION].value == ("1.4", "1.4.2-3")
    assert fields[Tag.CONFLICT_FLAGS].value == (Sense.LESS,)
    assert fields[Tag.OBSOLETE_NAME].value == ("hello-classic",)
    assert fields[Tag.RECOMMEND_NAME].value == ("postgresql",)


def test_rich_dependencies_are_asked_for_only_when_used() -> None:
    from dataclasses import replace

    plain = replace(METADATA, relations=Relations())
    names = relation_fields(plain, "1-1", {})[Tag.REQUIRE_NAME].value
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
