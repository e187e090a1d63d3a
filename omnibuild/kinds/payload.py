"""The kind ``payload``: placed trees united with the host integration."""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterable

import msgspec

from omnibuild import digests
from omnibuild.errors import ArchiveError
from omnibuild.execute.job import Job
from omnibuild.host.integration import integrate
from omnibuild.layers.environment import SOURCE_DATE_EPOCH
from omnibuild.payload.assembly import GeneratedFile, Part, assemble
from omnibuild.payload.described import describe, files_directory, load_described
from omnibuild.payload.model import Metadata, Payload, Relations
from omnibuild.recipe.models import Recipe
from omnibuild.store.results import Output
from omnibuild.store.store import Store

MANIFEST_PATH = "share/omnibuild/manifest.json"


def run(job: Job) -> Output:
    """Unite placed trees with the host integration.

    Parameters: ``recipe`` (its data), ``prefix``, ``hooks`` and ``config`` (texts), ``prune``
    (component to globs that are left out), ``manifest``. Inputs: ``part:NAME`` placed trees.
    """
    parameters = job.action.parameters
    recipe = msgspec.convert(parameters["recipe"], Recipe)
    prefix: str = parameters["prefix"]
    prune = parameters["prune"]
    parts: list[Part] = []
    md5: dict[digests.Digest, str] = {}
    for name, output in job.roles("part").items():
        tree, directory, description = load_described(job.store, output.digest)
        parts.append(Part(name, tree, directory, tuple(prune.get(name, ()))))
        md5 |= description["md5"]
    config = {path: text.encode() for path, text in parameters["config"].items()}
    host = integrate(recipe, parameters["hooks"], config, entry_points(parts))
    manifest = json.dumps(parameters["manifest"], indent=2, sort_keys=True) + "\n"
    generated = {
        **host.files,
        f"{prefix}/{MANIFEST_PATH}": GeneratedFile(manifest.encode()),
    }
    target = files_directory(job)
    tree = assemble(parts, prefix, generated, host.symlinks, target)
    payload = Payload(
        metadata=metadata_of(recipe),
        root=target,
        tree=tree,
        prefix=prefix,
        config_files=host.config_files,
        scripts=host.scripts,
        md5={e.digest: md5[e.digest] for e in tree.files() if e.digest in md5},
    )
    return describe(job, tree, payload.to_data())


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
                parser = configparser.ConfigParser(
                    delimiters=("=",), interpolation=None, strict=False
                )
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
    tree, root, data = load_described(store, digest)
    return Payload.from_data(data, root, tree)
