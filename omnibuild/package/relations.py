"""Relations between packages: dpkg's notation parsed, and said in rpm's words.

Some are derived: from the programs of a package, and from what its own scripts call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from omnibuild.audit.glibc import lowest_version
from omnibuild.errors import PackageError
from omnibuild.patterns import regex
from omnibuild.payload.model import RELATIONS, Metadata, Payload
from omnibuild.recipe.located import Fault
from omnibuild.recipe.positions import Path as Keys

NOTATION: Final = regex(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+)(?P<any>:any)?"
    r"(?:\s*\(\s*(?P<operator><<|<=|=|>=|>>)\s*(?P<version>[0-9][A-Za-z0-9.+~:-]*)\s*\))?"
)

RPM_OPERATORS: Final = {"<<": "<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">"}


# Says a relation in a format's words: of which kind it is, its text, and whether that is in these
# words already; raises :class:`PackageError`.
Say = Callable[[str, str, bool], object]
# Kinds of which one of several is enough.
ALTERNATIVES: Final = ("depends", "pre_depends", "recommends", "suggests", "enhances")


@dataclass(frozen=True, slots=True)
class Relation:
    """A package, perhaps of certain versions: ``libc6 (>= 2.31)``.

    Args:
        operator: one of dpkg's, or empty for every version.
        any_architecture: whether the name carries dpkg's ``:any``.
    """

    name: str
    operator: str = ""
    version: str = ""
    any_architecture: bool = False

    def __str__(self) -> str:
        name = f"{self.name}:any" if self.any_architecture else self.name
        return f"{name} ({self.operator} {self.version})" if self.operator else name

    @property
    def rpm_term(self) -> str:
        """The relation inside one of rpm's boolean dependencies: ``libc6 >= 2.31``."""
        if not self.operator:
            return self.name
        return f"{self.name} {RPM_OPERATORS[self.operator]} {self.version}"


def parse_relation(text: str) -> tuple[Relation, ...]:
    """Parse one relation and its alternatives, as ``a (>= 1.2) | b``.

    Raises :class:`PackageError` for what dpkg would not take.
    """
    alternatives = []
    for part in text.split("|"):
        match = NOTATION.fullmatch(part.strip(" "))
        if match is None:
            raise PackageError(
                f"{text!r} is not a relation to a package",
                hint="write it as dpkg does: name, name (>= 1.2), or alternatives: a | b; files and"
                " capabilities are rpm's: [package.rpm]",
            )
        alternatives.append(
            Relation(
                match["name"], match["operator"] or "", match["version"] or "", bool(match["any"])
            )
        )
    return tuple(alternatives)


def parse_single_relation(text: str, field: str) -> Relation:
    """Parse a relation of a field that takes no alternatives."""
    relation, *others = parse_relation(text)
    if others:
        raise PackageError(f"{field} takes no alternatives: {text!r}")
    return relation


def say_as_dpkg(kind: str, text: str, own: bool) -> tuple[Relation, ...]:
    """Return a relation and its alternatives, where its kind takes any.

    Args:
        kind: as in a recipe, but for the hyphen: ``pre_depends``.
        text: the relation.
        own: no matter: these are dpkg's words.
    """
    return parse_relation(text) if kind in ALTERNATIVES else (parse_single_relation(text, kind),)


def relation_faults(metadata: Metadata, form: str, say: Say) -> Iterator[Fault]:
    """Yield the relations of a recipe that a format cannot say, each with its place there.

    Args:
        metadata: what the recipe says.
        form: the format, as ``deb``.
        say: says a relation in its words.
    """
    overrides = metadata.overrides.get(form, {})
    for kind in RELATIONS:
        key, own = kind.replace("_", "-"), kind in overrides
        texts = overrides[kind] if own else getattr(metadata.relations, kind)
        for number, text in enumerate(texts):
            place: Keys = ("package", form, key, number) if own else ("package", key, number)
            yield from refused(place, say, kind, text, own)
    for text in metadata.depends.get(form, ()):
        yield from refused(("audit", "waivers"), say, "depends", text, True)


def refused(place: Keys, attempt: Callable[..., object], *words: object) -> Iterator[Fault]:
    """Yield the refusal of what is at a place of a recipe, if calling ``attempt`` raises one."""
    try:
        attempt(*words)
    except PackageError as error:
        what = f"{error.what}: {error.why}" if error.why else error.what
        yield Fault(place, what, error.hint)


# Commands of maintainer scripts that are not in every host's smallest system, and who has them.
# Scripts make users with whatever is there: any of the three is enough.
DEB_COMMANDS: Final = {
    "useradd": "passwd | systemd-standalone-sysusers | systemd",
    "mount": "mount",
    "umount": "mount",
    "setcap": "libcap2-bin",
}
RPM_COMMANDS: Final = {
    "useradd": "shadow-utils",
    "runuser": "util-linux",
    "mount": "util-linux",
    "umount": "util-linux",
    "mountpoint": "util-linux",
    "findmnt": "util-linux",
}


def deb_depends(payload: Payload) -> tuple[str, ...]:
    """Return a deb's derived dependencies, but for packages that its recipe already names."""
    wanted = []
    if version := lowest_version(payload.glibc):
        wanted.append(f"libc6 (>= {version})")
    scripts = payload.scripts.get("deb", {})
    for text in scripts.values():
        wanted += [needed for command, needed in DEB_COMMANDS.items() if calls(text, command)]
    named = {one.name for one in _named(payload)}
    return tuple(
        text
        for text in dict.fromkeys(wanted)
        if named.isdisjoint(one.name for one in parse_relation(text))
    )


def _named(payload: Payload) -> list[Relation]:
    relations = map(parse_relation, payload.metadata.deb_relations.depends)
    return [alternatives[0] for alternatives in relations if len(alternatives) == 1]


def rpm_libraries(glibc: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the capabilities of glibc that rpm's own generator would write.

    All of our processors have 64 bits, which rpm says in the last part.
    """
    found = []
    for library, versions in glibc.items():
        found += [f"{library}({version})(64bit)" for version in ("", *versions)]
    return [*found, "rtld(GNU_HASH)"] if found else []


def calls(script: str, command: str) -> bool:
    """Tell whether a shell script calls a command: not in a comment, not as an argument."""
    start = r"(?:^|[;&|({!]|\b(?:then|do|else|if|exec))[ \t]*"
    return bool(re.search(rf"{start}{command}(?=[ \t;&|)]|$)", script, re.MULTILINE))
