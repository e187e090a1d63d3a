"""dpkg's relations as the tags of an rpm."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from omnibuild.package.relations import (
    ALTERNATIVES,
    RPM_COMMANDS,
    Relation,
    calls,
    rpm_libraries,
    say_as_dpkg,
)
from omnibuild.package.rpm.header import Field, int32, strings
from omnibuild.package.rpm.notation import OWN_SENSES, SENSES, RpmRelation, parse_rpm_relation
from omnibuild.package.rpm.tags import (
    CONFLICTS,
    ENHANCES,
    OBSOLETES,
    PROVIDES,
    RECOMMENDS,
    REQUIRES,
    SUGGESTS,
    Sense,
    Tag,
)
from omnibuild.payload.model import Metadata, Payload

# What a package asks of rpm itself: how file names, digests and payload are written.
FEATURES: Final = {
    "rpmlib(BuiltinLuaScripts)": "4.2.2-1",
    "rpmlib(CompressedFileNames)": "3.0.4-1",
    "rpmlib(FileDigests)": "4.6.0-1",
    "rpmlib(PayloadFilesHavePrefix)": "4.0-1",
    "rpmlib(PayloadIsZstd)": "5.4.18-1",
}
CAPABILITIES_FEATURE: Final = {"rpmlib(FileCaps)": "4.6.1-1"}
ALTERNATIVES_FEATURE: Final = {"rpmlib(RichDependencies)": "4.12.0-1"}

INTERPRETER: Final = "/bin/sh"
LUA: Final = "<lua>"
SCRIPT_SENSES: Final = {
    "pre": Sense.SCRIPT_PRE,
    "post": Sense.SCRIPT_POST,
    "preun": Sense.SCRIPT_PREUN,
    "postun": Sense.SCRIPT_POSTUN,
    "posttrans": Sense.POSTTRANS,
}


# Kinds that take boolean expressions.
CONDITIONS: Final = dict.fromkeys(ALTERNATIVES, "if") | {"conflicts": "unless"}
KINDS: Final = (*ALTERNATIVES, "conflicts", "replaces", "provides")


def interpreter_of(script: str) -> str:
    """Return what runs a script: rpm's own Lua, which asks for no package, if it begins as Lua."""
    return LUA if script.startswith("--") else INTERPRETER


def relation_fields(payload: Payload, version: str) -> dict[int, Field]:
    """Return all relation tags of a package; raises :class:`PackageError`.

    Args:
        payload: with the relations in dpkg's words; what it replaces, it obsoletes. Its programs
            require parts of glibc, its maintainer scripts their interpreter and what they call.
        version: ``[epoch:]version-release``, for the name that it provides.
    """
    metadata, scripts = payload.metadata, payload.scripts.get("rpm", {})
    said = {kind: stated(metadata, kind) for kind in KINDS}
    features = dict(FEATURES)
    if any(relation.name.startswith("(") for found in said.values() for relation in found):
        features |= ALTERNATIVES_FEATURE
    if payload.capabilities:
        features |= CAPABILITIES_FEATURE
    # rpm orders a transaction by what scripts need.
    requires = said["depends"] + [
        replace(relation, flags=relation.flags | Sense.SCRIPT_PRE)
        for relation in said["pre_depends"]
    ]
    requires += [
        RpmRelation(name, version, Sense.RPMLIB | Sense.LESS | Sense.EQUAL)
        for name, version in features.items()
    ]
    requires += [
        RpmRelation(INTERPRETER, "", Sense.INTERPRETER | SCRIPT_SENSES[name])
        for name, text in scripts.items()
        if interpreter_of(text) == INTERPRETER
    ]
    requires += [
        RpmRelation(needed, "", SCRIPT_SENSES[name])
        for name, text in scripts.items()
        for command, needed in RPM_COMMANDS.items()
        if calls(text, command)
    ]
    requires += [RpmRelation(name) for name in rpm_libraries(payload.glibc)]
    provides = [RpmRelation(metadata.name, version, Sense.EQUAL)]
    return {
        **_fields(PROVIDES, provides + said["provides"]),
        **_fields(REQUIRES, requires),
        **_fields(RECOMMENDS, said["recommends"]),
        **_fields(SUGGESTS, said["suggests"]),
        **_fields(ENHANCES, said["enhances"]),
        **_fields(CONFLICTS, said["conflicts"]),
        **_fields(OBSOLETES, said["replaces"]),
    }


def stated(metadata: Metadata, kind: str) -> list[RpmRelation]:
    """Return what the recipe says of one kind of relation (``depends`` …), for rpm or for all."""
    own = metadata.overrides.get("rpm", {}).get(kind)
    texts: tuple[str, ...] = getattr(metadata.relations, kind) if own is None else ()
    if kind == "conflicts" and own is None:
        # rpm has no weaker word for what does not work beside it.
        texts += metadata.relations.breaks
    besides = metadata.depends.get("rpm", ()) if kind == "depends" else ()
    found = [say_as_rpm(kind, text, False) for text in texts]
    return found + [say_as_rpm(kind, text, True) for text in (*(own or ()), *besides)]


def say_as_rpm(kind: str, text: str, own: bool) -> RpmRelation:
    """Return a relation as rpm holds it; raises :class:`PackageError`.

    Args:
        kind: as in a recipe, but for the hyphen: ``pre_depends``.
        text: the relation.
        own: whether it is in rpm's words, and not in dpkg's.
    """
    if own:
        name, operator, version = parse_rpm_relation(text, condition=CONDITIONS.get(kind, ""))
        return RpmRelation(name, version, OWN_SENSES[operator])
    return _either(say_as_dpkg(kind, text, own))


def _either(alternatives: tuple[Relation, ...]) -> RpmRelation:
    if len(alternatives) == 1:
        return _single(alternatives[0])
    return RpmRelation(f"({' or '.join(relation.rpm_term for relation in alternatives)})")


def _single(relation: Relation) -> RpmRelation:
    return RpmRelation(relation.name, relation.version, SENSES[relation.operator])


def _fields(tags: tuple[Tag, Tag, Tag], relations: list[RpmRelation]) -> dict[int, Field]:
    if not relations:
        return {}
    name, version, flags = tags
    ordered = sorted(set(relations))
    return {
        name: strings(relation.name for relation in ordered),
        version: strings(relation.version for relation in ordered),
        flags: int32(relation.flags for relation in ordered),
    }
