"""Calling uv to resolve: one question, one answer, and nothing else that counts.

Nothing of a package runs: uv sees wheels alone, whose metadata is a file. And nothing but the
question decides: neither uv's configuration and defaults, nor the directory that it is called in,
whose own interpreter it would start.
"""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit
from packaging.pylock import Pylock, PylockValidationError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.architectures import TARGET
from omnibuild.errors import LockError, ToolFailedError
from omnibuild.sources.python.index import uv
from omnibuild.sources.python.indexes import Indexes
from omnibuild.sources.python.project.rules import NO_RULES, Rules
from omnibuild.tools import CLEAN_ENVIRONMENT
from omnibuild.transfer.credentials import Credentials, without_login

# How to reach the index; nothing else of the caller's environment counts.
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

# What would otherwise be uv's defaults, which may change: each decides what is locked.
_SETTINGS = (
    *("--no-config", "--no-build", "--keyring-provider", "disabled"),
    *("--index-strategy", "first-index"),
)
# uv says so of each package that has no wheel which could be used.
# What uv is asked about, as it calls it.
_QUESTION = "omnibuild-question"
_ONLY_SOURCE = re.compile(r"[Ww]heels are required for `([A-Za-z0-9._-]+)`")
_OTHER_SYSTEMS = re.compile(r"([A-Za-z0-9._-]+)[<>=!~][^ ]* ha(?:s|ve) no wheels with a matching")
# Newer versions warn of a word that means the same to all of them.
_OLD_WORD = "warning: The `if-necessary-or-explicit`"
# One step of uv's argument that is about the interpreter, up to what follows from it.
_OF_PYTHON = re.compile(
    r"[Bb]ecause ((?:(?![Bb]ecause|we can conclude).)*?\bPython\b.*?)"
    r"(?:,? we can conclude| and you require|$)"
)
_LONGEST_REASON = 200
_NO_EXTRA = re.compile(
    r"The package `([A-Za-z0-9._-]+)==[^`]*` does not have an extra named `(.*)`"
)
_KEPT = 'lock-version = "1.0"\ncreated-by = "omnibuild"\n'
_KEPT_PACKAGE = '[[packages]]\nname = "{}"\nversion = "{}"\n'


class OnlySourceError(LockError):
    """Packages have no wheel that could be used; ``names`` are theirs."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What is to be resolved.

    Args:
        requirements: what an index must satisfy.
        kept: names to versions that are taken rather than newer ones.
        rules: how it is resolved.
        links: a directory with wheels that stand for what exists only as source.
    """

    requirements: Sequence[Requirement]
    kept: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = NO_RULES
    links: Path | None = None


@dataclass(frozen=True)
class Answer:
    """What uv says.

    Args:
        lock: the packages.
        missing: extras that were asked for and that a package has not: its name and the extra's.
    """

    lock: Pylock
    missing: frozenset[tuple[str, str]]


