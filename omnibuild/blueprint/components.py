"""Software definitions as actions: fetch the source, build in the root with the needs beneath."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from omnibuild.digests import Digest
from omnibuild.errors import DefinitionError, UnknownNameError, Where
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.layers.symbols import with_symbols
from omnibuild.plan.graph import Action, Limits, cycle_error
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Software, Source
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.software.choosing import Choice, with_variants
from omnibuild.recipe.software.extending import Defined
from omnibuild.recipe.software.templates import expanded, tools
from omnibuild.recipe.validate import quoted
from omnibuild.sources.roots.lock import Root, load_root_lock
from omnibuild.sources.roots.pins import ImageRoot, TarballRoot
from omnibuild.store.results import Output


def fetch_action(digest: Digest, places: Sequence[str], title: str) -> Action:
    """Return the action that fetches one file pinned by its digest."""
    return Action(
        name=f"fetch:{title}",
        kind="fetch",
        parameters={"sha256": digest},
        places={"places": list(places)},
        output=Output("blob", digest),
    )


def fetch_package(file: LockedFile) -> Action:
    """Return the action that fetches a file of a package: where it was, else from the index.

    What is from an index that a project names is fetched from there alone, whose page says where
    files are, and who may have them.
    """
    place = f"index:{file.package}/{file.name}"
    places = [*([file.url] if file.url else []), place]
    if file.direct:
        places = [file.url]
    elif file.index:
        places = [f"{place}@{file.index}"]
    return fetch_action(file.sha256, places, file.name)


def root_actions(name: str, root: Root) -> list[Action]:
    """Return the actions that make a build root, the last of them the root itself."""
    title, name = name, f"root:{name}@{root.architecture}"
    if isinstance(root, ImageRoot):
        places = {"image": root.image}
        return [Action(name, "image", parameters={"digest": root.digest}, places=places)]
    if isinstance(root, TarballRoot):
        fetch = fetch_action(root.sha256, root.places, f"{title} root")
        parameters = {"tarball": root.sha256}
        return [fetch, Action(name, "root", parameters, inputs={"tarball": fetch.name})]
    fetches = [
        fetch_action(package.sha256, package.places, f"{title}/{package.name}")
        for package in root.packages
    ]
    after = tuple(fetch.name for fetch in fetches)
    return [*fetches, Action(name, "root", {"lock": root.to_data()}, after=after)]


class Components:
    """The components that an app takes, and the actions that build them.

    Args:
        definitions: where software is defined.
        root: name of the root that everything is compiled in.
        profile: a variant that all are built in, where they have it.
        chosen: what the recipe says of some of them, by their names.
        symbols: whether their debug symbols are kept.
    """

    def __init__(
        self,
        definitions: Definitions,
        root: str,
        profile: Literal["release"] | None = None,
        chosen: Mapping[str, Choice] = MappingProxyType({}),
        *,
        symbols: bool = False,
    ) -> None:
        self.symbols = symbols
        self.definitions, self._profile, self._chosen = definitions, profile, chosen
        lock = load_root_lock(definitions.root_lock(root))
        # Ends the names of all actions whose output depends on the root.
        self.place = f"@{root}/{lock.architecture}"
        self._software: dict[str, Software] = {}
        self._closures: dict[str, tuple[str, ...]] = {}
        self.root_lock = lock
        *fetches, last = root_actions(root, lock)
        self.root = last.name
        self.actions: dict[str, Action] = {a.name: a for a in (*fetches, last)}

    def add(self, name: str, wanted_by: Sequence[str] = ()) -> str:
        """Plan a component with everything it needs; return its action's name.

        Args:
            name: of the software definition.
            wanted_by: the components that led here, outermost first.

        Raises:
            CycleError: it needs itself.
            UnknownNameError: there is no such definition.
        """
        if name in self._software:
            return self.action(name)
        defined = self._defined(name)
        software = defined.software
        build_needs = (*software.build_needs, *tools(software.steps))
        chain = (*wanted_by, name)
        for need in (*software.needs, *build_needs):
            if need in chain:
                circle = [*chain[chain.index(need) :], need]
                where = defined.error([Fault(_place_of(defined, need), need)]).where
                raise cycle_error(circle, where)
            self._add_need(need, defined, chain)
        self._refuse_tools(defined)
        self._software[name] = software
        source = _source(name, software.source, defined.path)
        layers = self.closure((*software.needs, *build_needs))
        build = Action(
            name=self.action(name),
            kind="component",
            parameters=_parameters(defined, symbols=self.symbols),
            places={"definition": str(defined.path), "patches": list(software.patches)},
            limits=_limits(software),
            inputs={
                "root": self.root,
                "source": source.name,
                **{f"layer:{layer}": self.action(layer) for layer in layers},
            },
        )
        self.actions |= {source.name: source, build.name: build}
        return build.name

    def action(self, name: str) -> str:
        """Return the name of the action that builds a component."""
        return f"component:{name}{self.place}"

    def closure(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the planned components ``names`` and all that they need at run time, sorted."""
        found: set[str] = set()
        for name in names:
            if name not in self._closures:
                needs = self._software[name].needs
                self._closures[name] = (name, *self.closure(needs))
            found.update(self._closures[name])
        return tuple(sorted(found))

    def software(self, name: str) -> Software:
        """Return the definition of a planned component."""
        return self._software[name]

    def _add_need(self, need: str, defined: Defined, chain: Sequence[str]) -> None:
        """Plan what a component needs, or refuse a name that no definition has where it stands."""
        try:
            self.add(need, chain)
        except UnknownNameError as error:
            # What is missing further beneath, or is extended, has been placed there.
            if error.where:
                raise
            fault = Fault(_place_of(defined, need), error.what, error.hint)
            raise defined.error([fault], UnknownNameError) from error

    def _refuse_tools(self, defined: Defined) -> None:
        """Refuse what only builds things among the needs of what apps bring."""
        if defined.software.build_only:
            return
        for index, need in enumerate(defined.software.needs):
            if self._software[need].build_only:
                what = f"{quoted(need)} is a tool for building, and no app brings it"
                hint = "name it in `build-needs` instead"
                raise defined.error([Fault(("needs", index), what, hint)])

    def _defined(self, name: str) -> Defined:
        """Return the definition that is taken for a component, in the variants it is built in."""
        choice = self._chosen.get(name, Choice(name))
        defined = self.definitions.software(choice.definition)
        variants = dict.fromkeys([*([self._profile] if self._profile else []), *choice.variants])
        chosen = [each for each in variants if each in defined.software.variants]
        # Another version stands under everything that needs the component: it takes its name.
        software = msgspec.structs.replace(with_variants(defined.software, chosen), name=name)
        return replace(defined, software=software)


