"""Checks of any file: traces of the build, links, scripts, permissions and secrets."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterator

from omnibuild.audit.checkouts import first_in
from omnibuild.audit.facts import BUILD_PATH, leftovers
from omnibuild.audit.owners import Brings
from omnibuild.audit.subject import Subject, Surroundings
from omnibuild.payload.placing import MOTIF, references
from omnibuild.tree import Kind

SHELL = "/bin/sh"
ENV = "/usr/bin/env"

# Linux before 5.1 cuts the first line off there.
SHEBANG_AT_MOST = 127

SETUID_SETGID = 0o6000
WORLD_WRITABLE = 0o002

LONGEST_LINE = 4096

# On every host, whoever runs there.
OF_KERNEL = ("/dev/", "/proc/", "/sys/")

READABLE = 0o444
OPEN_FILE, OPEN_DIRECTORY = 0o004, 0o005

_SAMPLES = (".example", ".sample", ".template", ".dist", ".defaults")
_ASSIGNMENT = re.compile(
    r"\s*(?:export\s+)?(?P<name>[A-Z0-9_]*(?:SECRET|PASSWORD|PASSWD|TOKEN|API_?KEY|ACCESS_KEY"
    r"|PRIVATE_KEY|CREDENTIALS?|_PW|_PASS|DATABASE_URL|_DSN)[A-Z0-9_]*)\s*=\s*[\"']?"
    r"(?P<value>[^\s\"'#]+)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"<|\$|\{|x+$|\*+$|\.\.\.|(change|replace|fill|insert|your|example|dummy|none$|null$)"
    r"|(true|false|[0-9]{1,5})$|[a-z+]+://[^:@/]*(:[0-9]+)?(/|$)",
    re.IGNORECASE,
)
_CREDENTIAL_FILES = {
    ".netrc": re.compile(r".*\b(?P<name>password)\s+(?P<value>\S+)"),
    ".pypirc": re.compile(r"\s*(?P<name>password)\s*[=:]\s*(?P<value>\S+)"),
    ".npmrc": re.compile(r".*(?P<name>_authToken|_password|_auth)\s*=\s*(?P<value>\S+)"),
    ".git-credentials": re.compile(r"(?P<name>[a-z]+)://[^:/@]*:(?P<value>[^@/]+)@"),
    ".pgpass": re.compile(r"(?P<name>[^#:]+):[^:]*:[^:]*:[^:]*:(?P<value>.+)"),
}

_TEST_DIRECTORIES = frozenset({"test", "tests", "testing"})


def check_prefix_leftover(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report traces of the prefix that components are compiled for."""
    found, prefix = subject.facts.leftovers, around.payload.prefix
    if found and MOTIF in prefix:
        # An app may itself be called ombi: then its own directory is no trace.
        own = prefix.encode()
        found = leftovers(around.payload.read(subject.entry).replace(own, bytes(len(own))))
    if found:
        where = f"{found.count}, first at offset {found.first:#x}"
        yield f"holds the build prefix or pieces of it: {where}"
    names = f"{subject.path}\n{subject.entry.target}"
    if MOTIF in names and references(os.fsencode(names)):
        yield "the build prefix is in its name or in what it links to"


