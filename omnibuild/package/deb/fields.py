"""Fields of a control file as dpkg and apt parse them.

One paragraph that a host's apt cannot parse stops it for all repositories: so whatever clients
give a meaning is checked before it is published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.patterns import regex

# Alternatives are allowed in the first ones only.
ALTERNATIVES: Final = ("Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances")
SINGLE: Final = ("Breaks", "Conflicts", "Replaces", "Provides")
YES_OR_NO: Final = ("Essential", "Protected", "Important", "Build-Essential")
MULTI_ARCH: Final = ("no", "same", "foreign", "allowed")
# What an index says about a package, or dpkg's database: never the package itself.
RESERVED: Final = frozenset(
    (
        *("filename", "size", "md5sum", "sha1", "sha256", "sha512", "description-md5"),
        *("status", "config-version", "conffiles", "triggers-pending", "triggers-awaited"),
        *("msdos-filename", "revision", "package-revision"),
    )
)

_NAME = r"[A-Za-z0-9][A-Za-z0-9+._-]*"
# A colon belongs to the version only behind an epoch.
_VERSION = r"(?:[0-9]{1,9}:[0-9A-Za-z][0-9A-Za-z.+~:-]*|[0-9A-Za-z][0-9A-Za-z.+~-]*)"
VERSION: Final = regex(_VERSION)
RELATION: Final = regex(
    rf"{_NAME}(?::[a-z0-9-]+)?(?:\s*\(\s*(?P<operator><<|<=|<|=|>=|>>|>)\s*{_VERSION}\s*\))?"
)
_SOURCE = regex(rf"{_NAME}(?:\s*\(\s*{_VERSION}\s*\))?")
_SIZE = regex(r"[0-9]{1,15}")
_FIELD_NAME = regex(r"[A-Za-z0-9][!-9;-~]*")
_CONTROL_CHARACTER = regex(r"[\x00-\x08\x0b-\x1f\x7f]")
_WORD = regex(r"\S+")


def check_fields(fields: Mapping[str, str]) -> None:
    """Raise :class:`PackageError` for a field that hosts could not parse."""
    named: dict[str, str] = {}
    for name, value in fields.items():
        # Names of fields are the same in any case.
        if not _FIELD_NAME.fullmatch(name) or name.lower() in named:
            raise PackageError(f"the control file has a field {name!r}, twice or by a bad name")
        named[name.lower()] = value
        if name.lower() in RESERVED:
            raise PackageError(f"the control file has a field {name}, which is not a package's own")
        if _CONTROL_CHARACTER.search(value):
            raise PackageError(f"the field {name} holds a control character", why=repr(value))
    for name in ALTERNATIVES + SINGLE:
        _check_relations(name, named.get(name.lower(), ""))
    _check(named, "Version", VERSION)
    _check(named, "Source", _SOURCE)
    _check(named, "Installed-Size", _SIZE)
    _check(named, "Phased-Update-Percentage", _SIZE)
    _check(named, "Section", _WORD)
    _check(named, "Priority", _WORD)
    for name in YES_OR_NO:
        _check_choice(named, name, ("yes", "no"))
    _check_choice(named, "Multi-Arch", MULTI_ARCH)
    if (named.get("multi-arch"), named["architecture"]) == ("same", "all"):
        raise PackageError("a package for all architectures cannot be Multi-Arch: same")


def _check(named: Mapping[str, str], name: str, form: re.Pattern[str]) -> None:
    value = named.get(name.lower(), "").strip()
    if value and not form.fullmatch(value):
        raise PackageError(f"the field {name} cannot be parsed", why=repr(value))


def _check_choice(named: Mapping[str, str], name: str, choices: tuple[str, ...]) -> None:
    value = named.get(name.lower(), "")
    if value and value.strip() not in choices:
        raise PackageError(f"{name} is {value!r}, neither of {', '.join(choices)}")


def _check_relations(field: str, value: str) -> None:
    for group in value.split(",") if value.strip() else []:
        alternatives = group.split("|")
        for text in alternatives:
            match = RELATION.fullmatch(text.strip())
            exact = match is not None and match["operator"] in (None, "=")
            if match is None or (field == "Provides" and not exact):
                raise PackageError(
                    f"the field {field} holds {text.strip()!r}, which is no relation to a package",
                    why=repr(value),
                    hint="whoever made the package has to write it as: name, name (>= 1.2), a | b",
                )
        if field in SINGLE and len(alternatives) > 1:
            raise PackageError(f"the field {field} takes no alternatives: {group.strip()!r}")
