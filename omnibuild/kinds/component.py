"""The kind ``component``: compile one piece of software in a sandbox and keep what it installed."""

from __future__ import annotations

import os
import posixpath
import shlex
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from omnibuild import files
from omnibuild.audit.component import check_component
from omnibuild.documents.licences import LICENCE_NAMES, LICENSES
from omnibuild.errors import CaptureError, StepError
from omnibuild.execute.job import Job
from omnibuild.execute.sandbox.step import Step
from omnibuild.layers.capture import capture, keep
from omnibuild.layers.missing import note_missed
from omnibuild.layers.step import in_turn, layered_step
from omnibuild.layers.symbols import keep_unstripped, split_symbols
from omnibuild.recipe.loader import error_in
from omnibuild.recipe.located import Fault
from omnibuild.recipe.validate import quoted
from omnibuild.sources.archive import at_most, unpack
from omnibuild.store.results import Output
from omnibuild.tree import Kind, Tree

_TEXTS = 9

# Ends the name of a file that is there while a patch is applied, after its number.
_PATCHING = ".patching"


def run(job: Job) -> Output:
    """Build one component.

    Parameters: ``name``, ``steps``, ``test``, ``patches`` (texts), ``license_files``, ``needs``;
    ``build_only`` for tools that may use what the root has; ``symbols`` where debug symbols are
    kept. Places: ``definition``, its file, and ``patches``, their names.
    Inputs: ``root``, ``source`` (an archive or a checkout), one ``layer:NAME`` for every component
    beneath.
    """
    name = job.action.parameters["name"]
    job.log.unlink(missing_ok=True)
    layers = {name: job.store.tree(output.digest) for name, output in job.roles("layer").items()}
    _refuse_twins(name, layers)
    step = prepare_component(job)
    # Read before the step runs: afterwards its source may be anything, and lead anywhere.
    licences = licence_texts(
        name,
        job.action.parameters["license_files"],
        step.build / "src",
        Path(job.action.places["definition"]),
    )
    try:
        job.run(step)
    except StepError as error:
        _tell_of_patch(job, step, error)
        note_missed(error, job.log, name)
        raise
    upper = job.scratch / "tree" / "files"
    if job.action.parameters.get("symbols"):
        split_symbols(job, upper)
    tree = capture(name, upper, layers, licences)
    if not job.action.parameters.get("build_only"):
        _check_libraries(job, tree, upper, layers)
    output = keep(job, tree)
    _prove(job, output)
    return output


def prepare_component(job: Job) -> Step:
    """Unpack a component's source and return the step that builds it."""
    source = job.scratch / "build" / "src"
    if job.inputs["source"].kind == "tree":
        source.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(job.tree("source"), source, symlinks=True)
    else:
        unpack(job.blob("source"), source, limits=at_most(job.limits.unpacked))
    upper = job.scratch / "tree" / "files"
    upper.mkdir(parents=True)
    what = f"component {job.action.parameters['name']}"
    return layered_step(job, what, _script(job, source), upper)


def _script(job: Job, source: Path) -> str:
    """Return the whole build as one script: patches, then every step in a shell of its own."""
    lines = ["umask 022"]
    if job.action.parameters.get("symbols"):
        lines.append(keep_unstripped(source.parent))
    patches, names = job.action.parameters["patches"], job.action.places["patches"]
    for number, (text, name) in enumerate(zip(patches, names, strict=True), start=1):
        # As it is: what it is for may end its lines otherwise.
        (source.parent / f"{number}.patch").write_bytes(text.encode())
        lines.append(f"echo {shlex.quote(f'>>> {name}')}")
        lines.append(f": > /build/{number}{_PATCHING}")
        # It asks nobody what to do with what does not apply.
        lines.append(f"patch -p1 --force --no-backup-if-mismatch < /build/{number}.patch")
        lines.append(f"rm /build/{number}{_PATCHING}")
    return "\n".join([*lines, *in_turn(job.action.parameters["steps"], source.parent)])