def check_build_path(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report the name of the directory that components are compiled in."""
    offset = subject.facts.build_path
    if offset is not None:
        yield f"holds the path {BUILD_PATH.decode()} at offset {offset:#x}"


def check_checkout_path(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report the directories that the app was built from."""
    if subject.entry.kind is not Kind.FILE or not around.checkouts:
        return
    with around.payload.open(subject.entry) as stream:
        found = first_in(stream, around.checkouts)
    if found is not None:
        # Without the path: reports are passed on with what they are about.
        yield f"holds the path of the checkout that it was built from at offset {found:#x}"


def check_syntax(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report modules of the app that its interpreter cannot compile."""
    if why := around.uncompiled.get(subject.path):
        yield f"the app's interpreter cannot compile it: {why}"


def check_symlinks(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report symlinks that lead to nothing in the payload."""
    if subject.entry.kind is not Kind.SYMLINK:
        return
    target = subject.entry.target
    path = posixpath.join("/", posixpath.dirname(subject.path), target)
    if around.find(path) is None and not posixpath.normpath(path).startswith(OF_KERNEL):
        yield f"leads to {target}, which is not in the payload"


def check_shebang(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report programs whose interpreter need not be on the host."""
    if not _is_data(subject):
        yield from _interpreter_faults(subject, around)


def check_data_scripts(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report scripts of Python packages whose interpreter hosts need not have."""
    if _is_data(subject):
        yield from _interpreter_faults(subject, around)


def _is_data(subject: Subject) -> bool:
    """Tell whether a file is one that a Python package carries beside its modules.

    Of distributions of the index also what they install as programs: graphite-web's helper in bash
    stands beside what people start.
    """
    return "/site-packages/" in subject.path or subject.owner.kind is Brings.DISTRIBUTION


def _interpreter_faults(subject: Subject, around: Surroundings) -> Iterator[str]:
    shebang = subject.facts.shebang
    if shebang is None or not subject.entry.executable:
        return
    interpreter = shebang.interpreter
    path = _command_by_env(subject, around) if interpreter == ENV else interpreter
    found = around.find(path) if path.startswith("/") else None
    if interpreter != SHELL and not (found and found.kind is Kind.FILE and found.executable):
        yield f"its interpreter {interpreter!r} is neither {SHELL} nor a program of the payload"
    if shebang.size > SHEBANG_AT_MOST:
        yield f"its first line has {shebang.size} bytes, old kernels cut it at {SHEBANG_AT_MOST}"


def _command_by_env(subject: Subject, around: Surroundings) -> str:
    """Return where env finds what a script's first line names, if hosts have that of the app."""
    with around.payload.open(subject.entry) as script:
        words = script.read(SHEBANG_AT_MOST).partition(b"\n")[0].split()[1:]
    names = [word.decode(errors="replace") for word in words if word != b"-S"]
    return f"/usr/bin/{names[0]}" if names else ""


def check_permissions(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report what gives more rights than it should."""
    if subject.entry.kind is Kind.SYMLINK:
        return
    if subject.entry.mode & SETUID_SETGID:
        yield f"setuid or setgid: mode {subject.entry.mode:04o}"
    if subject.entry.mode & WORLD_WRITABLE:
        yield f"everybody may write: mode {subject.entry.mode:04o}"


def check_unreadable(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report what not even its owner may read."""
    if subject.entry.kind is not Kind.SYMLINK and not subject.entry.mode & READABLE:
        yield f"nobody may read it: mode {subject.entry.mode:04o}"


def check_readable_by_services(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report what is in the app's directory and closed to all but root."""
    entry = subject.entry
    own = around.payload.prefix and around.is_own(f"/{subject.path}")
    if entry.kind is Kind.SYMLINK or not own:
        return
    owner, group = around.payload.owners.get(f"/{subject.path}", ("root", "root"))
    if owner != "root" or (group != "root" and entry.mode & stat.S_IRGRP):
        return  # The recipe gives it to somebody: the app's user.
    wanted = OPEN_DIRECTORY if entry.kind is Kind.DIRECTORY else OPEN_FILE
    if entry.mode & READABLE and entry.mode & wanted != wanted:
        yield f"only root may use it: mode {entry.mode:04o}"


def check_credentials(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report files called like those that hold credentials, with some in them."""
    name = posixpath.basename(subject.path)
    if subject.entry.kind is not Kind.FILE or not credentials_of(name):
        return
    if found := credential_in(name, around.payload.read(subject.entry)):
        yield f"holds credentials: {found}"


def credential_in(name: str, content: bytes) -> str:
    """Return what the first credential of a file is called; empty for any other file.

    Args:
        name: of the file, as tools look for it.
        content: what is in it.
    """
    pattern = credentials_of(name)
    for line in content.decode("utf-8", "replace").splitlines() if pattern else ():
        # Patterns try again at every character; no credential is longer.
        found = pattern.match(line[:LONGEST_LINE]) if pattern else None
        if found and not _PLACEHOLDER.match(found["value"]):
            return found["name"]
    return ""


def credentials_of(name: str) -> re.Pattern[str] | None:
    """Return what a credential looks like in a file of that name; none for most names."""
    if name == ".env" or (name.startswith(".env.") and not name.endswith(_SAMPLES)):
        return _ASSIGNMENT
    return _CREDENTIAL_FILES.get(name)


def check_secrets(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report private keys that may be somebody's secret."""
    if not _is_published(subject):
        yield from _keys(subject)


def check_published_keys(subject: Subject, around: Surroundings) -> Iterator[str]:
    """Report private keys that are no secret any more."""
    if _is_published(subject):
        yield from _keys(subject)


def _is_published(subject: Subject) -> bool:
    """Tell whether everybody can have the file: of the index, or a sample in tests of others."""
    if subject.owner.kind in (Brings.COMPONENT, Brings.ROOT, Brings.SOMEBODY):
        return not _TEST_DIRECTORIES.isdisjoint(subject.path.split("/")[:-1])
    return subject.owner.kind is Brings.DISTRIBUTION


def _keys(subject: Subject) -> Iterator[str]:
    if subject.facts.private_key is not None:
        yield f"holds a private key at offset {subject.facts.private_key:#x}"
