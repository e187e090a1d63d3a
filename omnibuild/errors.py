"""Every error a user can meet, each with a stable code and an exit status.

A user's mistake ends in one :class:`OmnibuildError`: what happened, where, why, and what to do
next. It is printed without a traceback. Any other exception is a bug: it shows a traceback and
the path of a saved log. The catalogue in ``docs/reference/errors.md`` is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

# A lock file without digests has one problem a line: enough are shown to see the pattern.
SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file; ``line`` and ``column`` count from 1, 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


def printable(text: str) -> str:
    """Return text whose control characters, but line breaks and tabs, are shown, not obeyed."""
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape").decode()
        for character in ((text,) if text.isprintable() else text)
    )


class OmnibuildError(Exception):
    """Base of all expected errors.

    Args:
        what: one sentence: what went wrong.
        where: the file and position at fault, when there is one.
        why: what was found, as detail lines (a log's tail, the places tried).
        hint: what to do next.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(
        self, what: str, *, where: Where | None = None, why: str = "", hint: str = ""
    ) -> None:
        # A step's output and file names may hold what a terminal would obey.
        super().__init__(printable(what))
        self.what = printable(what)
        self.where = where
        self.why = printable(why)
        self.hint = printable(hint)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        lines += [f"  {line}" for line in self.why.splitlines()]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class UsageError(OmnibuildError):
    """The command line asks for something that does not exist or cannot be combined."""

    code, exit_status = "usage", 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file, of which all are told at once.

    Args:
        what: one sentence: what is wrong.
        where: its position.
        excerpt: the line at fault with carets below, empty when there is no such line.
        hint: what to write instead.
    """

    what: str
    where: Where
    excerpt: str = ""
    hint: str = ""

    def __str__(self) -> str:
        hint = f"hint: {self.hint}".splitlines() if self.hint else ()
        details = [*self.excerpt.splitlines(), *hint]
        return "\n".join([f"{self.where}: {self.what}", *(f"  {line}" for line in details)])


class DefinitionError(OmnibuildError):
    """A recipe, software or platform file is wrong.

    ``problems`` holds every mistake of the file when there is more to say than one sentence.
    """

    code, exit_status = "definition", 3
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, problems: Sequence[Problem], *, more: bool = False) -> Self:
        """Make one error of all the problems of one file; ``more`` when there are others yet."""
        first = problems[0]
        if len(problems) == 1:
            error = cls(first.what, where=first.where, why=first.excerpt, hint=first.hint)
        else:
            lines = [str(problem) for problem in problems[:SHOWN_PROBLEMS]]
            if len(problems) > SHOWN_PROBLEMS:
                lines.append(f"… and {len(problems) - SHOWN_PROBLEMS} more")
            what = f"{'more than ' if more else ''}{len(problems)} problems in this file"
            error = cls(what, where=Where(first.where.file), why="\n".join(lines))
        error.problems = tuple(problems)
        return error


class UnknownNameError(DefinitionError):
    """A recipe, software, platform or root of that name is not defined anywhere."""

    code = "unknown-name"


class LockError(DefinitionError):
    """A lock file is missing, or does not pin what it must pin.

    ``interpreter`` says in one line what is wrong with this CPython where another may do.
    """

    code = "lock"
    interpreter: str = ""

    def but_for_another(self, interpreter: str = "") -> Self:
        """Return it as one that another CPython may not have, for that reason or its own."""
        self.interpreter = printable(interpreter) or self.what
        return self


class CycleError(DefinitionError):
    """Components depend on each other in a circle."""

    code = "dependency-cycle"


class SourceError(OmnibuildError):
    """A source could not be fetched from any of its places."""

    code, exit_status = "source-unreachable", 4


class DigestMismatchError(SourceError):
    """Bytes do not have the digest that pins them."""

    code = "digest-mismatch"


class ArchiveError(SourceError):
    """An archive is damaged, hostile, or of an unknown format."""

    code = "bad-archive"


class StepError(OmnibuildError):
    """A build step failed; its log says why.

    ``missed`` is what it did not find, and ``perhaps`` what it may not have found, as paths below
    the prefix; ``component`` whose step it was, empty for a wheel's.
    """

    code, exit_status = "step-failed", 5
    missed: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    component: str = ""


class MissingDependencyError(StepError):
    """A step did not find a header, a library, a module of pkg-config or a program."""

    code = "missing-dependency"


class CaptureError(StepError):
    """A step wrote, changed or removed what it must not."""

    code = "capture"


class UndeclaredDependencyError(StepError):
    """A component uses a library that it does not declare as a dependency."""

    code = "undeclared-dependency"


class RelocationError(StepError):
    """A file keeps a trace of the build prefix that cannot be replaced."""

    code = "relocation"


class NotReproducibleError(OmnibuildError):
    """Building again elsewhere gives other bytes."""

    code, exit_status = "not-reproducible", 10


class AuditError(OmnibuildError):
    """A finished payload has faults, as needing what its platform does not have.

    ``findings`` holds every one of them as plain JSON values.
    """

    code, exit_status = "audit", 6
    findings: tuple[Mapping[str, str], ...] = ()


class PackageError(OmnibuildError):
    """A package cannot be written or read.

    ``path`` is that of the entry at fault, where it is one.
    """

    code, exit_status = "package", 7
    path: str = ""

    def at(self, path: str) -> Self:
        """Return the error, which is about the entry of that path."""
        self.path = path
        return self


class RepositoryError(OmnibuildError):
    """A repository cannot be read or changed."""

    code, exit_status = "repository", 8


class HookError(RepositoryError):
    """It is published, and the command that was to be run after it failed."""

    code, exit_status = "after-publish", 11


class IdentityConflictError(RepositoryError):
    """The repository holds other bytes under the same name, version and architecture."""

    code = "identity-conflict"


class SigningKeyError(RepositoryError):
    """A signing key is missing or unusable."""

    code = "key"


class HostError(OmnibuildError):
    """This machine cannot do what is asked."""

    code, exit_status = "host", 9


class MissingToolError(HostError):
    """An external program is not installed."""

    code = "missing-tool"


class MissingExtraError(HostError):
    """A library that only some need is not installed: an extra of this package."""

    code = "missing-extra"


class ToolFailedError(HostError):
    """An external program failed."""

    code = "tool-failed"


class SandboxError(HostError):
    """The kernel refuses the sandbox."""

    code = "sandbox-refused"


class StorageError(HostError):
    """The disk is full or cannot be written."""

    code = "storage"


class DamageError(StorageError):
    """Something in the store is not what it was when it was made."""

    code = "damage"
