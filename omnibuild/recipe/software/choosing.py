"""Which definition and which variants of its components a recipe chooses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from omnibuild.errors import DefinitionError
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe, Software
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.software.extending import Defined
from omnibuild.recipe.validate import closest, quoted, suggestion
from omnibuild.recipe.whereabouts import recipe_document

# Taken by every component that has it, where `build.profile` asks for it.
RELEASE = "release"


@dataclass(frozen=True)
class Choice:
    """What a recipe says of a component.

    Args:
        definition: the one that is taken for it.
        variants: names of those that are chosen, in their order there.
    """

    definition: str
    variants: tuple[str, ...] = ()


def choices(definitions: Definitions, recipe: Recipe, path: Path) -> dict[str, Choice]:
    """Return what ``[software]`` of a recipe chooses, by the components' names.

    Raises :class:`DefinitionError` for versions and variants that no definition has, and for an
    interpreter that is not defined.
    """
    found: dict[str, Choice] = {}
    faults = [*_unknown_interpreter(definitions, recipe)]
    for name, said in recipe.chosen.items():
        place: Keys = ("software", name)
        wrong: dict[str, DefinitionError] = {}
        known = versions(definitions, name, wrong)
        fitting = [each for each in known if is_of(known[each], said.version)]
        _refuse_wrong(name, said.version, fitting, wrong)
        if not fitting:
            faults.append(_unknown(definitions, name, said.version, known))
            continue
        definition = name if name in fitting else fitting[-1]
        defined = definitions.software(definition)
        faults += _variant_faults(place, defined, said.variants)
        if defined.software.build_only:
            what = f"{quoted(name)} is a tool for building, and no app brings it"
            faults.append(Fault(place, what, "name it in `needs` of [build], for the steps there"))
        found[name] = Choice(definition, said.variants)
    for index, name in enumerate(recipe.build.needs if recipe.build else ()):
        if name not in definitions.names("software"):
            place = ("build", "needs", index)
            unknown = _unknown(definitions, name, "", {})
            faults.append(msgspec.structs.replace(unknown, path=place, in_key=False))
    if faults:
        raise recipe_document(path).error(faults)
    return found


def versions(
    definitions: Definitions, name: str, wrong: dict[str, DefinitionError] | None = None
) -> dict[str, str]:
    """Return the definitions of a component, with their versions, oldest first.

    ``openssl-3.0``, if its version is 3.0 or begins with 3.0 and a dot, is one of ``openssl``. What
    cannot be read is left out: it is wrong only for who takes it.

    Args:
        definitions: of all components.
        name: the component's.
        wrong: takes the errors of what cannot be read, by the series in its name, or ``""``.
    """
    found = {}
    for each in definitions.names("software"):
        series = each.removeprefix(f"{name}-") if each.startswith(f"{name}-") else ""
        if each == name or series[:1].isdigit():
            try:
                version = definitions.software(each).software.version
            except DefinitionError as error:
                if wrong is not None:
                    wrong[series] = error
                continue
            if each == name or is_of(version, series):
                found[each] = version
    return dict(sorted(found.items(), key=lambda item: (_order(item[1]), item[0])))


def _refuse_wrong(
    name: str, wanted: str, fitting: Sequence[str], wrong: Mapping[str, DefinitionError]
) -> None:
    """Raise what is wrong with a definition that would, or may, be the one that is taken."""
    for series, error in wrong.items():
        is_wanted = is_of(series, wanted) and name not in fitting if series else not wanted
        if is_wanted or not fitting:
            raise error


def is_of(version: str, wanted: str) -> bool:
    """Tell whether a version is the one that is wanted, or of that series; empty wants any."""
    return wanted in ("", version) or version.startswith(f"{wanted}.")


def with_variants(software: Software, names: Sequence[str]) -> Software:
    """Return a definition with all that some of its variants add."""
    chosen = [software.variants[name] for name in names]
    environment = dict(software.environment)
    for variant in chosen:
        environment |= variant.environment
    return msgspec.structs.replace(
        software,
        environment=environment,
        needs=_joined(software.needs, *(variant.needs for variant in chosen)),
        build_needs=_joined(software.build_needs, *(variant.build_needs for variant in chosen)),
        steps=(*software.steps, *(step for variant in chosen for step in variant.steps)),
        prune=_joined(software.prune, *(variant.prune for variant in chosen)),
    )


def _joined(*lists: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in lists for name in each))


def _unknown(definitions: Definitions, name: str, version: str, known: Mapping[str, str]) -> Fault:
    place = ("software", name)
    if not known:
        hint = suggestion(closest(name, definitions.names("software")))
        what = f"no software is called {quoted(name)}"
        return Fault(
            place, what, hint or "omnibuild software list shows what there is", in_key=True
        )
    there = ", ".join(f"{each} ({file}.toml)" for file, each in known.items())
    what = f"no definition of {quoted(name)} has the version {quoted(version)}"
    hint = (
        f"there are: {there}; software/{name}-{version}.toml with `extends ="
        f' "{list(known)[-1]}"` makes another one'
    )
    return Fault(place, what, hint)


def _unknown_interpreter(definitions: Definitions, recipe: Recipe) -> Iterator[Fault]:
    wrong: dict[str, DefinitionError] = {}
    series = [name.removeprefix("python-") for name in versions(definitions, "python", wrong)]
    if recipe.python and recipe.python.version in wrong:
        raise wrong[recipe.python.version]
    if recipe.python and recipe.python.version not in series:
        wanted = recipe.python.version
        what = f"no definition of CPython is of the series {quoted(wanted)}"
        another = f"software/python-{wanted}.toml with `extends` makes another one"
        yield Fault(("python", "version"), what, f"there are: {', '.join(series)}; {another}")


def _variant_faults(place: Keys, defined: Defined, names: Sequence[str]) -> Iterator[Fault]:
    known = defined.software.variants
    values: dict[str, tuple[str, str]] = {}
    for index, name in enumerate(names):
        here = (*place, "variants", index)
        if name not in known:
            what = f"{quoted(defined.software.name)} has no variant {quoted(name)}"
            has = f"it has {', '.join(known)}" if known else "it has no variants"
            yield Fault(here, what, suggestion(closest(name, known)) or has)
            continue
        if name in names[:index]:
            yield Fault(here, f"{quoted(name)} is there twice")
        for variable, value in known[name].environment.items():
            other, theirs = values.setdefault(variable, (name, value))
            if theirs != value:
                what = f"the variants {quoted(other)} and {quoted(name)} both set {variable}"
                yield Fault(here, what, "choose one of them")


def _order(version: str) -> list[tuple[int, int, str]]:
    """Return what versions are sorted by: numbers as such, before letters of the same place."""
    parts = re.findall(r"[0-9]+|[A-Za-z~]+", version)
    return [(1, int(each), "") if each.isdigit() else (0, 0, each) for each in parts]
