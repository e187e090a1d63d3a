"""Which file of a project says what its packages are pinned to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from omnibuild.digests import of_file
from omnibuild.errors import DefinitionError, Where
from omnibuild.sources.python.pins.others import (
    choices_of_pipenv,
    choices_of_poetry,
    read_pipfile_lock,
    read_poetry_lock,
)
from omnibuild.sources.python.pins.pins import Pins
from omnibuild.sources.python.pins.requirementstxt import (
    included,
    named_indexes,
    names_directories,
    read_requirements,
)
from omnibuild.sources.python.pins.standard import choices_of_pylock, read_pylock, read_uv_lock
from omnibuild.sources.python.project.declared import NOTHING, Choice
from omnibuild.sources.python.project.origins import Origin, origin_at

# How locks say that a package is a directory: Poetry's, Pipenv's, the standard's.
_OF_DIRECTORIES = (b'"directory"', b'"path"', b"[packages.directory]", b"directory =")
# The first that is there counts: locks before lists, what a tool reads before what it exports.
_NAMES = ("uv.lock", "poetry.lock", "Pipfile.lock", "pylock.toml", "requirements.txt")


def pins_file(project: Path, chosen: str, own: Path, root: Path | None = None) -> Path | None:
    """Return the file with a project's pins, none where it has none.

    Args:
        project: its directory.
        chosen: which file, when somebody has said so.
        own: the lock that is made of it.
        root: of the workspace that it is a member of, which has the lock of all members.

    Raises :class:`DefinitionError` when the chosen one is not there, or of no kind that is known.
    """
    if chosen:
        path = project / chosen
        if not path.is_file():
            raise DefinitionError("there is no such file of pins", where=Where(str(path)))
        if path.suffix != ".txt" and _reader(path) is None:
            raise DefinitionError(
                "this is no file of pins",
                where=Where(str(path)),
                hint=f"name one of {', '.join(_NAMES)}, or another requirements file (*.txt)",
            )
        return path
    found = (root / _NAMES[0] if root else project / _NAMES[0], *(project / n for n in _NAMES))
    return next((path for path in found if path.is_file() and not _same(path, own)), None)


def read_pins(path: Path, python: str, project: Path, choice: Choice = NOTHING) -> Pins:
    """Return what a file pins for CPython ``python``; raises :class:`LockError`.

    Args:
        path: the file.
        python: series of CPython.
        project: the directory of the project whose it is.
        choice: which of its extras and groups are taken.
    """
    if path.name == "uv.lock":
        return read_uv_lock(path, python, project, choice)
    if path.suffix == ".txt":
        # It knows no extras and no groups; what the project's own require must be in it.
        return read_requirements(path, python, project)
    reader = _reader(path)
    if reader is None:
        raise AssertionError(path)
    return reader(path, python, choice)


def directories(path: Path | None, python: str, project: Path) -> dict[str, Origin]:
    """Return the directories that a file of pins has packages of, by name.

    None of ``uv.lock``: where those are the project itself says. Most files have none, and are
    not read for it.
    """
    if path is None or path.name == "uv.lock":
        return {}
    if path.suffix == ".txt":
        if not names_directories(path):
            return {}
        listed = read_requirements(path, python, project).requires
        found = {canonicalize_name(each.name): origin_at(each.url or "") for each in listed}
        return {str(name): each for name, each in found.items() if each and each.directory}
    if not any(word in path.read_bytes() for word in _OF_DIRECTORIES):
        return {}
    pins = read_pins(path, python, project)
    packages = (each for each in (*pins.packages, *pins.elsewhere) if each.directory)
    return {
        str(each.name): Origin(path.parent / each.directory.path)
        for each in packages
        if each.directory
    }


def indexes_of(path: Path | None) -> tuple[list[str], str]:
    """Return the indexes that a requirements file names: further ones, and the one for all."""
    return named_indexes(path) if path and path.suffix == ".txt" else ([], "")


def choices(path: Path | None) -> Choice:
    """Return the extras and groups that a file of pins knows by itself."""
    if path is None:
        return Choice()
    if path.name == "poetry.lock":
        return choices_of_poetry(path)
    if path.name == "Pipfile.lock":
        return choices_of_pipenv(path)
    return choices_of_pylock(path) if path.name.startswith("pylock.") else Choice()


def pins_record(path: Path | None) -> tuple[str, ...]:
    """Return the names and digests of a file of pins and all that it includes."""

    def files() -> Iterator[Path]:
        if path and path.suffix == ".txt":
            yield from included(path)
        elif path:
            yield path

    return tuple(sorted(f"{file.name} {of_file(file)}" for file in files()))


def _reader(path: Path) -> Callable[[Path, str, Choice], Pins] | None:
    if path.name == "uv.lock":
        return lambda file, python, choice: read_uv_lock(file, python, file.parent, choice)
    if path.name == "poetry.lock":
        return read_poetry_lock
    if path.name == "Pipfile.lock":
        return read_pipfile_lock
    if path.name.startswith("pylock.") and path.suffix == ".toml":
        return read_pylock
    return None


def _same(path: Path, other: Path) -> bool:
    return other.exists() and path.samefile(other)
