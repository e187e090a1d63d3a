"""What an audit would refuse of files that are there before any build."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from omnibuild.audit.audit import foresee
from omnibuild.audit.checks.file_checks import credential_in, credentials_of
from omnibuild.audit.facts import Facts
from omnibuild.audit.keys import private_key_in
from omnibuild.audit.owners import Brings, Owner, Owners
from omnibuild.audit.report import Level, Report
from omnibuild.blueprint.payload import restricted
from omnibuild.digests import of_file
from omnibuild.discovery.code import modules
from omnibuild.host.layout import Layout
from omnibuild.package.metadata import metadata_of
from omnibuild.payload.globs import with_all_below
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Recipe
from omnibuild.sources.python.backends import AS_IT_IS, is_built
from omnibuild.sources.snapshot import snapshot
from omnibuild.tree import Entry, Kind, Tree


def foreseen(recipe: Recipe, path: Path) -> Report:
    """Return what the audit will say of the files of an app that are there already.

    What a build leaves out of a project only the build knows, so of such a one nothing is said.

    Args:
        recipe: the app.
        path: its file.
    """
    prefix = Layout.of(recipe).prefix.lstrip("/")
    entries: list[Entry] = []
    places: dict[str, Path] = {}
    owners: dict[str, Owner] = {}
    for host, file in recipe.config_files.items():
        source, place = path.parent / file.source, host.lstrip("/")
        entry = Entry(place, Kind.FILE, file.permissions, digest=of_file(source))
        entries.append(entry)
        places[entry.digest], owners[place] = source, Owner(Brings.RECIPE)
    own = Owner(Brings.PROJECT, recipe.app.name, recipe.app.release)
    for entry, source in _own_files(recipe, path):
        place = f"{prefix}/{entry.path}"
        entries.append(Entry(place, Kind.FILE, entry.mode, entry.size, entry.digest))
        places[entry.digest], owners[place] = source, own
    return _report(recipe, entries, places, owners)


def foreseen_if_packaged(recipe: Recipe, path: Path) -> tuple[str, ...]:
    """Say which files in the packages of a project that is built no audit lets pass.

    Whether the build takes them into its wheel only the build knows.
    """
    project = path.parent / recipe.source.path if recipe.source and recipe.source.path else None
    if not project or not recipe.python or not is_built(project):
        return ()
    own = Owner(Brings.PROJECT, recipe.app.name, recipe.app.release)
    prefix = Layout.of(recipe).prefix.lstrip("/")
    packages = f"lib/python{recipe.python.version}/site-packages"
    there = {f"{packages}/{inside}": entry for entry, inside in _files_of_packages(project)}
    gone = with_all_below(_left_out(recipe, path), list(there))
    kept = {f"{prefix}/{place}": each for place, each in there.items() if place not in gone}
    entries = [Entry(p, Kind.FILE, e.mode, e.size, e.digest) for p, e in kept.items()]
    places = {entry.digest: project / entry.path for entry in kept.values()}
    report = _report(recipe, entries, places, dict.fromkeys(kept, own))
    refused = "where the wheel has it, a build is refused"
    return tuple(
        f"{kept[found.path].path} {found.detail}: {refused}; {found.remedy}"
        for found in report.at(Level.ERROR)
    )


def _files_of_packages(project: Path) -> Iterator[tuple[Entry, str]]:
    """Yield the files of a project that a wheel may have, and each path there."""
    own = [(name.partition(".")[0], file.relative_to(project)) for name, file in modules(project)]
    inner = [(top, file) for top, file in own if file.parts[0] == "src"]
    base = "src/" if inner else ""
    tops = {top for top, file in inner or own if f"{base}{top}/" in f"{file}"}
    for entry in snapshot(project).files():
        inside = entry.path.removeprefix(base)
        if entry.path.startswith(base) and inside.partition("/")[0] in tops:
            yield entry, inside


def _report(
    recipe: Recipe, entries: list[Entry], places: Mapping[str, Path], owners: dict[str, Owner]
) -> Report:
    """Return what an audit says of files, by their places and the digests of their contents."""
    prefix = Layout.of(recipe).prefix
    with tempfile.TemporaryDirectory(prefix="omnibuild-check-") as contents:
        for digest, source in places.items():
            Path(contents, digest).symlink_to(source.absolute())
        payload = Payload(
            metadata_of(recipe),
            Path(contents),
            Tree.of(entries),
            prefix,
            contents=Path(contents),
        )
        known = {
            digest: Facts(private_key=private_key_in(source.read_bytes()))
            for digest, source in places.items()
        }
        waivers = recipe.audit.waivers if recipe.audit else ()
        wrong = dict(_uncompiled(recipe, payload, owners))
        return foresee(payload, known, Owners(owners), waivers, wrong)


def with_credentials(directory: Path) -> list[str]:
    """Return the files of a project in which tools look for credentials, and find some."""
    return [
        entry.path
        for entry in snapshot(directory).files()
        if credentials_of(name := Path(entry.path).name)
        and credential_in(name, (directory / entry.path).read_bytes())
    ]


def _own_files(recipe: Recipe, path: Path) -> Iterator[tuple[Entry, Path]]:
    """Yield the files of a project that nothing builds, as they lie below the prefix."""
    project = path.parent / recipe.source.path if recipe.source and recipe.source.path else None
    if not project or not recipe.python or is_built(project):
        return
    tree = snapshot(project)
    there = [f"{AS_IT_IS}/{entry.path}" for entry in tree.entries]
    gone = with_all_below(_left_out(recipe, path), there)
    for entry in tree.files():
        place = f"{AS_IT_IS}/{entry.path}"
        if place not in gone:
            moved = Entry(place, Kind.FILE, entry.mode, entry.size, entry.digest)
            yield moved, project / entry.path


def _left_out(recipe: Recipe, path: Path) -> tuple[str, ...]:
    """Return globs of what the recipe leaves out of its project."""
    pruned = recipe.python.prune if recipe.python else {}
    named = {canonicalize_name(name): globs for name, globs in pruned.items()}
    return (*named.get(canonicalize_name(recipe.app.name), ()), *restricted(recipe, path))


def _uncompiled(
    recipe: Recipe, payload: Payload, owners: dict[str, Owner]
) -> Iterator[tuple[str, str]]:
    """Yield the project's modules that its interpreter cannot compile, as far as ours can tell.

    An older one does not know what a newer one takes.
    """
    if not recipe.python or sys.version_info[:2] < tuple(
        map(int, recipe.python.version.split("."))
    ):
        return
    for entry in payload.tree.entries:
        if owners[entry.path].kind is Brings.PROJECT and entry.path.endswith(".py"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about a project's own habits
                try:
                    compile(payload.read(entry), entry.path, "exec", dont_inherit=True)
                except SyntaxError as error:
                    yield entry.path, f"line {error.lineno or 1}: {error.msg}"
                except (ValueError, RecursionError, MemoryError) as error:
                    yield entry.path, str(error) or "it is nested too deeply"
