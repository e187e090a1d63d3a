"""Relations to other packages in the words of pacman, apk and opkg."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.package.nfpm.versions import related_version
from omnibuild.package.relations import parse_relation, say_as_dpkg
from omnibuild.patterns import regex
from omnibuild.payload.model import Metadata

_OPERATORS: Final = {"<<": "<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">"}
# A package, a library as so:libz.so.1 or libz.so=1-64, a program as cmd:bash, a path.
_OWN: Final = regex(
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
    return _all(metadata, "archlinux", _STRONG, say_as_pacman)


def apk_relations(metadata: Metadata) -> dict[str, list[str]]:
    """Return the relations of a package for apk; raises :class:`PackageError`.

    For apk a conflict is a dependency on what is not there.
    """
    found = _all(metadata, "apk", _STRONG, say_as_apk)
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
    return _all(metadata, "ipk", kinds, say_as_opkg)


def say_as_pacman(kind: str, text: str, own: bool) -> str:
    """Say a relation for pacman: its kind, its text, and whether that is in pacman's words.

    Raises :class:`PackageError`.
    """
    return _say("archlinux", "pacman", kind, text, own)


def say_as_apk(kind: str, text: str, own: bool) -> str:
    """Say a relation for apk; see :func:`say_as_pacman`."""
    return _say("apk", "apk", kind, text, own)


def say_as_opkg(kind: str, text: str, own: bool) -> str:
    """Say a relation for opkg; see :func:`say_as_pacman`."""
    return " | ".join(map(str, say_as_dpkg(kind, text, own)))


def _all(
    metadata: Metadata, form: str, kinds: Kinds, say: Callable[[str, str, bool], str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, made_of in kinds.items():
        found[key] = []
        for kind in made_of:
            own = metadata.overrides.get(form, {}).get(kind)
            texts = getattr(metadata.relations, kind) if own is None else own
            found[key] += [say(kind, text, own is not None) for text in texts]
    return found


def _say(form: str, manager: str, kind: str, text: str, own: bool) -> str:
    if kind in WEAK:
        return ""
    if own:
        return _own(text, form)
    relation, *others = parse_relation(text)
    if others:
        raise PackageError(
            f"packages of the format {form} know no alternatives: {text!r}",
            hint=f"say which one it is there: [package.{form}] with {kind.replace('_', '-')}",
        )
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
