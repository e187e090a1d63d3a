"""The kinds ``place``, ``payload`` and ``audit``: from built trees to a proven payload."""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from omnibuild import digests
from omnibuild.audit.audit import audit
from omnibuild.errors import ArchiveError
from omnibuild.execute.job import Job
from omnibuild.host.integration import integrate
from omnibuild.kinds.build_environment import SOURCE_DATE_EPOCH
from omnibuild.payload.assembly import GeneratedFile, Part, assemble
from omnibuild.payload.model import Metadata, Payload, Relations
from omnibuild.payload.placing import place_tree
from omnibuild.recipe.models import Recipe
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import Entry, Kind, Tree

PAYLOAD_FILE = "payload.json"
MANIFEST_PATH = "share/omnibuild/manifest.json"


def run_place(job: Job) -> Output:
    """Move a tree from the logical prefix to the app's; parameters: ``prefix``."""
    source = job.inputs["tree"].digest
    target = job.scratch / "tree" / "files"
    tree = place_tree(
        job.store.tree(source),
        job.store.tree_directory(source),
        target,
        job.action.parameters["prefix"],
        touched=job.store.notes(source)["references"],
    )
    return job.store.add_scanned_tree(job.scratch / "tree", tree)


def run_payload(job: Job) -> Output:
    """Unite placed trees with the host integration.

    Parameters: ``recipe`` (its data), ``prefix``, ``hooks`` and ``config`` (texts), ``prune``
    (component to globs that are left out), ``manifest``. Inputs: ``part:NAME`` placed trees.
    """
    parameters = job.action.parameters
    recipe = msgspec.convert(parameters["recipe"], Recipe)
    prefix: str = parameters["prefix"]
    parts = [
        Part(
            name,
            job.store.tree(output.digest),
            job.store.tree_directory(output.digest),
            tuple(parameters["prune"].get(name, ())),
        )
        for name, output in job.roles("part").items()
    ]
    config = {path: text.encode() for path, text in parameters["config"].items()}
    host = integrate(recipe, parameters["hooks"], config, entry_points(parts))
    manifest = json.dumps(parameters["manifest"], indent=2, sort_keys=True) + "\n"
    generated = {
        **host.files,
        f"{prefix}/{MANIFEST_PATH}": GeneratedFile(manifest.encode()),
    }
    files = job.scratch / "tree" / "files"
    tree = assemble(parts, prefix, generated, host.symlinks, files / "files")
    payload = Payload(
        metadata=metadata_of(recipe),
        root=files / "files",
        tree=tree,
        prefix=prefix,
        config_files=host.config_files,
        scripts=host.scripts,
    )
    document = digests.canonical_json(payload.to_data())
    (files / PAYLOAD_FILE).write_bytes(document)
    stored = [
        Entry("files", Kind.DIRECTORY, 0o755),
        Entry(PAYLOAD_FILE, Kind.FILE, 0o644, len(document), digests.of_bytes(document)),
        *(_moved(entry, "files/", "") for entry in tree.entries),
    ]
    return job.store.add_scanned_tree(job.scratch / "tree", Tree.of(stored))


def _moved(entry: Entry, into: str, out_of: str) -> Entry:
    target = entry.target
    if entry.kind is Kind.HARDLINK:
        target = into + target.removeprefix(out_of)
    return replace(entry, path=into + entry.path.removeprefix(out_of), target=target)


def metadata_of(recipe: Recipe) -> Metadata:
    """Return what the app's packages say about themselves."""
    app, package = recipe.app, recipe.package
    return Metadata(
        name=app.name,
        version=app.version,
        revision=package.revision,
        summary=app.summary,
        description=app.description,
        license=app.license,
        maintainer=app.maintainer,
        homepage=app.homepage,
        vendor=app.vendor,
        date=SOURCE_DATE_EPOCH,
        relations=Relations(
            depends=package.depends,
            recommends=package.recommends,
            conflicts=package.conflicts,
            replaces=package.replaces,
            provides=package.provides,
        ),
    )


def entry_points(parts: Iterable[Part]) -> dict[str, str]:
    """Return the console scripts of all installed wheels: name to ``module:function``."""
    found: dict[str, str] = {}
    for part in parts:
        for entry in part.tree.files():
            if entry.path.endswith(".dist-info/entry_points.txt"):
                parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
                parser.optionxform = str  # type: ignore[assignment,method-assign]
                try:
                    parser.read_string((part.directory / entry.path).read_text(encoding="utf-8"))
                except (configparser.Error, UnicodeDecodeError) as error:
                    raise ArchiveError(
                        f"{part.name}: {entry.path} cannot be read", why=str(error)
                    ) from error
                if parser.has_section("console_scripts"):
                    found |= {
                        n: v.split("[")[0].strip() for n, v in parser["console_scripts"].items()
                    }
    return found


def load_payload(store: Store, digest: digests.Digest) -> Payload:
    """Return a stored payload, ready to be packaged."""
    base = store.tree_directory(digest)
    entries = [
        _moved(entry, "", "files/")
        for entry in store.tree(digest).entries
        if entry.path.startswith("files/")
    ]
    data = json.loads((base / PAYLOAD_FILE).read_bytes())
    return Payload.from_data(data, base / "files", Tree.of(entries))


def run_audit(job: Job) -> Output:
    """Prove that a payload needs nothing beyond a platform; parameters: ``glibc``."""
    payload = load_payload(job.store, job.inputs["payload"].digest)
    report = audit(payload, job.action.parameters["glibc"])
    report.raise_if_failed()
    return job.store.add_blob(digests.canonical_json(report.to_data()))
