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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.pylock import Pylock, PylockValidationError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.architectures import TARGET
from omnibuild.errors import LockError, ToolFailedError
from omnibuild.sources.python.index import uv
from omnibuild.tools import CLEAN_ENVIRONMENT

# How to reach the index; nothing else of the caller's environment counts.
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

# What would otherwise be uv's defaults, which may change: each decides what is locked.
_SETTINGS = (
    *("--no-config", "--no-build", "--no-sources", "--keyring-provider", "disabled"),
    *("--resolution", "highest", "--prerelease", "if-necessary-or-explicit"),
    *("--index-strategy", "first-index"),
)
# uv says so of each package that has no wheel which could be used.
_ONLY_SOURCE = re.compile(r"[Ww]heels are required for `([A-Za-z0-9._-]+)`")
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
        constraints: what holds for versions of whatever is needed.
        links: a directory with wheels that stand for what exists only as source.
    """

    requirements: Sequence[Requirement]
    kept: Mapping[str, str] = field(default_factory=dict)
    constraints: Sequence[Requirement] = ()
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
        index: its address.
    """

    def __init__(
        self, python: str, glibc: str, directory: Path, environment: Mapping[str, str], index: str
    ) -> None:
        names = {name for each in _NETWORK for name in (each, each.lower())}
        self._directory = directory
        self._environment = {
            **{n: environment[n] for n in names if n in environment},
            **CLEAN_ENVIRONMENT,
            # By the environment, because everybody sees arguments, and it may hold a password.
            "UV_DEFAULT_INDEX": index,
            "TMPDIR": str(directory),
        }
        self._words = (
            *("pip", "compile", "--no-progress", "--color", "never", "--no-header"),
            *("--format", "pylock.toml", *_SETTINGS),
            *("--cache-dir", directory / "cache"),
            *("--python", sys.executable, "--python-version", python),
            *("--python-platform", f"{TARGET.wheels}-manylinux_{glibc.replace('.', '_')}"),
        )

    def ask(self, question: Question) -> Answer:
        """Return uv's answer.

        Raises:
            OnlySourceError: some packages exist only as source.
            LockError: they cannot be satisfied together.
        """
        scratch = Path(tempfile.mkdtemp(dir=self._directory))
        constraints = scratch / "constraints.txt"
        constraints.write_text("\n".join(map(str, question.constraints)))
        # uv keeps the versions of the file that it is about to write.
        output = scratch / "pylock.toml"
        if kept := question.kept.items():
            output.write_text(_KEPT + "".join(_KEPT_PACKAGE.format(*item) for item in kept))
        links = question.links
        try:
            done = uv().run(
                *self._words,
                *(("--find-links", links) if links else ()),
                *("--constraints", constraints, "--output-file", output, "-"),
                data="\n".join(map(str, question.requirements)).encode(),
                environment=self._environment,
                directory=self._directory,
            )
        except ToolFailedError as error:
            raise _unresolved(question, error.why.partition("\n")[2]) from error
        try:
            lock = Pylock.from_dict(tomllib.loads(output.read_text()))
        except (ValueError, PylockValidationError) as error:
            raise LockError("the index's answers make no valid lock", why=str(error)) from error
        said = _NO_EXTRA.findall(done.stderr.decode("utf-8", "replace"))
        return Answer(
            lock, frozenset((canonicalize_name(a), canonicalize_name(b)) for a, b in said)
        )


def _unresolved(question: Question, said: str) -> LockError:
    """Return the error for what uv could not resolve."""
    required = ", ".join(map(str, (*question.requirements, *question.constraints)))
    why = f"required: {required}\n{said}"
    names = sorted(set(_ONLY_SOURCE.findall(said)))
    if not names:
        hint = "relax a requirement, or check the network"
        return LockError("these packages cannot be resolved together", why=why, hint=hint)
    error = OnlySourceError(
        f"{', '.join(names)} can be had only as source",
        why=why,
        hint=f"require a version that has a wheel, or serve a wheel of {names[0]} from an index of"
        " your own, which OMNIBUILD_INDEX_URL names",
    )
    error.names = tuple(names)
    return error