def _parameters(defined: Defined, *, symbols: bool) -> dict[str, Any]:
    """Return what of a definition is in the key of its action."""
    software = defined.software
    environment = FIXED_ENVIRONMENT | software.environment
    kept = symbols and not software.build_only
    return {
        "name": software.name,
        "steps": expanded(software.steps),
        "test": software.test,
        "patches": [_text_of(software, defined.patches[name]) for name in software.patches],
        "license_files": list(software.license_files),
        "needs": sorted(software.needs),
        "environment": with_symbols(environment) if kept else environment,
        **({"symbols": True} if kept else {}),
        **({"build_only": True} if software.build_only else {}),
    }


def _place_of(defined: Defined, need: str) -> Keys:
    """Return where a definition names another component."""
    software = defined.software
    named = (("needs", software.needs), ("build-needs", software.build_needs))
    places = [(key, names.index(need)) for key, names in named if need in names]
    # What a template of its steps needs is named nowhere.
    return places[0] if places else ("steps",)


def _source(name: str, source: Source, definition: Path) -> Action:
    """Return the action that fetches a component's archive, or its commit."""
    place = {"definition": str(definition)}
    if source.git:
        pin = {"commit": source.commit, "subdirectory": "", "digest": ""}
        return Action(f"checkout:{name}", "checkout", pin, places={"url": source.git, **place})
    fetch = fetch_action(source.sha256, source.places, f"{name} source")
    return replace(fetch, places={**fetch.places, **place})


def _text_of(software: Software, patch: Path) -> str:
    try:
        return patch.read_bytes().decode()
    except OSError as error:
        what, why, hint = "cannot be read", str(error.strerror), ""
    except UnicodeDecodeError as error:
        what, why = "is not UTF-8", str(error)
        hint = "a step can change files of another encoding: sed, or iconv before and after"
    raise DefinitionError(
        f"the patch of {software.name} {what}", where=Where(str(patch)), why=why, hint=hint
    )


def _limits(software: Software) -> Limits:
    limits = software.limits
    return Limits(float(limits.seconds or 0), (limits.megabytes or 0) * 1_000_000)
