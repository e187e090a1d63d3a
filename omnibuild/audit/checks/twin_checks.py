"""The check that a library is in a payload once."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.audit.owners import Brings
from omnibuild.audit.subject import Subject, Surroundings


def check_twins(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report a library beside which there is another one of its name."""
    if found := around.twins.get(subject.path):
        name, kept = found
        yield f"answers to {name}, as {kept} does: a process has the one that it loads first"


def without_twin(subject: Subject, around: Surroundings) -> str:
    """Say what takes one of both in place of the other."""
    if subject.owner.kind is Brings.DISTRIBUTION:
        word = f'under [python]: from-source = ["{subject.owner.name}"]'
        return f"if its source builds without more than the app's components, write {word}"
    return "let one of both bring it, and the other need that"
