"""Settings of a project's own tools, and which of them are not obeyed yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from omnibuild.recipe import located
from omnibuild.recipe.located import Fault
from omnibuild.recipe.positions import Path as Keys

# Settings of uv that change which packages or which files answer a requirement. To pass over one
# would pin something else than the project's own tool installs, perhaps a stranger's package.
_OF_UV = (
    "constraint-dependencies",
    "override-dependencies",
    "exclude-dependencies",
    "dependency-metadata",
    "index",
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "index-strategy",
    "resolution",
    "prerelease",
    "exclude-newer",
    "exclude-newer-package",
)
_NOT_OBEYED: tuple[Keys, ...] = (
    *(("tool", "uv", key) for key in _OF_UV),
    *(("tool", "uv", "pip", key) for key in _OF_UV),
    ("tool", "poetry", "source"),
    ("tool", "pdm", "source"),
    ("tool", "pdm", "resolution"),
)
# What makes an entry of [tool.poetry.dependencies] more than a version.
_ORIGINS = {"path", "git", "url", "file", "source"}
_HINT = (
    "take it out of the project, and let one index have all packages:"
    " OMNIBUILD_INDEX_URL is its address"
)


def refuse_unobeyed(directory: Path, names: Collection[str]) -> None:
    """Raise :class:`DefinitionError` for settings of a project's tools that are not obeyed.

    Args:
        directory: of the project.
        names: normalised names of what it requires.
    """
    path = directory / "pyproject.toml"
    if path.exists():
        document = located.read(path)
        if faults := list(_settings(document.data, names)):
            raise document.error(faults)
    _refuse_uv_file(directory / "uv.toml")


def _settings(data: Mapping[str, Any], required: Collection[str]) -> Iterator[Fault]:
    for path in _NOT_OBEYED:
        value = located.value_at(data, *path)
        if value is not None and not _for_named_sources_only(value):
            yield _not_obeyed(path)
    yield from (_not_obeyed(path) for path in _sources(data) if _name(path) in required)


def _sources(data: Mapping[str, Any]) -> Iterator[Keys]:
    """Yield the keys that take one package from elsewhere than the index; the last is its name."""
    for path in (("tool", "uv", "sources"), ("tool", "poetry", "dependencies")):
        packages = located.value_at(data, *path)
        for name, source in packages.items() if isinstance(packages, dict) else ():
            if "uv" in path or (isinstance(source, dict) and _ORIGINS & source.keys()):
                yield (*path, name)


def _name(path: Keys) -> str:
    return canonicalize_name(str(path[-1]))


def _for_named_sources_only(value: Any) -> bool:
    """Tell whether these are indexes that serve only what [tool.uv.sources] takes from them."""
    return isinstance(value, list) and all(
        isinstance(each, dict) and each.get("explicit") is True for each in value
    )


def _not_obeyed(path: Sequence[str | int]) -> Fault:
    name = ".".join(map(str, path))
    what = f"`{name}` changes what is installed, and `omnibuild lock` does not obey it yet"
    return Fault(tuple(path), what, _HINT, in_key=True)


def _refuse_uv_file(path: Path) -> None:
    if not path.exists():
        return
    document = located.read(path)
    faults = [
        _not_obeyed((*table, key))
        for table in ((), ("pip",))
        for key in _OF_UV
        if located.value_at(document.data, *table, key) is not None
    ]
    if faults:
        raise document.error(faults)
