"""The audit of one component as soon as it is built: does it use only what it declares?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from omnibuild import elf
from omnibuild.audit import glibc
from omnibuild.audit.report import listed
from omnibuild.errors import UndeclaredDependencyError
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.tree import Kind, Tree


def check_component(
    name: str,
    tree: Tree,
    root: Path,
    libraries_by_component: Mapping[str, Collection[str]],
    all_others: Mapping[str, Collection[str]],
) -> None:
    """Check the programs and libraries of a fresh component, still at the logical prefix.

    Args:
        name: the component.
        tree: what it installed.
        root: the directory that holds the tree.
        libraries_by_component: file names of the libraries that its declared needs provide.
        all_others: the same of components that were there and are not declared.

    Raises:
        UndeclaredDependencyError: it uses a library of anything else, or would not find one.
    """
    parsed = dict(_elf_files(tree, root))
    allowed = glibc.SONAMES | _own_libraries(tree, parsed)
    allowed = allowed.union(*libraries_by_component.values())
    faults: list[str] = []
    undeclared: set[str] = set()
    foreign: dict[str, None] = {}
    for path, file in parsed.items():
        for library in file.needed:
            if library not in allowed:
                foreign[f"lib/{library.partition('.so')[0]}.so"] = None
                providers = sorted(n for n, found in all_others.items() if library in found)
                undeclared.update(providers[:1])
                faults.append(f"{path} needs {library}, {_origin(providers)}")
        if not glibc.SONAMES.issuperset(file.needed) and not _searches_prefix(file):
            faults.append(f"{path} has no runpath below the prefix: it would not find libraries")
    if faults:
        declared = sorted({*libraries_by_component, *undeclared})
        needs = ", ".join(f'"{need}"' for need in declared)
        error = UndeclaredDependencyError(
            f"{name} uses libraries that it does not declare or would not find",
            why=listed(faults),
            hint=f"declare needs = [{needs}]"
            if undeclared
            else "switch that feature off in its configure step, or let the step use $LDFLAGS",
        )
        if not undeclared:
            # A component that was not there may have what the build root has.
            error.component, error.perhaps = name, tuple(foreign)
        raise error


def _elf_files(tree: Tree, root: Path) -> Iterator[tuple[str, elf.Elf]]:
    for entry in tree.files():
        with open(root / entry.path, "rb") as stream:
            # Only what is an ELF file is read whole: others may be larger than memory.
            start = stream.read(len(elf.MAGIC))
            data = start + stream.read() if start == elf.MAGIC else b""
        try:
            parsed = elf.parse(data)
        except elf.ElfError:
            # Test data of the component; if a host would load it, the payload's audit says so.
            continue
        if parsed is not None:
            yield entry.path, parsed


def _own_libraries(tree: Tree, parsed: Mapping[str, elf.Elf]) -> frozenset[str]:
    """Return the names under which the component's own libraries can be asked for."""
    shared = {path: file for path, file in parsed.items() if file.kind == "shared"}
    links = {e.path for e in tree.entries if e.kind in (Kind.SYMLINK, Kind.HARDLINK)}
    names = {path.rsplit("/", 1)[-1] for path in links | shared.keys()}
    return frozenset(names | {file.soname for file in shared.values() if file.soname})


def _origin(providers: list[str]) -> str:
    if providers:
        return f"which {providers[0]} provides"
    return "which comes from the build root and is not part of the app"


def _searches_prefix(file: elf.Elf) -> bool:
    below = (LOGICAL_PREFIX, "$ORIGIN", "${ORIGIN}")
    return any(entry.startswith(below) for entry in file.search_path)