class Uv:
    """Asks uv, for CPython ``python`` on the target; threads may share one.

    Args:
        python: series, as ``3.13``.
        glibc: highest version that wheels may need, as ``2.31``.
        directory: an empty one, for a cache that is its own, and new: what the index said once
            holds for all questions.
        environment: where the way to the index is looked up.
        indexes: where packages are.
        credentials: who to be to them.
    """

    def __init__(
        self,
        python: str,
        glibc: str,
        directory: Path,
        environment: Mapping[str, str],
        indexes: Indexes,
        credentials: Credentials,
    ) -> None:
        self._indexes, self._credentials = indexes, credentials
        names = {name for each in _NETWORK for name in (each, each.lower())}
        self._directory = directory
        self._environment = {
            **{n: environment[n] for n in names if n in environment},
            **CLEAN_ENVIRONMENT,
            **self._index_variables(),
            "TMPDIR": str(directory),
            # uv makes directories of its own below it.
            "HOME": str(directory),
        }
        self._words = (
            *("pip", "compile", "--no-progress", "--color", "never", "--no-header"),
            *("--format", "pylock.toml", *_SETTINGS),
            *("--cache-dir", directory / "cache"),
            *("--python", sys.executable, "--python-version", python),
            *("--python-platform", f"{TARGET.wheels}-manylinux_{glibc.replace('.', '_')}"),
        )

    def ask(self, question: Question, given_up: Callable[[], bool] = lambda: False) -> Answer:
        """Return uv's answer.

        Args:
            question: what to resolve.
            given_up: tells whether there is no use in waiting any more.

        Raises:
            OnlySourceError: some packages exist only as source.
            LockError: they cannot be satisfied together.
        """
        scratch = Path(tempfile.mkdtemp(dir=self._directory))
        rules = question.rules
        lists: list[str | Path] = []
        for option, listed in (
            ("--constraints", rules.constraints),
            ("--overrides", rules.overrides),
            ("--excludes", rules.excludes),
        ):
            if listed:
                path = scratch / f"{option.strip('-')}.txt"
                path.write_text("\n".join(map(str, listed)))
                lists += [option, path]
        (scratch / "pyproject.toml").write_text(self._project(question.requirements))
        # uv keeps the versions of the file that it is about to write.
        output = scratch / "pylock.toml"
        if kept := question.kept.items():
            output.write_text(_KEPT + "".join(_KEPT_PACKAGE.format(*item) for item in kept))
        links = question.links
        try:
            done = uv().run(
                *self._words,
                *("--resolution", rules.resolution, "--prerelease", rules.prerelease),
                *(("--find-links", links) if links else ()),
                *(*lists, "--output-file", output, scratch / "pyproject.toml"),
                environment=self._environment,
                directory=self._directory,
                given_up=given_up,
            )
        except ToolFailedError as error:
            lines = error.why.splitlines()[1:]
            said = "\n".join(line for line in lines if not line.startswith(_OLD_WORD))
            raise _unresolved(question, self._credentials.hidden(said)) from error
        try:
            lock = Pylock.from_dict(tomllib.loads(output.read_text()))
        except (ValueError, PylockValidationError) as error:
            raise LockError("the index's answers make no valid lock", why=str(error)) from error
        missing = _NO_EXTRA.findall(done.stderr.decode("utf-8", "replace"))
        names = ((canonicalize_name(name), canonicalize_name(extra)) for name, extra in missing)
        return Answer(lock, frozenset(names))

    def _index_variables(self) -> dict[str, str]:
        """Return what tells uv its indexes: everybody sees arguments, and may not see passwords."""
        *others, last = (self._credentials.in_url(each.url) for each in self._indexes.ordered)
        found = {"UV_DEFAULT_INDEX": last, **({"UV_INDEX": " ".join(others)} if others else {})}
        for number, index in enumerate(self._indexes.pinned.values()):
            login = self._credentials.of(index.url)
            if isinstance(login, tuple):
                word = f"UV_INDEX_{_called(number).upper().replace('-', '_')}"
                found |= {f"{word}_USERNAME": login[0], f"{word}_PASSWORD": login[1]}
        return found

    def _project(self, requirements: Sequence[Requirement]) -> str:
        """Return a project that requires what is asked for, packages from their own indexes."""
        listed = list(map(str, requirements))
        project = {"name": _QUESTION, "version": "0", "dependencies": listed}
        pinned = self._indexes.pinned
        indexes = [
            {"name": _called(number), "url": without_login(index.url), "explicit": True}
            for number, index in enumerate(pinned.values())
        ]
        sources = {name: {"index": _called(number)} for number, name in enumerate(pinned)}
        tool = {"uv": {"index": indexes, "sources": sources}} if pinned else {}
        return tomlkit.dumps({"project": project, "tool": tool})


def _called(number: int) -> str:
    return f"of-project-{number}"


def _unresolved(question: Question, said: str) -> LockError:
    """Return the error for what uv could not resolve."""
    rules = question.rules
    listed = (*question.requirements, *rules.constraints, *rules.overrides)
    required = ", ".join(dict.fromkeys(map(str, listed)))
    said = said.replace(_QUESTION, "what is required")
    why = f"required: {required}\n{said}"
    names = sorted(set(_ONLY_SOURCE.findall(said)))
    if not names:
        hint = "relax a requirement, or look for a misspelt name; is it the index that you mean?"
        if others := sorted(set(_OTHER_SYSTEMS.findall(said))):
            hint = (
                f"{', '.join(others)} has wheels for other systems or interpreters alone: require a"
                " version that has one for this, take another `version` in [python], or leave out"
                " platforms whose glibc is older"
            )
        unsolved = LockError("these packages cannot be resolved together", why=why, hint=hint)
        reason = of_interpreter(said)
        return unsolved.but_for_another(reason) if reason else unsolved
    error = OnlySourceError(
        f"{', '.join(names)} can be had only as source",
        why=why,
        hint=f"require a version that has a wheel, or serve a wheel of {names[0]} from an index of"
        " your own, which OMNIBUILD_INDEX_URL names",
    )
    error.names = tuple(names)
    return error.but_for_another()


def of_interpreter(said: str) -> str:
    """Return in one line what uv says of the interpreter; empty when it is not about that.

    >>> of_interpreter("Because till has no wheels with a matching Python ABI tag and you require")
    'till has no wheels with a matching Python ABI tag'
    >>> of_interpreter("Because till was not found in the package registry and you require till")
    ''
    """
    found = _OF_PYTHON.search(" ".join(said.split()))
    reason = found[1].strip() if found else ""
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
