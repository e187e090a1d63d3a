"""The audit: every check of one table on every file of a payload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from omnibuild.architectures import of_package
from omnibuild.audit import elf_checks, file_checks
from omnibuild.audit.facts import NOTHING_SPECIAL, Facts
from omnibuild.audit.report import Finding, Level, Report
from omnibuild.audit.subject import Subject, Surroundings
from omnibuild.digests import Digest
from omnibuild.payload.model import Payload
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
    """

    name: str
    function: Callable[[Subject, Surroundings], Iterator[str]]
    explanation: str
    level: Level = Level.ERROR
    content: bool = True


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
        elf_checks.check_executable_stack,
        "No stack is executable: glibc from 2.41 on does not load such a library, and SELinux"
        " forbids it.",
    ),
    Check(
        "text-relocations",
        elf_checks.check_text_relocations,
        "Code stays as it was compiled: SELinux forbids to write it. Compile it with -fPIC.",
    ),
    Check(
        "bindnow",
        elf_checks.check_bindnow,
        "Functions are bound at the start, so that nobody can redirect them: link with -z now.",
        Level.WARNING,
    ),
    Check(
        "fortify",
        elf_checks.check_fortify,
        "Functions that fill buffers are checked: compile with -O2 -D_FORTIFY_SOURCE=2.",
        Level.WARNING,
    ),
    Check(
        "stack-protector",
        elf_checks.check_stack_protector,
        "The stack is guarded: compile with -fstack-protector-strong.",
        Level.WARNING,
    ),
    Check(
        "pie",
        elf_checks.check_pie,
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
        "No private key is shipped to every host.",
    ),
    Check(
        "test-keys",
        file_checks.check_test_keys,
        "Private keys in directories named test, tests or testing are samples; look once.",
        Level.WARNING,
    ),
)


def audit(
    payload: Payload,
    glibc_ceiling: str,
    architecture: str,
    known: Mapping[Digest, Facts] | None = None,
) -> Report:
    """Check a payload for a platform.

    Args:
        payload: what would be packaged.
        glibc_ceiling: the highest glibc version that the platform's hosts have, as ``2.31``.
        architecture: of the platform's hosts, as its package format calls it.
        known: facts about contents, by their digest; only other files are read.
    """
    glibc = tuple(int(part) for part in glibc_ceiling.split("."))
    hosts = of_package(architecture)
    machine = hosts.name if hosts else architecture
    around = Surroundings(payload, glibc, machine, dict(known or {}))
    return Report.of(payload.metadata.name, _findings(around))


def _findings(around: Surroundings) -> Iterator[Finding]:
    of_all = [check for check in CHECKS if not check.content]
    for subject in _subjects(around):
        for check in of_all if subject.facts == NOTHING_SPECIAL else CHECKS:
            for detail in check.function(subject, around):
                yield Finding(check.level, check.name, subject.path, detail)


def _subjects(around: Surroundings) -> Iterator[Subject]:
    """Yield every entry; hard links with what is in the file they repeat.

    A second name is checked like the first, for it stands elsewhere: its runpath and its
    relative links start from there.
    """
    tree = around.payload.tree
    for entry in tree.entries:
        if entry.kind is Kind.FILE:
            yield Subject(entry, around.facts(entry))
        elif entry.kind is Kind.HARDLINK:
            yield Subject(entry, around.facts(tree.by_path[entry.target]))
        else:
            yield Subject(entry)
