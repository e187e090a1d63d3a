"""The kind ``payload``: placed trees united with the host integration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from omnibuild import digests
from omnibuild.audit.facts import NOTHING_SPECIAL, Facts, from_data
from omnibuild.audit.glibc import asked_of
from omnibuild.audit.libraries import unneeded
from omnibuild.documents.placed import OF_LINTIAN, documents
from omnibuild.elf import Elf
from omnibuild.errors import ArchiveError
from omnibuild.execute.job import Job
from omnibuild.host import runner, users
from omnibuild.host.integration import HostFiles, integrate
from omnibuild.host.programs import Installed
from omnibuild.host.units.names import DIRECTORY
from omnibuild.package.members import LONGEST_NAME
from omnibuild.package.metadata import metadata_of
from omnibuild.package.oci.layout import WHITEOUT
from omnibuild.payload.assembly import (
    GeneratedFile,
    Part,
    assemble,
    installed_sizes,
    kept,
    lies_at,
    union,
)
from omnibuild.payload.described import describe, files_directory, load_described
from omnibuild.payload.globs import matches
from omnibuild.payload.model import Change, Payload
from omnibuild.payload.own_files import brought, owners_of
from omnibuild.provenance.described import MANIFEST
from omnibuild.provenance.manifest import without_compiler
from omnibuild.recipe.located import Fault, FaultError
from omnibuild.recipe.models import Recipe
from omnibuild.sources.python.backends import AS_IT_IS
from omnibuild.sources.python.entrypoints import console_scripts, modules_of
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import Entry, Kind, Tree


def run(job: Job) -> Output:
    """Unite placed trees with the host integration.

    Parameters: ``recipe`` (its data), ``prefix``, ``hooks`` and ``config`` (texts), ``prune``
    (component to globs that are left out), ``manifest``, ``runtime`` (the part with libraries of a
    compiler, as far as others need them), ``spare`` (component to globs of such libraries),
    ``own`` (the parts that are the app itself), ``changes`` (of the changelog), ``manuals``
    (texts), ``libraries`` (versions of those that compress).
    Inputs: ``part:NAME`` placed trees.
    """
    parameters = job.action.parameters
    recipe = msgspec.convert(parameters["recipe"], Recipe)
    prefix: str = parameters["prefix"]
    parts, md5, facts = _placed(job)
    runtime = parameters.get("runtime", "")
    spare = {**parameters.get("spare", {}), **({runtime: ["**"]} if runtime else {})}
    parts = list(with_needed(spare, parts, prefix, facts)) if spare else parts
    host = _integrated(job, recipe, parts)
    described = _described(parameters["manifest"], runtime, parts)
    manifest = json.dumps(described, indent=2, sort_keys=True) + "\n"
    metadata = metadata_of(
        recipe, msgspec.convert(parameters.get("changes", ()), tuple[Change, ...])
    )
    own, manuals = parameters.get("own", ()), parameters.get("manuals", {})
    generated = {
        **host.files,
        **documents(recipe, metadata, host, parts, described, own, manuals),
        f"{prefix}/{MANIFEST}": GeneratedFile(manifest.encode()),
    }
    target = files_directory(job)
    tree = assemble(parts, prefix, generated, host.symlinks, target)
    payload = Payload(
        metadata=metadata,
        root=target,
        tree=tree,
        prefix=prefix,
        config_files=host.config_files,
        owners={**host.owners, **owners_of(recipe.host_files, parts, prefix)},
        copies=host.copies,
        scripts=host.scripts,
        md5={e.digest: md5[e.digest] for e in tree.files() if e.digest in md5},
        glibc=asked_of(_programs(tree, facts)),
        only={**_only(prefix), **_said(recipe, "formats")},
        capabilities=_said(recipe, "capabilities"),
        ghosts=_ghosts(recipe, tree),
        odd=odd_names(parts, prefix),
        container=host.container,
    )
    return describe(job, tree, payload.to_data())


def _described(manifest: dict[str, Any], runtime: str, parts: Sequence[Part]) -> dict[str, Any]:
    """Return the manifest of what is in the payload."""
    if runtime and runtime not in [part.name for part in parts]:
        manifest = without_compiler(manifest)
    return {**manifest, "installed": installed_sizes(parts)}


def _integrated(job: Job, recipe: Recipe, parts: Sequence[Part]) -> HostFiles:
    parameters = job.action.parameters
    config = {path: text.encode() for path, text in parameters["config"].items()}
    there = installed(parts, parameters["prefix"], job.action.places.get("recipe", ""))
    return integrate(recipe, parameters["hooks"], config, there, brought(parts))


def _placed(
    job: Job,
) -> tuple[list[Part], dict[digests.Digest, str], dict[digests.Digest, Facts]]:
    """Return the parts, and what is known of their contents: MD5 sums, and what is special."""
    parts: list[Part] = []
    md5: dict[digests.Digest, str] = {}
    facts: dict[digests.Digest, Facts] = {}
    for name, output in job.roles("part").items():
        tree, directory, description = load_described(job.store, output.digest)
        globs = tuple(job.action.parameters["prune"].get(name, ()))
        parts.append(Part(name, tree, directory, globs))
        md5 |= description["md5"]
        facts |= from_data(description["facts"])
    return parts, md5, facts


def with_needed(
    spare: Mapping[str, Sequence[str]],
    parts: Sequence[Part],
    prefix: str,
    facts: Mapping[digests.Digest, Facts],
) -> Iterator[Part]:
    """Yield the parts without the libraries that no other file needs; nothing of an empty one.

    Args:
        spare: name of a part to globs of its libraries that are for others.
        parts: what is to be united.
        prefix: the app's directory on the host.
        facts: what is in files, by content.
    """
    base = prefix.lstrip("/")
    libraries = {part.name: set(_spare(part, spare.get(part.name, ()), facts)) for part in parts}
    own = {f"{base}/{path}" for paths in libraries.values() for path in paths}
    unused = unneeded(union(parts, prefix), own, lambda e: facts.get(e.digest, NOTHING_SPECIAL))
    for part in parts:
        pruned = [path for path in sorted(libraries[part.name]) if f"{base}/{path}" in unused]
        # A part that is only libraries for others leaves nothing behind, not even their licence.
        if len(pruned) == len(libraries[part.name]) and "**" in spare.get(part.name, ()):
            continue
        yield replace(part, prune=(*part.prune, *pruned)) if pruned else part


def _spare(
    part: Part, globs: Sequence[str], facts: Mapping[digests.Digest, Facts]
) -> Iterator[str]:
    """Yield the libraries of a part that globs cover."""
    for entry in part.tree.files() if globs else ():
        is_program = facts.get(entry.digest, NOTHING_SPECIAL).elf
        if is_program and any(matches(glob, entry.path) for glob in globs):
            yield entry.path


def _said(recipe: Recipe, what: str) -> dict[str, Any]:
    """Return what ``[files]`` says of files, by their host paths."""
    return {path: said for path, file in recipe.host_files.items() if (said := getattr(file, what))}


def odd_names(parts: Iterable[Part], prefix: str) -> dict[str, str]:
    """Return the paths that some format may be unable to hold, and which part brought each."""
    return {
        f"{lies_at(part.name, prefix)}{entry.path}": part.name
        for part in parts
        for entry in kept(part)
        if _is_odd(f"{entry.path}{entry.target}")
    }


def _is_odd(text: str) -> bool:
    is_plain = text.isascii() and text.isprintable() and len(text) <= LONGEST_NAME
    return not is_plain or WHITEOUT in text


def _ghosts(recipe: Recipe, tree: Tree) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {
        path: file.formats for path, file in recipe.host_files.items() if file.ghost
    }
    for path in found:
        if tree.find(path.lstrip("/")):
            what = f"{path} is said to come into being on hosts only, and the app brings it"
            hint = "take `ghost` out, or give it another name"
            raise FaultError(Fault(("files", path), what, hint, in_key=True))
    return found


def _only(prefix: str) -> dict[str, tuple[str, ...]]:
    """Return what is not for all formats, and for which it is: images have no init."""
    with_init = ("deb", "rpm", "archlinux", "apk", "ipk", "tar")
    return {
        OF_LINTIAN: ("deb",),
        DIRECTORY: with_init,
        users.SYSUSERS: with_init,
        f"{prefix}/{runner.ENTRY}": ("oci",),
    }


def _programs(tree: Tree, facts: Mapping[digests.Digest, Facts]) -> Iterator[Elf]:
    for entry in tree.files():
        found = facts.get(entry.digest)
        if found and found.elf:
            yield found.elf


def entry_points(parts: Iterable[Part]) -> dict[str, str]:
    """Return the console scripts of all installed wheels: name to ``module:function``."""
    found: dict[str, str] = {}
    for part in parts:
        for entry in part.tree.files():
            if entry.path.endswith(".dist-info/entry_points.txt"):
                try:
                    text = (part.directory / entry.path).read_text(encoding="utf-8")
                    found |= console_scripts(text)
                except ValueError as error:
                    raise ArchiveError(
                        f"{part.name}: {entry.path} cannot be read", why=str(error)
                    ) from error
    return found


_SYS_PATH = re.compile(
    rf"(?:lib/python3\.[0-9]+/(?:site-packages/|lib-dynload/)?|{AS_IT_IS}/(?:src/)?)"
)


def _below(part: Part, prefix: str) -> Iterator[tuple[Entry, str]]:
    """Yield the entries of a part that are below the app's prefix, and their paths there."""
    base = f"{prefix.lstrip('/')}/"
    for entry in kept(part):
        path = f"{lies_at(part.name, prefix)}{entry.path}"
        if path.startswith(base):
            yield entry, path.removeprefix(base)


def installed(parts: Iterable[Part], prefix: str, recipe: str = "") -> Installed:
    """Return what of placed trees can be started.

    Args:
        parts: the trees.
        prefix: the app's directory on the host.
        recipe: its name, for advice.
    """
    parts = list(parts)
    modules: set[str] = set()
    programs: set[str] = set()
    directories: set[str] = set()
    for entry, path in ((entry, path) for part in parts for entry, path in _below(part, prefix)):
        if entry.kind is Kind.DIRECTORY:
            directories.add(path)
            continue
        if entry.kind is Kind.SYMLINK or entry.mode & 0o111:
            programs.add(path)
        if found := _SYS_PATH.match(path):
            modules |= modules_of(path[found.end() :])
    return Installed(entry_points(parts), modules, programs, directories, recipe)


def load_payload(store: Store, digest: digests.Digest) -> Payload:
    """Return a stored payload, ready to be packaged."""
    tree, root, data = load_described(store, digest)
    return Payload.from_data(data, root, tree)
