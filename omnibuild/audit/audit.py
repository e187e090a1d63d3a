"""The audit: every check of one table on every file of a payload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omnibuild.architectures import of_package
from omnibuild.audit.answers import answered
from omnibuild.audit.checkouts import ways_to_write
from omnibuild.audit.checks import elf_checks, file_checks
from omnibuild.audit.facts import NOTHING_SPECIAL, Facts
from omnibuild.audit.owners import Owners
from omnibuild.audit.report import Finding, Level, Report
from omnibuild.audit.subject import Subject, Surroundings
from omnibuild.digests import Digest
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Waiver
from omnibuild.tree import Kind


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table.

    Args:
        name: what findings and documentation call it.
        function: yields a sentence for each fault of a subject.
        explanation: what is demanded, and why.
        level: how grave its findings are.
        content: it looks at nothing but facts about contents, and most contents have none.
        remedy: what to do, before anything that can be done about any finding; where that
            depends on the file, a function that says it.
    """

    name: str
    function: Callable[[Subject, Surroundings], Iterator[str]]
    explanation: str
    level: Level = Level.ERROR
    content: bool = True
    remedy: str | Callable[[Subject, Surroundings], str] = ""


CHECKOUT_PATH = "checkout-path"

# Newer than all that will ever be.
ANY_GLIBC = "9999"

CHECKS = (
    Check(
        "elf",
        elf_checks.check_damage,
        "ELF files can be read; the other checks know nothing of one that cannot.",
    ),
    Check(
        "libraries",
        elf_checks.check_libraries,
        "Each needed library is glibc's, or the loader finds it in the payload by the runpaths of"
        " the file and, in their absence, of who loads it: hosts have nothing else for certain.",
        remedy=elf_checks.without_libraries,
    ),
    Check(
        "library-version",
        elf_checks.check_library_versions,
        "Libraries of the payload have all versions of symbols that its files need of them.",
    ),
    Check(
        "glibc-version",
        elf_checks.check_glibc_version,
        "No symbol is newer than the platform's glibc; a file with one does not start.",
    ),
    Check(
        "interpreter",
        elf_checks.check_interpreter,
        "Programs ask for glibc's loader at the path that every host has.",
    ),
    Check(
        "runpath",
        elf_checks.check_runpath,
        "Runpaths start with $ORIGIN and stay in the app's directory: others load what somebody"
        " may put there.",
    ),
    Check(
        "machine",
        elf_checks.check_machine,
        "Programs and libraries are for the platform's processor; others do not start.",
    ),
    Check(
        "executable-stack",
        elf_checks.lacks("executable_stack", "asks for an executable stack"),
        "No stack is executable: glibc from 2.41 on does not load such a library, and SELinux"
        " forbids it.",
    ),
    Check(
        "text-relocations",
        elf_checks.lacks("text_relocations", "has text relocations"),
        "Code stays as it was compiled: SELinux forbids to write it. Compile it with -fPIC.",
    ),
    Check(
        "bindnow",
        elf_checks.lacks("lazy_binding", "is bound lazily"),
        "Functions are bound at the start, so that nobody can redirect them: link with -z now.",
        Level.WARNING,
    ),
    Check(
        "fortify",
        elf_checks.lacks(
            "unfortified", "calls functions that fill buffers, and none of them checked"
        ),
        "Functions that fill buffers are checked: compile with -O2 -D_FORTIFY_SOURCE=2.",
        Level.WARNING,
    ),
    Check(
        "stack-protector",
        elf_checks.lacks("unguarded", "fills buffers without a guard on the stack"),
        "The stack is guarded: compile with -fstack-protector-strong.",
        Level.WARNING,
    ),
    Check(
        "pie",
        elf_checks.lacks("fixed_address", "is not position-independent"),
        "Programs are position-independent: compile with -fPIE and link with -pie.",
        Level.WARNING,
    ),
    Check(
        "prefix-leftover",
        file_checks.check_prefix_leftover,
        "Nothing is left of the prefix that components are compiled for.",
        content=False,
    ),
    Check(
        "build-path",
        file_checks.check_build_path,
        "Files do not name the directory they were compiled in: hosts do not have it.",
        Level.WARNING,
    ),
    Check(
        CHECKOUT_PATH,
        file_checks.check_checkout_path,
        "Files do not name the directories of the workspace and the project that they come from:"
        " hosts do not have them.",
        Level.WARNING,
        content=False,
    ),
    Check(
        "syntax",
        file_checks.check_syntax,
        "The interpreter compiles all modules of the project; distributions of the index bring"
        " templates and code for others, and are not asked.",
        content=False,
        remedy="correct that line",
    ),
    Check(
        "symlinks",
        file_checks.check_symlinks,
        "Symlinks, relative or absolute, lead to something in the payload.",
        content=False,
    ),
    Check(
        "shebang",
        file_checks.check_shebang,
        "Executable scripts run by /bin/sh or by a program of the payload, never by what"
        " /usr/bin/env finds; their first line has at most 127 bytes.",
    ),
    Check(
        "data-scripts",
        file_checks.check_data_scripts,
        "So do executable scripts among the files of Python packages: helpers of their authors,"
        " mostly, and a few that an app starts if the host has what runs them.",
        Level.WARNING,
    ),
    Check(
        "permissions",
        file_checks.check_permissions,
        "No file is setuid or setgid, and nothing can be written by everybody.",
        content=False,
    ),
    Check(
        "unreadable",
        file_checks.check_unreadable,
        "Somebody may read each file.",
        content=False,
    ),
    Check(
        "root-only",
        file_checks.check_readable_by_services,
        "What is in the app's directory can be read by its services, which do not run as root.",
        Level.WARNING,
        content=False,
    ),
    Check(
        "credentials",
        file_checks.check_credentials,
        "No file that tools read credentials from (.env, .netrc, .pypirc and such) holds any.",
        content=False,
    ),
    Check(
        "secrets",
        file_checks.check_secrets,
        "No private key is shipped to every host. One that a distribution of the index brings, or"
        " a component's tests, the whole world has already.",
        remedy="take the key out, and replace it wherever it is in use",
    ),
    Check(
        "published-keys",
        file_checks.check_published_keys,
        "Private keys in distributions of the index, and in directories of components that are"
        " named test, tests or testing, are samples; look once.",
        Level.WARNING,
    ),
)


