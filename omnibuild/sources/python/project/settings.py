"""Settings of a project's own tools, sorted into those that are obeyed, refused and harmless."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from omnibuild.recipe import located
from omnibuild.recipe.located import Document, Fault
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.wheeltags import applies
from omnibuild.sources.python.project.declared import Choice
from omnibuild.sources.python.project.sources import UV

# uv's settings, all of them: a test asks the uv that came with omnibuild which there are.
OBEYED = frozenset(
    (
        *("build-backend", "build-constraint-dependencies", "conflicts", "constraint-dependencies"),
        *("dev-dependencies", "environments", "exclude-dependencies", "extra-index-url", "index"),
        *("index-url", "no-binary-package", "override-dependencies", "package", "prerelease"),
        *("resolution", "sources", "workspace"),
    )
)
# Without any effect on what is installed, for the reason that is said.
HARMLESS = {
    **dict.fromkeys(
        (
            "concurrent-builds",
            "concurrent-downloads",
            "concurrent-installs",
            "preview",
            "preview-features",
            "required-version",
            "audit",
            "add-bounds",
            "managed",
        ),
        "how uv itself works",
    ),
    **dict.fromkeys(
        (
            "cache-dir",
            "cache-keys",
            "no-cache",
            "offline",
            "reinstall",
            "reinstall-package",
            "link-mode",
            "compile-bytecode",
        ),
        "what uv keeps and how it installs; omnibuild has its own store",
    ),
    **dict.fromkeys(
        (
            "allow-insecure-host",
            "http-proxy",
            "https-proxy",
            "keyring-provider",
            "native-tls",
            "no-proxy",
            "system-certs",
        ),
        "the way to an index is this machine's; bytes are pinned by their digest",
    ),
    **dict.fromkeys(
        (
            "python-preference",
            "python-downloads",
            "python-downloads-json-url",
            "python-install-mirror",
            "pypy-install-mirror",
            "graalpy-install-mirror",
            "pyodide-install-mirror",
        ),
        "the interpreter is the recipe's",
    ),
    **dict.fromkeys(("check-url", "publish-url", "trusted-publishing"), "for publishing"),
    **dict.fromkeys(
        ("default-groups", "dependency-groups"), "which groups are taken the recipe says"
    ),
    **dict.fromkeys(
        ("fork-strategy", "required-environments", "minimum-libc-version"),
        "for locks of several environments; this one is the platform's",
    ),
    **dict.fromkeys(("upgrade", "upgrade-package"), "for the next lock of uv"),
    "require-build-hashes": "everything is pinned by its digest",
    "pip": "settings of `uv pip`; those that change what is installed are refused",
}
# They change which packages or which files answer a requirement. To pass over one would pin
# something else than the project's own tool installs, perhaps a stranger's package.
_RESOLVING = frozenset(
    (
        *("dependency-metadata", "exclude-newer", "exclude-newer-package", "find-links"),
        *("index-strategy", "no-index", "no-sources", "no-sources-package", "prerelease-package"),
        "torch-backend",
    )
)
# They change what is built, also where everything is pinned.
_BUILDING = frozenset(
    (
        *("config-settings", "config-settings-package", "extra-build-dependencies"),
        *("extra-build-variables", "no-binary", "no-build", "no-build-isolation"),
        *("no-build-isolation-package", "no-build-package"),
    )
)
REFUSED = _RESOLVING | _BUILDING
# What says how versions are chosen: in a project it is obeyed or refused, elsewhere refused.
_OF_PROJECTS = REFUSED | (
    OBEYED
    - {"build-backend", "conflicts", "dev-dependencies", "environments", "extra-index-url", "index"}
    - {"index-url", "package", "sources", "workspace"}
)
# What they may say all the same.
_AS_HERE = {"index-strategy": "first-index"}
# Settings of `uv pip` that would change the same.
_OF_PIP = _RESOLVING | {"extra-index-url", "index-url", "prerelease", "resolution"}
_PDM: tuple[Keys, ...] = (("tool", "pdm", "source"), ("tool", "pdm", "resolution"))
_HINT = "take it out of the project, or let an index have what it is for"


def refuse_unobeyed(directory: Path) -> None:
    """Raise :class:`DefinitionError` for settings of a project's tools that are not obeyed.

    Args:
        directory: of the project.
    """
    _refuse(directory, _RESOLVING, _OF_PIP, _PDM)


def refuse_builds(directory: Path, choice: Choice, python: str) -> None:
    """Raise :class:`DefinitionError` for what the project's tools are told of how to build.

    And for what they would not install at all: on this platform, or of such a choice.

    Args:
        directory: of the project.
        choice: extras and groups that are taken.
        python: series of CPython.
    """
    _refuse(directory, _BUILDING, _BUILDING, ())
    for document, table in _files(directory):
        if faults := list(_impossible(document.data, table, choice, python)):
            raise document.error(faults)


def refuse_of_machine(document: Document) -> None:
    """Raise :class:`DefinitionError` for what uv's own settings of a user or a machine change.

    Where packages are is obeyed; how they are chosen only a project can say, whose lock it is.
    """
    keys = [(key,) for key in sorted(_OF_PROJECTS)] + [
        ("pip", key) for key in sorted(_OF_PIP | _BUILDING)
    ]
    hint = "say it in the project, or let uv's settings be passed over: UV_NO_CONFIG=1"
    faults = [
        replace(_not_obeyed(path), hint=hint)
        for path in keys
        if _says(located.value_at(document.data, *path), path)
    ]
    if faults:
        raise document.error(faults)


def _files(directory: Path) -> Iterator[tuple[Document, Keys]]:
    for name, table in (("uv.toml", ()), ("pyproject.toml", UV)):
        path = directory / name
        if path.exists():
            yield located.read(path), table


def _refuse(
    directory: Path,
    keys: Collection[str],
    of_pip: Collection[str],
    others: Iterable[Keys],
) -> None:
    for document, table in _files(directory):
        data = document.data
        paths = [(*table, key) for key in keys]
        paths += [(*table, "pip", key) for key in of_pip]
        faults = [_not_obeyed(path) for path in paths if _says(located.value_at(data, *path), path)]
        if table:
            faults += [_not_obeyed(path) for path in others if located.value_at(data, *path)]
        if faults:
            raise document.error(faults)


def _says(value: Any, path: Keys) -> bool:
    """Tell whether a setting asks for something, and not for what is done anyway."""
    return bool(value) and value != _AS_HERE.get(str(path[-1]))


def _impossible(
    data: Mapping[str, Any], table: Keys, choice: Choice, python: str
) -> Iterator[Fault]:
    markers = located.value_at(data, *table, "environments")
    if isinstance(markers, str | list) and markers:
        listed = [markers] if isinstance(markers, str) else markers
        if not any(_holds(marker, python) for marker in listed):
            what = f"the project is not for CPython {python} on Linux, say its `environments`"
            yield Fault((*table, "environments"), what, "take another `version` in [python]")
    conflicts = located.value_at(data, *table, "conflicts")
    for index, conflict in enumerate(conflicts if isinstance(conflicts, list) else ()):
        members = [each for each in conflict if isinstance(each, dict)]
        taken = [
            str(member[key])
            for member in members
            for key, chosen in (("extra", choice.extras), ("group", choice.groups))
            if key in member and canonicalize_name(str(member[key])) in chosen
        ]
        if len(taken) > 1:
            what = f"the project says that {' and '.join(taken)} exclude each other"
            yield Fault((*table, "conflicts", index), what, "choose one of them in [python]")


def _holds(marker: Any, python: str) -> bool:
    try:
        return applies(Marker(str(marker)), python)
    except InvalidMarker:
        return True


def _not_obeyed(path: Sequence[str | int]) -> Fault:
    name = ".".join(map(str, path))
    what = f"`{name}` changes what is installed, and `omnibuild lock` does not obey it"
    return Fault(tuple(path), what, _HINT, in_key=True)
