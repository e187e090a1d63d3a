"""The check that an app has one OpenSSL, and what compiles others' wheels against it."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.audit.owners import Brings, Owner
from omnibuild.audit.subject import Subject, Surroundings
from omnibuild.recipe.models.needs import NO_NEEDS
from omnibuild.sources.python.sdists import needs_of

COMPONENT = "openssl"

# Distributions whose own source is of no use here, and what to do instead.
_INSTEAD = {
    "psycopg-binary": "psycopg[c] in its place takes the app's",
    "cryptography": "it is compiled by Rust, which no component brings; keep it up to date",
}


def check_openssl(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report files with an OpenSSL in them that is not the component's."""
    found = subject.facts.openssl
    # In a package of others any one may be the only one.
    only = subject.owner.kind is Brings.SOMEBODY and len(around.openssls) < 2
    if found and not only and not _is_component(subject.owner):
        yield f"has an OpenSSL of its own: {found}"


def without_openssl(subject: Subject, around: Surroundings) -> str:
    """Say what takes the app's OpenSSL in place of the one in a file."""
    owner = subject.owner
    if owner.kind is not Brings.DISTRIBUTION:
        return ""
    if owner.name in _INSTEAD:
        return _INSTEAD[owner.name]
    word = f'under [python]: from-source = ["{owner.name}"]'
    if needs_of(owner.name) == NO_NEEDS:
        return f"if its source builds without more than the app's components, write {word}"
    return f"to compile it against the app's, write {word}"


def _is_component(owner: Owner) -> bool:
    return owner.kind is Brings.COMPONENT and owner.name.partition("-")[0] == COMPONENT
