"""The table of all checks: what is demanded of each file, how gravely, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from omnibuild.audit.checks import elf_checks, file_checks, openssl_checks, twin_checks
from omnibuild.audit.owners import Brings, Owner
from omnibuild.audit.report import Level
from omnibuild.audit.subject import Subject, Surroundings


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table.

    Args:
        name: what findings and documentation call it.
        function: yields a sentence for each fault of a subject.
        explanation: what is demanded, and why.
        level: how grave its findings are.
        of_components: how grave they are in what is compiled here; as ``level`` when omitted.
        content: it looks at nothing but facts about contents, and most contents have none.
        remedy: what to do, before anything that can be done about any finding; where that
            depends on the file, a function that says it.
    """

    name: str
    function: Callable[[Subject, Surroundings], Iterator[str]]
    explanation: str
    level: Level = Level.ERROR
    of_components: Level | None = None
    content: bool = True
    remedy: str | Callable[[Subject, Surroundings], str] = ""

    def level_for(self, owner: Owner) -> Level:
        """Return how grave a finding is in a file of ``owner``."""
        if self.of_components and owner.kind is Brings.COMPONENT:
            return self.of_components
        return self.level


CHECKOUT_PATH = "checkout-path"

# What is wrong with a file by its content and name alone, whatever is packaged with it.
FORESEEN = ("syntax", "credentials", "secrets")

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
        "one-library",
        twin_checks.check_twins,
        "A library that others need is in the payload once: of two with one name a process takes"
        " the one that it loads first for both, which need not be the one that a file was compiled"
        " with. What a component alone loads may be a copy of its own, and the same bytes again"
        " are the same library.",
        Level.WARNING,
        remedy=twin_checks.without_twin,
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
        "other-machines",
        elf_checks.check_other_machines,
        "Distributions bring no programs for other processors besides those for the platform's:"
        " nobody starts them, so that they can be left out.",
        Level.WARNING,
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
        Level.ERROR,
        remedy=elf_checks.with_own_flags,
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
        Level.ERROR,
        remedy=elf_checks.with_own_flags,
    ),
    Check(
        "one-openssl",
        openssl_checks.check_openssl,
        "The app has one OpenSSL: the component's, which an update of omnibuild brings up to date,"
        " and which finds the certificates of the host. A copy in a wheel is as old as the wheel.",
        Level.WARNING,
        remedy=openssl_checks.without_openssl,
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
        "Executable scripts run by /bin/sh or by a program of the payload; /usr/bin/env may find"
        " the app's own commands, and nothing else. Their first line has at most 127 bytes.",
    ),
    Check(
        "data-scripts",
        file_checks.check_data_scripts,
        "So do executable scripts among the files of Python packages, and those that distributions"
        " of the index install: helpers of their authors, mostly, and a few that an app starts if"
        " the host has what runs them.",
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
