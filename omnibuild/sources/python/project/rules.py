"""What a project's tools are told of how to resolve, and that is obeyed here as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.recipe import located
from omnibuild.recipe.located import Document, Fault
from omnibuild.recipe.positions import Path as Keys
from omnibuild.sources.python.index import public_index
from omnibuild.sources.python.indexes import MACHINE, Index, Indexes
from omnibuild.sources.python.project.declared import NOTHING, Choice
from omnibuild.sources.python.project.sources import UV, concerns, sources
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.transfer.credentials import without_login

# Of an entry of `index`: what decides nothing, or is obeyed.
_OF_INDEX = {"name", "url", "explicit", "default", "publish-url", "authenticate", "cache-control"}
_POETRY_SOURCES: Keys = ("tool", "poetry", "source")
_PUBLIC = "pypi"


@dataclass(frozen=True)
class Rules:
    """How a project wants its requirements to be resolved.

    Args:
        constraints: what holds for versions of whatever is needed.
        overrides: what is required of packages, whoever requires something else.
        excludes: packages that are left out, whoever requires them.
        building: what holds for versions of whatever builds sources.
        from_source: packages of which no wheel is taken.
        resolution: which versions uv prefers.
        prerelease: which pre-releases uv takes.
        indexes: where packages are.
    """

    constraints: tuple[Requirement, ...] = ()
    overrides: tuple[Requirement, ...] = ()
    excludes: tuple[str, ...] = ()
    building: tuple[Requirement, ...] = ()
    from_source: tuple[str, ...] = ()
    resolution: str = "highest"
    prerelease: str = "if-necessary-or-explicit"
    indexes: Indexes = Indexes()  # noqa: RUF009 - it is frozen

    def with_constraints(self, more: Iterable[Requirement]) -> Rules:
        """Return the same with more constraints."""
        return replace(self, constraints=(*self.constraints, *more))

    def with_indexes(self, more: Iterable[str], own: str) -> Rules:
        """Return the same with indexes that are asked first, and one in place of the public one."""
        known = self.indexes
        rest = [_index(own, "")] if own else known.ordered
        ordered = (*(_index(url, "") for url in more), *rest)
        return replace(self, indexes=replace(known, ordered=tuple(dict.fromkeys(ordered))))

    def without(self, name: str) -> Rules:
        """Return the same with a package left out; without a name, just the same."""
        return replace(self, excludes=(*self.excludes, canonicalize_name(name))) if name else self

    def words(self) -> tuple[str, ...]:
        """Return them in words, for a lock to remember; without the indexes themselves."""
        lists = {
            "constraint": self.constraints,
            "override": self.overrides,
            "exclude": self.excludes,
            "building": self.building,
        }
        found = [f"{word} {each}" for word, listed in lists.items() for each in listed]
        default = Rules()
        found += [
            f"{word} {getattr(self, word)}"
            for word in ("resolution", "prerelease")
            if getattr(self, word) != getattr(default, word)
        ]
        pinned = self.indexes.pinned.items()
        found += [f"{name} from {index.name or index.url or 'here'}" for name, index in pinned]
        return tuple(sorted(found))

    def index_words(self) -> tuple[str, ...]:
        """Return the indexes that the project names, as ``NAME=URL``."""
        return tuple(f"{each.name}={without_login(each.url)}" for each in self.indexes.named())


NO_RULES = Rules()


def read_rules(
    directory: Path,
    choice: Choice,
    python: str,
    root: Path | None = None,
    members: Iterable[Path] = (),
) -> Rules:
    """Return the rules of the project in a directory.

    Args:
        directory: of the project.
        root: of the workspace that it is a member of.
        members: directories of packages that it takes: they, too, say which index has what.
        choice: extras and groups that are taken: what a package is taken from may depend on it.
        python: series of CPython.

    Raises :class:`DefinitionError` that says what is wrong with them.
    """
    reading = _Reading(choice, python)
    for place in (directory, *([root] if root and root != directory.resolve() else [])):
        # uv's own file goes before the project's table.
        for name, table in (("uv.toml", ()), ("pyproject.toml", UV)):
            path = place / name
            if path.exists():
                reading.read_file(located.read(path), table)
    for member in members:
        path = member / "pyproject.toml"
        if path.exists():
            reading.read_member(located.read(path))
    return reading.rules()


class _Reading:
    """Rules while they are read."""

    def __init__(self, choice: Choice, python: str) -> None:
        self._choice, self._python = choice, python
        self._lists: dict[str, list[Any]] = {}
        self._words: dict[str, str] = {}
        self._ordered: list[Index] = []
        self._explicit: list[Index] = []
        self._default: list[Index] = []
        self._named: dict[str, Index] = {}
        self._has_end = False
        self._pinned: dict[str, Index] = {}

    def read_file(self, document: Document, table: Keys) -> None:
        """Read the rules of one file."""
        faults = [*self._read_uv(document.data, table)]
        if table:
            faults += [*self._read_poetry(document.data)]
            faults += [*self._read_sources(document.data)]
        if faults:
            raise document.error(faults)

    def read_member(self, document: Document) -> None:
        """Read which index has what, as a package says that the project takes from a directory."""
        alone = _Reading(NOTHING, self._python)
        alone._named |= self._named
        alone.read_file(document, UV)
        for name, index in alone._pinned.items():
            known = self._pinned.setdefault(name, index)
            if known != index:
                what = f"`{name}` is taken from {index.url or 'here'}, elsewhere from {known.url}"
                path = (*UV, "sources", name)
                raise document.error([Fault(path, what, "name one index in both")])

    def rules(self) -> Rules:
        """Return what was read."""
        # Poetry's list has an end of its own.
        default = self._default[:1] or ([] if self._has_end else [MACHINE])
        return Rules(
            constraints=tuple(self._lists.get("constraint-dependencies", ())),
            overrides=tuple(self._lists.get("override-dependencies", ())),
            excludes=tuple(self._lists.get("exclude-dependencies", ())),
            building=tuple(self._lists.get("build-constraint-dependencies", ())),
            from_source=tuple(self._lists.get("no-binary-package", ())),
            resolution=self._words.get("resolution", NO_RULES.resolution),
            prerelease=self._words.get("prerelease", NO_RULES.prerelease),
            indexes=Indexes(
                ordered=(*self._ordered, *default),
                explicit=tuple(self._explicit),
                pinned=self._pinned,
            ),
        )

    def _read_uv(self, data: Mapping[str, Any], table: Keys) -> Iterator[Fault]:
        names = ("exclude-dependencies", "no-binary-package")
        for key in (
            *("constraint-dependencies", "override-dependencies", "build-constraint-dependencies"),
            *names,
        ):
            listed = located.value_at(data, *table, key)
            for index, text in _items(listed):
                try:
                    found = checked(str(text))
                    value = canonicalize_name(found.name) if key in names else found
                    self._lists.setdefault(key, []).append(value)
                except NotARequirementError as error:
                    yield Fault((*table, key, index), str(error), error.hint)
        for key in ("resolution", "prerelease"):
            if isinstance(value := located.value_at(data, *table, key), str):
                self._words.setdefault(key, value)
        for index, entry in _items(located.value_at(data, *table, "index")):
            yield from self._read_index((*table, "index", index), entry)
        # Older words for the same.
        for key, default in (("extra-index-url", False), ("index-url", True)):
            urls = located.value_at(data, *table, key)
            for url in urls if isinstance(urls, list) else [urls] if urls else []:
                yield from self._read_index((*table, key), {"url": url, "default": default})

    def _read_index(self, path: Keys, entry: Any) -> Iterator[Fault]:
        entry = entry if isinstance(entry, dict) else {}
        if unknown := sorted(entry.keys() - _OF_INDEX):
            what = f"`{unknown[0]}` of an index changes what is installed, and is not obeyed"
            yield Fault((*path, unknown[0]), what, "take it out of the project", in_key=True)
            return
        url, name = entry.get("url"), entry.get("name", "")
        if not (isinstance(url, str) and isinstance(name, str)) or not is_address(url):
            yield Fault(path, "an index needs a `url`: https, http or file", "write all of it")
            return
        kind = self._explicit if entry.get("explicit") is True else self._ordered
        (self._default if entry.get("default") is True else kind).append(_index(url, name))

    def _read_poetry(self, data: Mapping[str, Any]) -> Iterator[Fault]:
        asked: dict[str, list[Index]] = {"first": [], "last": [], "explicit": []}
        for place, entry in _items(located.value_at(data, *_POETRY_SOURCES)):
            entry = entry if isinstance(entry, dict) else {}
            name, url = str(entry.get("name", "")), entry.get("url", "")
            public = canonicalize_name(name) == _PUBLIC and not url
            kind = _priority(entry)
            if kind not in asked or not (public or (isinstance(url, str) and is_address(url))):
                what = "this source of Poetry is of no kind that is obeyed here"
                yield Fault((*_POETRY_SOURCES, place), what, "its `priority` or `url` is not known")
                continue
            asked[kind].append(_index("" if public else str(url), name))
        self._explicit += asked["explicit"]
        # With a source of its own Poetry does not ask the public index unless it is listed.
        if asked["first"] or asked["last"]:
            self._ordered += [*(asked["first"] or [MACHINE]), *asked["last"]]
            self._has_end = True

    def _read_sources(self, data: Mapping[str, Any]) -> Iterator[Fault]:
        for path, name, source in sources(data):
            if not self._concerns(source):
                continue
            called = source.get("index", source.get("source"))
            if not isinstance(called, str):
                continue
            listed = (*self._ordered, *self._explicit, *self._default)
            known = self._named | {index.name: index for index in listed if index.name}
            if called not in known:
                hint = f"there are {', '.join(sorted(known))}" if known else "there is none at all"
                yield Fault(path, f"no index of the project is called `{called}`", hint)
                continue
            self._pinned.setdefault(name, known[called])
            self._named = known

    def _concerns(self, source: Mapping[str, Any]) -> bool:
        """Tell whether a source is for this environment and choice."""
        return concerns(source, self._choice, self._python)


def _priority(entry: Mapping[str, Any]) -> str:
    """Return when Poetry asks a source: first, last, only when it is named."""
    if entry.get("default") is True:
        return "first"
    if entry.get("secondary") is True:
        return "last"
    words: dict[Any, str] = {
        **dict.fromkeys(("primary", "default", None), "first"),
        **dict.fromkeys(("supplemental", "secondary"), "last"),
        "explicit": "explicit",
    }
    return words.get(entry.get("priority"), "unknown")


def _items(value: Any) -> Iterable[tuple[int, Any]]:
    return enumerate(value) if isinstance(value, list) else ()


def is_address(url: str) -> bool:
    """Tell whether a text can be the address of an index."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http", "file") and parts.port != 0
    except ValueError:
        return False


def _index(url: str, name: str) -> Index:
    """Return an index; whoever names the public one means this machine's way to it."""
    url = url.rstrip("/") + "/" if url else ""
    return Index("" if url and without_login(url) == _public() else url, name)


@cache
def _public() -> str:
    return public_index()
