"""Rules about definitions of software that no field alone can tell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from omnibuild.recipe.fields import is_repository, is_url
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Software, Source, TemplateStep, Variant
from omnibuild.recipe.models.needs import FIXED_VARIABLES
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted


def software_faults(software: Software, patches: Mapping[str, Path]) -> Iterator[Fault]:
    """Yield what is wrong with a definition whose fields are each right.

    Args:
        software: the definition.
        patches: its patches by name, with where each is looked up.
    """
    for index, patch in enumerate(software.patches):
        if not os.path.isfile(patches[patch]):
            hint = f"it is looked up in {patches[patch].parent}"
            yield Fault(("patches", index), f"there is no patch {quoted(patch)}", hint)
    for index, text in enumerate(software.license_files):
        if text.startswith("/") or ".." in text.split("/"):
            hint = "write it as it is in the unpacked source, like `COPYING`"
            what = f"{quoted(text)} is not in the source"
            yield Fault(("license-files", index), what, hint)
    for key, globs in (
        ("prune", software.prune),
        ("provides", software.provides),
        ("when-needed", software.when_needed),
    ):
        yield from _glob_faults((key,), globs)
    yield from _source_faults(software.source)
    yield from _need_faults((), software.name, software)
    yield from _step_faults((), software.steps)
    yield from _environment_faults((), software.environment)
    for name, variant in software.variants.items():
        yield from _need_faults(("variants", name), software.name, variant)
        yield from _step_faults(("variants", name), variant.steps)
        yield from _glob_faults(("variants", name, "prune"), variant.prune)
        yield from _environment_faults(("variants", name), variant.environment)


def _source_faults(source: Source) -> Iterator[Fault]:
    if source.git:
        yield from _repository_faults(source)
        return
    if source.commit:
        yield Fault(("source", "commit"), "`commit` is of a repository, and there is no `git`")
        return
    for key in ("sha256", "places"):
        if not getattr(source, key):
            hint = "or name a repository with `git` and `commit`"
            yield Fault(("source",), f"missing key `{key}` in [source]", hint)
    for index, place in enumerate(source.places):
        if not is_url(place):
            yield Fault(("source", "places", index), f"{quoted(place)} is not a URL")


def _repository_faults(source: Source) -> Iterator[Fault]:
    if not is_repository(source.git):
        hint = "write it like `https://example.com/project.git`"
        yield Fault(("source", "git"), f"{quoted(source.git)} is no repository's URL", hint)
    if not source.commit:
        what = "[source] with `git` needs `commit`: a branch or a tag would move"
        yield Fault(("source", "git"), what, "git rev-parse 'TAG^{commit}' says it")
    for key in ("sha256", "places"):
        if getattr(source, key):
            what = f"`{key}` is for archives, and `git` is there"
            yield Fault(("source", key), what, "name one of them", in_key=True)


def _need_faults(path: Keys, own: str, needing: Software | Variant) -> Iterator[Fault]:
    for key, needed in (("needs", needing.needs), ("build-needs", needing.build_needs)):
        for index, name in enumerate(needed):
            if name == own:
                yield Fault((*path, key, index), f"{quoted(name)} cannot need itself")
            elif name in needed[:index]:
                yield Fault((*path, key, index), f"{quoted(name)} is there twice")


def _environment_faults(path: Keys, environment: Iterable[str]) -> Iterator[Fault]:
    for name in environment:
        if FIXED_VARIABLES.fullmatch(name):
            what = f"{quoted(name)} cannot be set: it is the same in every build"
            hint = "a step can set it for what it starts: NAME=value command"
            yield Fault((*path, "environment", name), what, hint, in_key=True)


def _step_faults(path: Keys, steps: Sequence[str | TemplateStep]) -> Iterator[Fault]:
    for index, step in enumerate(steps):
        if isinstance(step, TemplateStep):
            yield from _template_faults((*path, "steps", index), step)


def _template_faults(path: Keys, step: TemplateStep) -> Iterator[Fault]:
    names = list(step.given)
    if len(names) != 1:
        there = f"{' and '.join(map(quoted, names))} are" if names else "none is"
        hint = "write shell as a string, or one of `autotools`, `cmake`, `make`, `meson`, `tidy`"
        yield Fault(path, f"a step names one template, and {there} there", hint)
        return
    if step.template == "tidy":
        if step.directory:
            what = "`tidy` is about what is installed, and takes no directory"
            yield Fault((*path, "directory"), what)
        yield from _glob_faults((*path, "tidy"), step.words)
        return
    for index, word in enumerate(step.words):
        if (count := _words_in(word)) != 1:
            said = f"is {count} words" if count else "is not one whole word"
            hint = 'make a string of each word, or quote what belongs together: `X="a b"`'
            yield Fault((*path, step.template, index), f"{quoted(word)} {said}", hint)


def _words_in(text: str) -> int:
    """Return how many words a shell sees; 0 where a quotation does not end, or in a comment."""
    try:
        return len(shlex.split(text, comments=True))
    except ValueError:
        return 0


def _glob_faults(path: Keys, globs: Sequence[str]) -> Iterator[Fault]:
    for index, glob in enumerate(globs):
        if glob.startswith("/") or ".." in glob.split("/"):
            hint = "write it as it is below the prefix, like `share/man`"
            yield Fault((*path, index), f"{quoted(glob)} is not below the prefix", hint)