def audit(
    payload: Payload,
    glibc_ceiling: str,
    architecture: str,
    known: Mapping[Digest, Facts] | None = None,
    owners: Owners | None = None,
    waivers: Sequence[Waiver] = (),
    checkouts: Iterable[Path] = (),
    uncompiled: Mapping[str, str] | None = None,
) -> Report:
    """Check a payload for a platform.

    Args:
        payload: what would be packaged.
        glibc_ceiling: the highest glibc version that the platform's hosts have, as ``2.31``; empty
            when any is good.
        architecture: of the platform's hosts, as its package format calls it.
        known: facts about contents, by their digest; only other files are read.
        owners: who brought the payload's files; nobody knows when omitted.
        waivers: findings that the recipe has an answer to.
        checkouts: directories that it may have been built from.
        uncompiled: modules of the project that its interpreter cannot compile, by path, and why.
    """
    glibc = tuple(int(part) for part in (glibc_ceiling or ANY_GLIBC).split("."))
    found = of_package(architecture)
    machine = found.name if found else architecture
    ways = ways_to_write(checkouts, payload)
    around = Surroundings(payload, glibc, machine, dict(known or {}), ways, uncompiled or {})
    findings, used = answered(_findings(around, owners or Owners(), CHECKS), waivers)
    unused = [("audit", "waivers", n) for n in range(len(waivers)) if n not in used]
    return Report.of(payload.metadata.name, findings, unused)


def search(payload: Payload, checkouts: Iterable[Path], owners: Owners) -> Report:
    """Look in a payload for the directories that it was built from, and for nothing else."""
    nothing = dict.fromkeys((entry.digest for entry in payload.tree.files()), NOTHING_SPECIAL)
    around = Surroundings(payload, (), "", nothing, ways_to_write(checkouts, payload))
    checks = [check for check in CHECKS if check.name == CHECKOUT_PATH]
    return Report.of(payload.metadata.name, _findings(around, owners, checks))


def _findings(around: Surroundings, owners: Owners, checks: Sequence[Check]) -> Iterator[Finding]:
    of_all = [check for check in checks if not check.content]
    for subject in _subjects(around, owners):
        for check in of_all if subject.facts == NOTHING_SPECIAL else checks:
            for detail in check.function(subject, around):
                yield _finding(check, subject, around, detail)


def _finding(check: Check, subject: Subject, around: Surroundings, detail: str) -> Finding:
    path, owner = subject.path, subject.owner
    inside = path.removeprefix(f"{around.payload.prefix.lstrip('/')}/")
    own = check.remedy if isinstance(check.remedy, str) else check.remedy(subject, around)
    remedies = (own, owner.without(inside))
    remedy = "; ".join(filter(None, remedies))
    return Finding(check.level, check.name, path, detail, str(owner), remedy)


def _subjects(around: Surroundings, owners: Owners) -> Iterator[Subject]:
    """Yield every entry; hard links with what is in the file they repeat.

    A second name is checked like the first, for it stands elsewhere: its runpath and its
    relative links start from there.
    """
    tree = around.payload.tree
    for entry in tree.entries:
        owner = owners.of(entry.path)
        if entry.kind is Kind.FILE:
            yield Subject(entry, around.facts(entry), owner)
        elif entry.kind is Kind.HARDLINK:
            yield Subject(entry, around.facts(tree.by_path[entry.target]), owner)
        else:
            yield Subject(entry, owner=owner)
