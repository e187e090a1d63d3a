"""The kind ``pex``: the wheels of an app in one file, for hosts that have its interpreter."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from omnibuild import digests, files
from omnibuild.audit import glibc
from omnibuild.discovery.distribution import Startable
from omnibuild.elf import Elf
from omnibuild.errors import ArchiveError, PackageError, StepError
from omnibuild.execute.job import Job
from omnibuild.host.programs import Call, EntryPoint, Installed, Module
from omnibuild.kinds.install import programs
from omnibuild.kinds.package import stored
from omnibuild.kinds.runtime import LIBRARIES
from omnibuild.kinds.wheel import captured_file
from omnibuild.layers.step import layered_step
from omnibuild.package.artifact import Artifact
from omnibuild.payload.placing import place_file
from omnibuild.recipe.running.commands import INTERPRETER
from omnibuild.recipe.wheeltags import marker_environment, parse_wheel_name
from omnibuild.sources.archive import at_most, unpack
from omnibuild.sources.python.size import check_size
from omnibuild.sources.python.wheels import install_wheel, record_again
from omnibuild.store.delivery import CHECKSUM_SUFFIX
from omnibuild.store.results import Output
from omnibuild.tree import scan

# What wheels may expect of hosts besides glibc (manylinux): libraries of the compiler.
_OF_HOSTS: Final = glibc.SONAMES | frozenset(LIBRARIES)
_PYTHON: Final = "usr/bin/python3"
_MADE: Final = "app.pex"
# What wheels name in place of the prefix that they were built with.
_NOWHERE: Final = "/nonexistent"

# Nothing is resolved: what is there is what the lock says, and pex's library takes it as it is. All
# bytes that are compressed here are so by the root's zlib, never by that of this machine.
_MAKE: Final = """\
import json, os, zipfile
from pex.common import CopyMode
from pex.interpreter_constraints import InterpreterConstraints
from pex.pex_builder import Check, PEXBuilder
from pex.venv.bin_path import BinPath

def pack(directory, path):
    found = [os.path.join(top, name) for top, _, names in os.walk(directory) for name in names]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # What describes a wheel is at its end (PEP 427).
        for file in sorted(found, key=lambda each: (".dist-info/" in each, each)):
            member = zipfile.ZipInfo(os.path.relpath(file, directory))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (os.lstat(file).st_mode & 0o100777) << 16
            with open(file, "rb") as stream:
                archive.writestr(member, stream.read())

def is_closed(distributions, environment):
    there = {each.metadata.project_name: each for each in distributions}
    extras = {name: {""} for name in there}
    waiting = list(there)
    while waiting:
        name = waiting.pop()
        for need in there[name].requires():
            asked = (dict(environment, extra=extra) for extra in extras[name])
            if need.marker and not any(map(need.marker.evaluate, asked)):
                continue
            found = there.get(need.project_name)
            if not found or not need.contains(found.version, prereleases=True):
                return False
            if not extras[need.project_name].issuperset(need.extras):
                extras[need.project_name].update(need.extras)
                waiting.append(need.project_name)
    return True

with open("/build/app.json") as stream:
    app = json.load(stream)
for name in os.listdir("/build/changed"):
    pack("/build/changed/" + name, "/build/wheels/" + name)
builder = PEXBuilder(copy_mode=CopyMode.SYMLINK)
info = builder.info
# The wheels themselves, each with the digest that it is locked by.
info.deps_are_wheel_files = True
# It runs as a virtual environment: `sys.executable` and subprocesses find its packages, too.
info.venv, info.venv_bin_path, info.includes_tools = True, BinPath.PREPEND, True
info.interpreter_constraints = InterpreterConstraints.parse(app["interpreter"])
info.inject_env, info.inject_args = app["inject"], app["arguments"]
for name in app["wheels"]:
    builder.add_dist_location("/build/wheels/" + name)
# A lock may say otherwise than what its packages require, and then it is right.
info.ignore_errors = not is_closed(builder.distributions, app["environment"])
if app["script"]:
    builder.set_script(app["script"])
else:
    builder.set_entry_point(app["entry_point"])
