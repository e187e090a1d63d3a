"""Relations to other packages in the words of pacman, apk and opkg."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.package.nfpm.versions import related_version
from omnibuild.package.relations import Relation, parse_relation, parse_single_relation
from omnibuild.payload.model import Metadata

_OPERATORS: Final = {"<<": "<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">"}
# A package, a library as so:libz.so.1 or libz.so=1-64, a program as cmd:bash, a path.
_OWN: Final = re.compile(
    r"[A-Za-z0-9_/@.+][A-Za-z0-9@:._+/-]*(?:(?:[<>]=?|=|~)[A-Za-z0-9][A-Za-z0-9:._+~-]*)?"
)

# What each key of a configuration of nfpm is made of.
Kinds = dict[str, tuple[str, ...]]
_STRONG: Final[Kinds] = {
    "depends": ("pre_depends", "depends"),
    "conflicts": ("conflicts", "breaks"),
    "replaces": ("replaces",),
    "provides": ("provides",),
}
WEAK: Final = ("recommends", "suggests", "enhances")


def pacman_relations(metadata: Metadata) -> dict[str, list[str]]:
    """Return the relations of a package for pacman; raises :class:`PackageError`."""
    return _all(metadata, "archlinux", _STRONG, lambda each: _joined("pacman", each))


def apk_relations(metadata: Metadata) -> dict[str, list[str]]:
    """Return the relations of a package for apk; raises :class:`PackageError`.

    For apk a conflict is a dependency on what is not there.
    """
    found = _all(metadata, "apk", _STRONG, lambda each: _joined("apk", each))
    found["depends"] += [f"!{text.removeprefix('!')}" for text in found.pop("conflicts")]
    return found


def opkg_relations(metadata: Metadata) -> dict[str, list[str]]:
    """Return the relations of a package for opkg, whose words are dpkg's.

    Raises :class:`PackageError`.
    """
    kinds: Kinds = {
        **_STRONG,
        "depends": ("depends",),
        "predepends": ("pre_depends",),
        "recommends": ("recommends",),
        "suggests": ("suggests",),
    }
    found: dict[str, list[str]] = {}
    for key, made_of in kinds.items():
        texts = [text for kind in made_of for text in _stated(metadata, "ipk", kind)]
        if key in ("conflicts", "replaces", "provides"):
            found[key] = [str(parse_single_relation(text, key)) for text in texts]
        else:
            found[key] = [" | ".join(map(str, parse_relation(text))) for text in texts]
    return found


def _stated(metadata: Metadata, form: str, kind: str) -> tuple[str, ...]:
    own = metadata.overrides.get(form, {}).get(kind)
    found: tuple[str, ...] = getattr(metadata.relations, kind) if own is None else own
    return found


def _all(
    metadata: Metadata, form: str, kinds: Kinds, said: Callable[[Relation], str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, made_of in kinds.items():
        found[key] = []
        for kind in made_of:
            if kind in metadata.overrides.get(form, {}):
                found[key] += [_own(text, form) for text in _stated(metadata, form, kind)]
            else:
                texts = getattr(metadata.relations, kind)
                found[key] += [said(_single(text, form, kind)) for text in texts]
    return found


def _single(text: str, form: str, kind: str) -> Relation:
    relation, *others = parse_relation(text)
    if others:
        raise PackageError(
            f"packages of the format {form} know no alternatives: {text!r}",
            hint=f"say which one it is there: [package.{form}] with {kind.replace('_', '-')}",
        )
    return relation


def _joined(manager: str, relation: Relation) -> str:
    if not relation.operator:
        return relation.name
    version = related_version(manager, relation.version)
    return f"{relation.name}{_OPERATORS[relation.operator]}{version}"


def _own(text: str, form: str) -> str:
    if not _OWN.fullmatch(text):
        raise PackageError(
            f"{text!r} is not a relation to a package in the words of the format {form}",
            hint="write it as name, or name>=1.2",
        )
    return text