def _tell_of_patch(job: Job, step: Step, error: StepError) -> None:
    """Raise an error of a patch at the line that lists it, if the step came no further."""
    for index, name in enumerate(job.action.places["patches"]):
        if (step.build / f"{index + 1}{_PATCHING}").exists():
            what = f"the patch {quoted(name)} of {job.action.parameters['name']} does not apply"
            at = error_in(Path(job.action.places["definition"]), [Fault(("patches", index), what)])
            hint = "make it for the files of this version, or take it out of `patches`"
            raise StepError(what, where=at.where, why=error.why, hint=hint) from error


def licence_texts(
    name: str, paths: Sequence[str], source: Path, definition: Path
) -> dict[str, bytes]:
    """Return the licence texts of an unpacked source, by where they go below the prefix.

    Raises:
        DefinitionError: one is not there.
    """
    found = {}
    for relative, kept in licence_names(paths).items():
        text = source / relative
        # Not Path.is_file: it fails at a symlink whose target no file can have as its name.
        if posixpath.isabs(relative) or ".." in text.parts or not os.path.isfile(text):
            what = f"{name} has no licence file {quoted(relative)}"
            hint = f"in its unpacked source there {_texts_in(source)}"
            fault = Fault(("license-files", paths.index(relative)), what, hint)
            raise error_in(definition, [fault])
        found[f"{LICENSES}/{name}/{kept}"] = text.read_bytes()
    return found


def _texts_in(source: Path) -> str:
    """Say which files at the top of a source are called like licence texts."""
    texts = [name for name in sorted(os.listdir(source)) if LICENCE_NAMES.match(name)][:_TEXTS]
    return f"is {', '.join(texts)}" if texts else "is nothing called like one at the top"


def licence_names(paths: Sequence[str]) -> dict[str, str]:
    """Return where each licence text goes: its file name, or its whole path where names clash."""
    clashing = {
        name for name, count in Counter(map(posixpath.basename, paths)).items() if count > 1
    }
    return {
        path: path if posixpath.basename(path) in clashing else posixpath.basename(path)
        for path in paths
    }


def _refuse_twins(component: str, layers: Mapping[str, Tree]) -> None:
    """Refuse two components beneath that bring the same file, or a library of the same name."""
    owners: dict[str, str] = {}
    for layer, tree in layers.items():
        paths = {entry.path for entry in tree.entries if entry.kind is not Kind.DIRECTORY}
        for path in sorted(paths | _libraries(tree)):
            other = owners.setdefault(path, layer)
            if other != layer:
                raise CaptureError(
                    f"{component} is built over {other} and {layer}, and both bring {path}",
                    why="which of them it would take is not said anywhere",
                    hint="name one of them in `needs` and `build-needs`; a recipe chooses the"
                    f' version of a component for all that need it: {other} = "VERSION" in'
                    " [software]",
                )


def _check_libraries(job: Job, tree: Tree, upper: Path, layers: Mapping[str, Tree]) -> None:
    declared = set(job.action.parameters["needs"])
    libraries = {name: _libraries(layer) for name, layer in layers.items()}
    check_component(
        job.action.parameters["name"],
        tree,
        upper,
        {name: found for name, found in libraries.items() if name in declared},
        {name: found for name, found in libraries.items() if name not in declared},
    )


def _libraries(tree: Tree) -> frozenset[str]:
    return frozenset(entry.path.rsplit("/", 1)[-1] for entry in tree.entries if ".so" in entry.path)


def _prove(job: Job, output: Output) -> None:
    """Run the component's own test on the stored result, in a fresh sandbox."""
    files.remove_tree(job.scratch / "build")
    name, test = job.action.parameters["name"], job.action.parameters["test"]
    above = (job.store.tree_directory(output.digest),)
    job.run(layered_step(job, f"the test of component {name}", test, None, above))