builder.set_shebang(app["shebang"])
builder.build(app["file"], bytecode_compile=False, deterministic=True, check=Check.ERROR)
"""


def run(job: Job) -> Output:
    """Put wheels into one file by pex; the output is like that of the kind ``package``.

    pex runs in the root, by the Python of that: the interpreter that the file is for need not be
    there.

    Parameters: ``name`` (of the file, without its ending), ``architecture`` (for that, where a
    wheel is compiled), ``python`` (series of CPython), ``files`` (names of fetched wheels, by
    package), ``command`` (what it starts), ``inject`` (variables, unless they are set),
    ``manifest``, ``environment``.
    Inputs: ``root``, ``pex`` (its wheel), ``wheel:PACKAGE`` (fetched, or built here).
    """
    job.log.unlink(missing_ok=True)
    parameters, build = job.action.parameters, job.scratch / "build"
    if not os.path.lexists(job.tree("root") / _PYTHON):
        what, why = "the root has no Python, by which pex runs", f"there is no /{_PYTHON}"
        raise StepError(what, why=why, hint="take a root with the package python3")
    for name in ("wheels", "changed", "out"):
        (build / name).mkdir(parents=True)
    startable = Startable()
    names = []
    for name, wheel in sorted([*_fetched(job), *_built(job)]):
        _check(job, wheel, name)
        startable.add(wheel, name)
        # A step may write there, and the store's own file is nobody's to change.
        shutil.copyfile(wheel, build / "wheels" / name)
        names.append(name)
    _leave_components(job, build)
    unpack(job.blob("pex"), build / "pex", limits=at_most(job.limits.unpacked))
    (build / "app.json").write_text(json.dumps(_described(job, names, startable)))
    (build / "make.py").write_text(_MAKE)
    script = "umask 022\nPYTHONPATH=/build/pex python3 -s /build/make.py"
    what = f"making the PEX file of {parameters['name']}"
    job.run(layered_step(job, what, script, None), alone=True)
    captured_file(parameters["name"], build / "out", "pex")
    suffix = "" if all(map(is_pure, names)) else f"-linux-{parameters['architecture']}"
    return _stored(job, build / "out" / _MADE, f"{parameters['name']}{suffix}.pex")


def _check(job: Job, wheel: Path, name: str) -> None:
    """Refuse a wheel that packages would refuse: hosts unpack what is in the file."""
    check_size(wheel, name, at_most(job.limits.unpacked))
    target = job.scratch / "checked"
    install_wheel(wheel, name, target, "site-packages", job.scratch, "bin/python3")
    files.remove_tree(target)


def _stored(job: Job, made: Path, name: str) -> Output:
    path = job.scratch / "tree" / "files" / name
    path.parent.mkdir(parents=True)
    made.rename(path)
    path.chmod(0o755)
    artifact = Artifact(path, path.stat().st_size, digests.of_file(path))
    files.write_atomic(path.with_name(f"{name}{CHECKSUM_SUFFIX}"), artifact.checksum_line)
    return stored(job, artifact, job.action.parameters["manifest"], 0o755)


def _described(job: Job, names: list[str], startable: Startable) -> dict[str, Any]:
    """Return what the script that calls pex is told.

    Raises :class:`DefinitionError` when no wheel brings what is to be started.
    """
    parameters = job.action.parameters
    call = _call(parameters["command"], startable)
    entry_point = script = ""
    match call.program:
        case EntryPoint(target):
            entry_point = target
        case Module(name):
            entry_point = name
        case program:
            script = os.path.basename(program.path)
    return {
        "wheels": names,
        "interpreter": f"CPython=={parameters['python']}.*",
        "shebang": f"/usr/bin/env python{parameters['python']}",
        "environment": marker_environment(parameters["python"]),
        "entry_point": entry_point,
        "script": script,
        "arguments": list(call.arguments),
        "inject": parameters["inject"],
        "file": f"/build/out/{_MADE}",
    }


def _call(command: str, startable: Startable) -> Call:
    first, *arguments = shlex.split(command)
    if INTERPRETER.fullmatch(first):
        _, module, *words = arguments
        # The interpreter of the host has these.
        if module.partition(".")[0] in sys.stdlib_module_names:
            return Call(Module(module), tuple(words))
    there = Installed(startable.scripts, startable.modules, startable.programs)
    return there.call(command)


def _fetched(job: Job) -> Iterator[tuple[str, Path]]:
    """Yield the wheels of the lock, each with its own name."""
    for package, name in job.action.parameters["files"].items():
        yield name, job.blob(f"wheel:{package}")


def _built(job: Job) -> Iterator[tuple[str, Path]]:
    """Yield the wheels that were built here, each with its name."""
    for output in job.roles("wheel").values():
        if output.kind == "tree":
            (wheel,) = job.store.tree_directory(output.digest).iterdir()
            yield wheel.name, wheel


def is_pure(name: str) -> bool:
    """Tell whether a wheel is for any platform; raises :class:`ArchiveError` for no wheel's name.

    >>> is_pure("shop-1.0-py3-none-any.whl")
    True
    """
    try:
        parse_wheel_name(name)
    except InvalidWheelFilename as error:
        raise ArchiveError(f"{name!r} is not a valid wheel", why=str(error)) from error
    return all(tag.platform == "any" for tag in parse_wheel_filename(name)[3])


def _leave_components(job: Job, build: Path) -> None:
    """Take the prefix of components out of wheels that were built here; unpack those that have it.

    Raises :class:`PackageError` for a wheel that needs a component.
    """
    for name, wheel in _built(job):
        target = build / "changed" / name
        unpack(wheel, target, limits=at_most(job.limits.unpacked))
        found = dict(programs(target))
        refuse_missing(name, found)
        changed = []
        for entry in scan(target).files():
            path, before = target / entry.path, (target / entry.path).read_bytes()
            # As if its components were beside it: there is no other place for certain.
            after = place_file(before, _NOWHERE, f"lib/{path.name}")
            if after != before:
                path.write_bytes(after)
                changed.append(path)
        if changed:
            (record,) = target.glob("*.dist-info/RECORD")
            record_again(record, changed)
        else:
            files.remove_tree(target)


def refuse_missing(wheel: str, found: Mapping[str, Elf]) -> None:
    """Raise :class:`PackageError` when a wheel needs what neither it nor all hosts have.

    Args:
        wheel: its name.
        found: its programs and libraries, by their paths.
    """
    own = set(map(os.path.basename, found))
    for path, program in found.items():
        if missing := sorted(set(program.needed) - _OF_HOSTS - own):
            package = parse_wheel_name(wheel)[0]
            raise PackageError(
                f"a PEX file has no {' and no '.join(missing)}, which {package} is linked with",
                why=f"{path[1:]} of its wheel needs it",
                hint=f"take {package}, or a package in its place, as a wheel that brings its"
                " libraries; or build for another platform",
            )
